"""Why these units: from which racks, how full those are now, on which feeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet

from runtime.allocation.ask import Ask
from runtime.allocation.fitting import Fit
from runtime.allocation.stock import Stock
from runtime.allocation.unit import Level, Unit, plain

RACKS_TOLD = 8
"""Beyond these the line says how many more: a claim of a whole pod is not read rack by rack."""


def reasons(stock: Stock, ask: Ask, fit: Fit, near: AbstractSet[str]) -> tuple[str, ...]:
    """One reason a rack, in the order in which they were chosen. Asked before anything is held."""
    told: list[str] = []
    for part, units in zip(ask.parts, fit.by_part, strict=True):
        racks: dict[str, list[Unit]] = {}
        for unit in units:
            racks.setdefault(unit.rack, []).append(unit)
        view = stock.view(part.choice, part.profile)
        for rack, taken in racks.items():
            if len(told) == RACKS_TOLD:
                return (*told, f"and {len(racks)} racks in all")
            free = sum(1 for unit in stock.free_in(Level.RACK, rack) if view.counts(unit.id))
            told.append(_rack(rack, taken, free=free, near=rack in near))
    return tuple(told)


def _rack(rack: str, taken: list[Unit], *, free: int, near: bool) -> str:
    feeds = Counter(unit.feed for unit in taken)
    spread = ", ".join(f"{n} on feed {plain(feed)}" for feed, n in sorted(feeds.items()))
    beside = ", beside the cluster's other hosts" if near else ""
    return f"{len(taken)} of {free} free in rack {plain(rack)}{beside} ({spread})"
