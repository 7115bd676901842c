"""One difference between facts and spec, in the words that a person reads.

A finding *blocks* when the host must not go on, *warns* when it may but somebody should know, and
*notes* what could not be checked or what is only remarkable. Each says what it means and what to
do: a path and two values help nobody in front of a rack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["critical", "warning", "note"]
Effect = Literal["blocks", "warns", "notes"]

_EFFECTS: dict[Severity, Effect] = {"critical": "blocks", "warning": "warns", "note": "notes"}

NOT_REPORTED = "not reported"

WHOLE_FROM = 100
"""Larger figures are told without decimals."""


class Mismatch(BaseModel):
    """One difference between facts and spec, and what a person can do about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    wanted: str
    found: str
    severity: Severity
    remedy: str
    meaning: str = ""
    """What follows from it for whoever uses the host."""

    def __str__(self) -> str:
        return f"{self.path}: wanted {self.wanted}, found {self.found}"

    @property
    def effect(self) -> Effect:
        """The severity as people are told it."""
        return _EFFECTS[self.severity]

    def told(self) -> str:
        """The whole finding in one line."""
        meaning = f" ({self.meaning})" if self.meaning else ""
        return f"{self.effect}: {self}{meaning}; {self.remedy}"


def critical(mismatches: Iterable[Mismatch]) -> tuple[Mismatch, ...]:
    """Those that park the host."""
    return tuple(mismatch for mismatch in mismatches if mismatch.severity == "critical")


def blocks(path: str, wanted: object, found: object, *, meaning: str, remedy: str) -> Mismatch:
    """The host must not go on."""
    return _finding("critical", path, wanted, found, meaning=meaning, remedy=remedy)


def warns(path: str, wanted: object, found: object, *, meaning: str, remedy: str) -> Mismatch:
    """The host may go on, and somebody should know."""
    return _finding("warning", path, wanted, found, meaning=meaning, remedy=remedy)


def notes(path: str, wanted: object, found: object, *, meaning: str, remedy: str) -> Mismatch:
    """It is told for the record."""
    return _finding("note", path, wanted, found, meaning=meaning, remedy=remedy)


def count(
    path: str, wanted: int, found: int, part: str, *, lacking: str, fewer: str
) -> Iterator[Mismatch]:
    """Fewer parts than designed block, more are told."""
    if found < wanted:
        yield blocks(path, wanted, found, meaning=lacking, remedy=fewer)
    elif found > wanted:
        yield warns(
            path,
            wanted,
            found,
            meaning="nobody designed, rates or accepts the surplus",
            remedy=f"more {part} than designed: remove them, or correct the spec",
        )


def same_text(wanted: str, found: str) -> bool:
    """Vendors pad and re-case names between firmware versions; that is no other part."""
    return wanted.split() == found.split() or wanted.casefold().split() == found.casefold().split()


def figure(value: float) -> str:
    """A measured figure without digits that mean nothing."""
    return str(round(value)) if value >= WHOLE_FROM else f"{value:.3g}"


def _finding(
    severity: Severity, path: str, wanted: object, found: object, *, meaning: str, remedy: str
) -> Mismatch:
    return Mismatch(
        path=path,
        wanted=str(wanted),
        found=str(found),
        severity=severity,
        meaning=meaning,
        remedy=remedy,
    )
