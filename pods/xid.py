"""What an NVIDIA driver's error numbers mean, and what a site does about each.

The driver prints an Xid into the kernel's log when something went wrong on a GPU: some are a bug in
a tenant's program, some a part that must go back to its maker. Sources disagree about a few, so the
policy is a table with the source beside each row, and an operator can read why a host was drained.
A number that nobody lists only warns: a host is not taken out of the offer for what nobody knows.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pods.datafile import Row, Sourced, Table, load_table

Action = Literal["none", "warn", "drain", "reset", "replace"]
"""`none`: the program's own fault, or information. `warn`: a person should know. `drain`: accept
the host again before it is offered. `reset`: the same, and the accelerator needs its power cut.
`replace`: a part has to change."""

UNKNOWN: Action = "warn"


class Xid(Sourced):
    """One number."""

    code: Annotated[int, Field(ge=1)]
    meaning: str
    action: Action
    remedy: str


class XidPolicy(Table):
    """All numbers, each once, in order."""

    unknown_source: Sourced
    rows: tuple[Xid, ...]

    @model_validator(mode="after")
    def _each_once(self) -> XidPolicy:
        codes = [row.code for row in self.rows]
        if codes != sorted(set(codes)):
            raise ValueError("each code stands once, in rising order")
        return self

    def codes(self, *actions: Action) -> frozenset[int]:
        """The numbers for which one of these is done."""
        return frozenset(row.code for row in self.rows if row.action in actions)


class Verdict(Row):
    """What one reported number asks for."""

    code: int
    meaning: str
    action: Action
    remedy: str


def policy() -> XidPolicy:
    """The shipped policy."""
    return load_table("xid", XidPolicy)


@cache
def codes(*actions: Action) -> frozenset[int]:
    """The numbers for which the shipped policy does one of these: asked at every look at a host."""
    return policy().codes(*actions)


def verdict(code: int) -> Verdict:
    """What this number means here; one that is not listed warns."""
    row = _by_code().get(code)
    if row is None:
        return Verdict(
            code=code,
            meaning="not in the table",
            action=UNKNOWN,
            remedy="look it up in NVIDIA's Xid catalogue, and tell us what it needs",
        )
    return Verdict(code=code, meaning=row.meaning, action=row.action, remedy=row.remedy)


@cache
def _by_code() -> dict[int, Xid]:
    return {row.code: row for row in policy().rows}
