"""Filter, fit, score: from an ask to units, or to the part that did not fit and why.

The filter is the view of each part. To fit is to find a group, at the closest level that has one,
in which enough is free. To score is to prefer, among groups that fit equally well, those where the
cluster already is, and then those whose surroundings are fullest, so that empty racks, leaves and
pods stay whole. Nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from runtime.allocation.ask import Ask, Part
from runtime.allocation.search import Search
from runtime.allocation.stock import Stock
from runtime.allocation.unit import DEPTH, LEVELS, Constraint, Level, Unit

ALIKE_MAX = 16
"""Groups with equally much free that are scored by what is around them."""

Near = Mapping[Level, AbstractSet[str]]


@dataclass(frozen=True, slots=True)
class Fit:
    """Units for every part, in the order of the parts."""

    by_part: tuple[tuple[Unit, ...], ...]

    @property
    def units(self) -> tuple[Unit, ...]:
        """All of them."""
        return tuple(unit for units in self.by_part for unit in units)


@dataclass(frozen=True, slots=True)
class Misfit:
    """The part that got nothing."""

    part: Part
    constraint: Constraint
    """CLASS: too few are free, wherever. TOPOLOGY, FEEDS: enough are, but not like that."""


def fit(stock: Stock, ask: Ask, near: Near) -> Fit | Misfit:
    """Units for all parts, or the part that fits nowhere."""
    searches = [Search.of(stock, ask, part, near[Level.RACK]) for part in ask.parts]
    for search in searches:
        if search.view.free() == 0 or search.view.total < search.part.need:
            return Misfit(search.part, Constraint.CLASS)
    if len(searches) > 1:
        return _fit_parts(ask, searches, near)
    found = _fit_part(searches[0], near)
    return Fit((tuple(found),)) if found else _misfit(searches[0])


def _fit_parts(ask: Ask, searches: list[Search], near: Near) -> Fit | Misfit:
    """All parts in one group. Whoever can choose among least chooses first."""
    order = sorted(
        range(len(searches)),
        key=lambda n: (len(searches[n].view.kinds), DEPTH[searches[n].level], n),
    )
    first = searches[order[0]]
    failing = _misfit(first)
    for _, group in first.view.ranking(ask.together).at_least(first.part.need):
        found: dict[int, tuple[Unit, ...]] = {}
        taken: set[str] = set()
        for n in order:
            search = searches[n]
            if search.view.ranking(ask.together).totals.get(group, 0) < search.part.need:
                break
            if ask.together is Level.SITE:
                units = _fit_part(search, near, site=group, taken=taken)
            else:
                free = [u for u in search.free(ask.together, group) if u.id not in taken]
                units = fit_among(search, free)
            if not units:
                failing = _misfit(search)
                break
            found[n] = tuple(units)
            taken.update(unit.id for unit in units)
        else:
            return Fit(tuple(found[n] for n in range(len(searches))))
    return failing


def _fit_part(
    search: Search, near: Near, *, site: str = "", taken: AbstractSet[str] = frozenset()
) -> list[Unit]:
    """At the closest level that has a group for it, the group that fits best."""
    for closer in _from_closest(search.level):
        for group in _candidates(search, closer, near[closer]):
            if site and closer is Level.SITE and group != site:
                continue
            pool = _pool(search, closer, group, taken)
            if site and closer is not Level.SITE:
                pool = [unit for unit in pool if unit.at(Level.SITE) == site]
            units = search.choose(pool)
            if units and (closer is search.level or _same(units, search.level)):
                return units
    return []


def _pool(search: Search, level: Level, group: str, taken: AbstractSet[str]) -> list[Unit]:
    """Free units of a group; of a site only the racks with most, as long as those are enough."""
    if level is Level.SITE and search.part.feeds_min == 1:
        found = _fullest_racks(search, group, taken)
        if search.weigh(found) >= search.part.need:
            return found
    return [unit for unit in search.free(level, group) if unit.id not in taken]


def _fullest_racks(search: Search, site: str, taken: AbstractSet[str]) -> list[Unit]:
    """The cluster's racks, then whole racks from the largest on, then the one that fits best."""
    racks = search.view.ranking(Level.RACK)
    found: dict[str, Unit] = {}
    used: set[str] = set()
    missing = search.part.need

    def take(rack: str) -> int:
        used.add(rack)
        units = [u for u in search.free(Level.RACK, rack) if u.at(Level.SITE) == site]
        fresh = {unit.id: unit for unit in units if unit.id not in taken}
        found.update(fresh)
        return search.weigh(fresh.values())

    for rack in sorted(search.near_racks):
        missing -= take(rack)
    for total, rack in reversed(racks.order):
        if missing <= 0:
            break
        if total > missing:
            best = next((r for _, r in racks.at_least(missing) if r not in used), rack)
            missing -= take(best)
        if missing > 0 and rack not in used:
            missing -= take(rack)
    return list(found.values())


def fit_among(search: Search, free: Iterable[Unit]) -> list[Unit]:
    """Units out of these alone, in one group of the level, as close together as can be."""
    units = list(free)
    for closer in _from_closest(search.level):
        groups: dict[str, list[Unit]] = {}
        for unit in units:
            groups.setdefault(unit.at(closer), []).append(unit)
        groups.pop("", None)
        sums = {group: search.weigh(members) for group, members in groups.items()}
        for group in sorted(groups, key=lambda group: (sums[group], group)):
            found = search.choose(groups[group]) if sums[group] >= search.part.need else []
            if found and (closer is search.level or _same(found, search.level)):
                return found
    return []


def _from_closest(level: Level) -> Iterator[Level]:
    """Levels to try: from the rack on, but never wider than what is asked."""
    first = min(DEPTH[Level.RACK], DEPTH[level])
    return iter(LEVELS[first : DEPTH[level] + 1])


def _candidates(search: Search, level: Level, near: AbstractSet[str]) -> Iterator[str]:
    """Groups with enough, best first."""
    ranking, need = search.view.ranking(level), search.part.need
    if ranking.best < need:
        return
    tried = set()
    for group in sorted(near, key=lambda group: (ranking.totals.get(group, 0), group)):
        if ranking.totals.get(group, 0) >= need:
            tried.add(group)
            yield group
    alike = ranking.alike(need, ALIKE_MAX)
    if len(alike) > 1:
        best = min(alike, key=lambda group: _around(search, level, group))
        if best not in tried:
            tried.add(best)
            yield best
    for _, group in ranking.at_least(need):
        if group not in tried:
            yield group


def _around(search: Search, level: Level, group: str) -> tuple[tuple[int, ...], str]:
    """How much is free around a group: the less, the better it fits."""
    view, wider = search.view, LEVELS[DEPTH[level] + 1 : DEPTH[Level.SITE]]
    members = search.stock.free_in(level, group)
    one = next((unit for unit in members if view.counts(unit.id)), None)
    if one is None:
        return (), group
    return tuple(view.ranking(up).totals.get(one.at(up), 0) for up in wider), group


def _same(units: Iterable[Unit], level: Level) -> bool:
    groups = {unit.at(level) for unit in units}
    return len(groups) == 1 and "" not in groups


def _misfit(search: Search) -> Misfit:
    """Enough is free, but not so close together, or not on so many feeds."""
    spread = search.part.feeds_min > 1
    if spread and search.view.ranking(search.level).best >= search.part.need:
        return Misfit(search.part, Constraint.FEEDS)
    return Misfit(search.part, Constraint.TOPOLOGY)
