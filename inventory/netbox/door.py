"""What the API asks of the NetBox sync, without loading it: pynetbox is an extra."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

Errand = Literal["check", "plan", "apply", "import"]


class NetBoxRun(BaseModel):
    """One errand at NetBox, under way or done."""

    model_config = ConfigDict(frozen=True)

    id: str
    errand: Errand
    by: str
    state: Literal["running", "done", "failed"] = "running"
    started_at: datetime
    ended_at: datetime | None = None
    problem: str = ""
    """Why it failed."""
    hint: str = ""
    result: dict[str, Any] = Field(default_factory=dict)
    """`check`: version and choices; `plan`: the plan; `apply`: the plan and what came of it;
    `import`: what a list would answer."""


class NetBoxDrift(BaseModel):
    """What differed when podyard last looked at all of NetBox."""

    model_config = ConfigDict(frozen=True)

    at: datetime | None = None
    """None: not looked yet."""
    counts: dict[str, int] = Field(default_factory=dict)
    """Objects that a push would create, change or delete."""
    steps: tuple[dict[str, Any], ...] = ()
    refused: tuple[dict[str, Any], ...] = ()
    orphans: tuple[dict[str, Any], ...] = ()
    intents: tuple[dict[str, Any], ...] = ()
    """Fields that NetBox owns and our records say otherwise."""

    @property
    def clean(self) -> bool:
        """True when both sides say the same."""
        return self.at is not None and not (
            self.steps or self.refused or self.orphans or self.intents
        )


class NetBoxStatus(BaseModel):
    """How the two get on."""

    model_config = ConfigDict(frozen=True)

    configured: bool = False
    url: str = ""
    version: str = ""
    push: str = ""
    owner: str = ""
    running: str = ""
    """The errand under way."""
    looked_at: datetime | None = None
    pushed_at: datetime | None = None
    problem: str = ""
    """Why the last round failed; empty: it did not."""
    hint: str = ""
    waiting_hints: int = 0
    drift: dict[str, int] = Field(default_factory=dict)
    """How many steps, refusals, orphans and intents stand out."""


class NetBoxReading(Protocol):
    """NetBox, for whoever only reads it. Blocking."""

    def every(self, kind: str, **filters: Sequence[str | int]) -> list[Any]:
        """All rows, or those whose field has one of the values."""


class NetBoxDoor(Protocol):
    """The sync, as the API sees it. All calls return at once."""

    def status(self) -> NetBoxStatus:
        """How it stands."""

    def drift(self) -> NetBoxDrift:
        """What differed at the last look."""

    def start(
        self, errand: Errand, *, by: str, digest: str = "", delete: bool = False
    ) -> NetBoxRun:
        """Begin an errand. Conflict when one is under way."""

    def look(
        self, errand: Errand, *, by: str, work: Callable[[NetBoxReading], dict[str, Any]]
    ) -> NetBoxRun:
        """Begin an errand that only reads there. Conflict when one is under way."""

    def run_of(self, key: str) -> NetBoxRun | None:
        """An errand, or None when it is forgotten."""

    def hint(self, body: bytes, signature: str) -> bool:
        """A webhook of NetBox. False when it is not signed by the shared secret."""
