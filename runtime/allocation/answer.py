"""What the allocator answers: these units and why, or none and why, and what comes first.

A claim that waits without a reason is the complaint about every scheduler we looked at. So a
refusal names the constraint that fails, counts what fell through every other one, says what would
free it and, where the ends of claims are known, when.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runtime.allocation.unit import Constraint


@dataclass(frozen=True, slots=True)
class Placed:
    """These units, and why these."""

    ask_id: str
    unit_ids: tuple[str, ...]
    reasons: tuple[str, ...]
    by_part: tuple[tuple[str, ...], ...] = ()

    @property
    def why(self) -> str:
        """One line for people."""
        return "; ".join(self.reasons)


@dataclass(frozen=True, slots=True)
class Estimate:
    """When it could start, on which units, and whose end that waits for."""

    start_at: datetime
    unit_ids: tuple[str, ...]
    after: tuple[str, ...]
    """Claims that end until then."""


@dataclass(frozen=True, slots=True)
class Move:
    """A claim that, started anew elsewhere, would make room where room is missing."""

    claim_id: str
    units: int
    out_of: str


@dataclass(frozen=True, slots=True)
class Refused:
    """No units, and the constraint that failed first."""

    ask_id: str
    constraint: Constraint
    message: str
    free: int = 0
    """Units that could be used if the constraint were not there."""
    counts: Mapping[Constraint, int] = field(default_factory=dict)
    estimate: Estimate | None = None
    moves: tuple[Move, ...] = ()
    preempts: tuple[str, ...] = ()
    """Claims that are to end for it, each after its own grace."""
    quota: str = ""
    """Whose quota is used up."""


Answer = Placed | Refused
