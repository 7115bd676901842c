"""Whose claims end for an ask that may end others': the least important, the fewest, the youngest.

A claim gives way only if it agreed to when it was made, and only to a higher priority, or to a
tenant that is within its guarantee when its own tenant is over its own. A claim ends whole, so what
it costs is all that it has, also where one unit of it would do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runtime.allocation.ask import Ask, Holding
from runtime.allocation.quota import Quotas
from runtime.allocation.search import Search
from runtime.allocation.unit import Unit


@dataclass(frozen=True, slots=True)
class Eviction:
    """These claims end, and the ask gets these units."""

    victims: tuple[Holding, ...]
    units: tuple[Unit, ...]


def gives_way(ask: Ask, holding: Holding, quotas: Quotas, *, milli: int) -> bool:
    """True when a claim may be ended for an ask."""
    if not holding.preemptible or not ask.may_preempt:
        return False
    if holding.priority < ask.priority:
        return True
    if holding.tenant == ask.tenant or holding.priority > ask.priority:
        return False
    return quotas.within_guarantee(ask.tenant, milli) and quotas.over_guarantee(holding.tenant)


def evict(search: Search, holdings: Iterable[Holding]) -> Eviction | None:
    """The cheapest group to make room in; None when ending all of these makes none."""
    groups: dict[str, dict[str, Holding]] = {}
    gain: dict[str, int] = {}
    for holding in holdings:
        for unit in search.back(holding.unit_ids):
            if group := unit.at(search.level):
                groups.setdefault(group, {})[holding.id] = holding
                gain[group] = gain.get(group, 0) + search.view.weight(unit)
    found = (
        _evict_in(search, group, groups[group].values())
        for group in sorted(groups)
        if search.total(group) + gain[group] >= search.part.need
    )
    return min((one for one in found if one), key=_cost, default=None)


def _evict_in(search: Search, group: str, holdings: Iterable[Holding]) -> Eviction | None:
    """Claims of one group, one after the other until there is room; who is not needed stays."""
    pool = search.free(search.level, group)
    victims: list[Holding] = []
    amount = search.weigh(pool)
    for holding in sorted(holdings, key=_reluctance):
        back = [unit for unit in search.back(holding.unit_ids) if unit.at(search.level) == group]
        pool += back
        amount += search.weigh(back)
        victims.append(holding)
        chosen = search.choose(pool) if amount >= search.part.need else []
        if chosen:
            needed = {search.stock.holder(unit.id) for unit in chosen}
            return Eviction(tuple(one for one in victims if one.id in needed), tuple(chosen))
    return None


def _reluctance(holding: Holding) -> tuple[int, float, str]:
    """Whose end is least bad comes first."""
    return holding.priority, -holding.since.timestamp(), holding.id


def _cost(eviction: Eviction) -> tuple[int, int, int, str]:
    victims = eviction.victims
    units = sum(len(one.unit_ids) for one in victims)
    highest = max((one.priority for one in victims), default=0)
    return highest, units, len(victims), min((one.id for one in victims), default="")
