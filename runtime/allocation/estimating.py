"""When a refused ask could start: walk along the ends of claims until enough has come free.

Only the next ends are walked, so that saying why costs the same at any size; who would have to wait
longer than those is told no time rather than a wrong one. A claim without an end frees nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from runtime.allocation.answer import Estimate
from runtime.allocation.ask import Holding
from runtime.allocation.search import Search
from runtime.allocation.stock import Stock
from runtime.allocation.unit import Unit

ENDS_WALKED = 256
"""A few days of a busy site, and well under a millisecond."""


def estimate(search: Search, ending: Iterable[tuple[datetime, Holding]]) -> Estimate | None:
    """The first moment at which the part fits, if claims end when they say."""
    freed: dict[str, list[Unit]] = {}
    gained: dict[str, int] = {}
    for ends_at, holding in ending:
        touched: set[str] = set()
        for unit in search.back(holding.unit_ids):
            if group := unit.at(search.level):
                freed.setdefault(group, []).append(unit)
                gained[group] = gained.get(group, 0) + search.view.weight(unit)
                touched.add(group)
        for group in sorted(touched):
            if search.total(group) + gained[group] < search.part.need:
                continue
            found = search.choose([*search.free(search.level, group), *freed[group]])
            if found:
                unit_ids = tuple(unit.id for unit in found)
                return Estimate(ends_at, unit_ids, _awaited(search.stock, found))
    return None


def _awaited(stock: Stock, units: Iterable[Unit]) -> tuple[str, ...]:
    return tuple(sorted({holder for unit in units if (holder := stock.holder(unit.id))}))
