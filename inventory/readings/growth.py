"""By how much a counter grew, and where it began anew: never by less than nothing.

A part that is reset, replaced or started again counts from the beginning. So a counter that says
less than before has not fallen: it began anew, and what it says now was counted since. What it had
counted between its last reading and the reset is not known, so the growth is a lower bound, and
the moment is told beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Growth:
    """What lies between one reading of a counter and the one before."""

    at: int
    steps: int
    """In quanta of its series; what the first reading says was counted before, by nobody knows."""
    anew: bool
    """It said less than before."""


def growths(readings: Iterable[tuple[int, int]]) -> list[Growth]:
    """Of readings in order, each a moment and what it said."""
    found: list[Growth] = []
    before: int | None = None
    for at, said in readings:
        if before is not None:
            anew = said < before
            found.append(Growth(at, said if anew else said - before, anew))
        before = said
    return found
