"""How a pod wants its drives erased before the next tenant comes, and what counts as erased.

A drive's own word is not enough: some say that they were sanitized and still hold their data. So
what is asked for, what the drive says of it and what a read shows are three different things, and
only the last two together, taken by an operating system of ours, prove anything.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pods.part import Part

EraseMethod = Literal["crypto", "block", "overwrite"]
"""Throw the key away, erase every cell, or write over every sector: quick, slow and slowest."""


class ErasePolicy(Part):
    """What is tried on every drive of a host that comes back, in which order."""

    methods: Annotated[tuple[EraseMethod, ...], Field(min_length=1, max_length=3)]
    """The next one is tried where a drive cannot do the one before."""
    unable: Literal["park", "retire-drive"] | None = None
    """What is done about a drive that none of them erased. Left out, the host is parked until the
    drive is gone. `retire-drive`: the host goes on, and is not offered while the drive is in it."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.methods)) != len(self.methods):
            raise ValueError(f"erase.methods names one twice: {', '.join(self.methods)}")
        return self


class DriveRead(BaseModel):
    """What an operating system of ours read of one drive: its sanitize log, and a sample."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slot: str = Field(default="", max_length=64)
    serial: str = Field(min_length=1, max_length=64)
    completed: bool
    """The drive's log says that its last sanitize ended well."""
    globally_erased: bool
    """The drive's log says that nothing was written since."""
    sampled: int = Field(ge=0)
    """Blocks that were read, all over the drive."""
    holding: int = Field(ge=0)
    """Those of them that hold something."""
    method: str = Field(default="", max_length=16)
    """How the host's own agent erased it, where its BMC did not; empty: it did not have to."""
    overwritten: bool = False
    """Every block was written over by that agent in this boot: no log could say it."""
    refused: str = Field(default="", max_length=400)
    """Why the agent did not erase it, or what went wrong."""
    log: str = Field(default="", max_length=400)
    """The drive's own word, as it was said."""

    def doubts(self) -> tuple[str, ...]:
        """What speaks against its being erased; empty when it is proven."""
        logged = not self.overwritten
        found = (
            (bool(self.refused), self.refused),
            (logged and not self.completed, "its log does not say that a sanitize completed"),
            (logged and not self.globally_erased, "its log does not say that all of it is erased"),
            (self.sampled == 0, "nothing was read of it"),
            (self.holding > 0, f"{self.holding} of {self.sampled} blocks read hold data"),
        )
        return tuple(why for wrong, why in found if wrong)
