"""Which units of one group, once the group is known to have enough.

Few racks, and in a rack few domains: traffic stays short and large holes stay whole for large asks.
Each time the smallest that fits what is still missing is taken, else the one that gives most.
Inside a domain the feeds take turns, so that one breaker takes as few units along as can be. Where
a number of feeds is asked for, that rules instead: the feeds take turns over the whole group, which
gives the most feeds and the least on any one of them, so that what fits in no other way fits so.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from runtime.allocation.ask import Part
from runtime.allocation.unit import Unit

Weigh = Callable[[Unit], int]


def choose(
    part: Part, candidates: Iterable[Unit], weigh: Weigh, near_racks: AbstractSet[str]
) -> list[Unit]:
    """Units that give what the part needs; empty when these cannot."""
    units = list(candidates)
    if sum(map(weigh, units)) < part.need:
        return []
    if part.feeds_min > 1:
        return _over_feeds(part, units, weigh)
    return _by_rack(part.need, units, weigh, near_racks)


def spread_holds(part: Part, units: Iterable[Unit]) -> bool:
    """True when the units are on as many feeds as asked, none with more than its even part."""
    feeds = Counter(unit.feed for unit in units)
    return part.feeds_min <= 1 or (
        len(feeds) >= part.feeds_min
        and max(feeds.values()) <= math.ceil(feeds.total() / part.feeds_min)
    )


def _over_feeds(part: Part, units: list[Unit], weigh: Weigh) -> list[Unit]:
    units.sort(key=lambda unit: (-weigh(unit), unit.name))
    chosen: list[Unit] = []
    got = 0
    for unit in _in_turns(units):
        chosen.append(unit)
        got += weigh(unit)
        if got >= part.need and len(chosen) >= part.feeds_min:
            return chosen if spread_holds(part, chosen) else []
    return []


def _by_rack(
    need: int, units: list[Unit], weigh: Weigh, near_racks: AbstractSet[str]
) -> list[Unit]:
    chosen: list[Unit] = []
    missing = need
    racks = _groups(units, lambda unit: unit.rack)
    weights = {rack: sum(map(weigh, members)) for rack, members in racks.items()}
    while missing > 0 and racks:
        rack = _next(weights, missing, near_racks)
        members = racks.pop(rack)
        taken = members if weights.pop(rack) <= missing else _by_domain(missing, members, weigh)
        chosen += taken
        missing -= sum(map(weigh, taken))
    return chosen


def _by_domain(need: int, units: list[Unit], weigh: Weigh) -> list[Unit]:
    domains = _groups(units, lambda unit: unit.domain)
    if len(domains) == len(units):
        return _some(need, units, weigh)
    chosen: list[Unit] = []
    missing = need
    weights = {domain: sum(map(weigh, members)) for domain, members in domains.items()}
    while missing > 0 and domains:
        domain = _next(weights, missing, frozenset())
        members = domains.pop(domain)
        taken = members if weights.pop(domain) <= missing else _some(missing, members, weigh)
        chosen += taken
        missing -= sum(map(weigh, taken))
    return chosen


def _some(need: int, units: list[Unit], weigh: Weigh) -> list[Unit]:
    """Of units alike in place: large ones first, and the last no larger than it must be."""
    units.sort(key=lambda unit: (-weigh(unit), unit.name))
    chosen: list[Unit] = []
    missing = need
    turns = list(_in_turns(units))
    for place, unit in enumerate(turns):
        if missing <= weigh(unit):
            fitting = (one for one in turns[place:] if weigh(one) >= missing)
            chosen.append(min(fitting, key=weigh))  # the first of several alike
            break
        chosen.append(unit)
        missing -= weigh(unit)
    return chosen


def _next(weights: dict[str, int], missing: int, near: AbstractSet[str]) -> str:
    """Smaller is better; where nothing holds the rest, better the more it holds."""

    def score(name: str) -> tuple[bool, bool, int, str]:
        weight = weights[name]
        too_small = weight < missing
        return too_small, name not in near, -weight if too_small else weight, name

    return min(weights, key=score)


def _groups(units: Iterable[Unit], key: Callable[[Unit], str]) -> dict[str, list[Unit]]:
    found: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        found[key(unit)].append(unit)
    return found


def _in_turns(units: Iterable[Unit]) -> Iterable[Unit]:
    """Take turns among the feeds; each feed's units in their order."""
    feeds = _groups(units, lambda unit: unit.feed)
    if len(feeds) == 1:
        return next(iter(feeds.values()))
    turns = [
        (turn, feed, unit)
        for feed, members in sorted(feeds.items())
        for turn, unit in enumerate(members)
    ]
    turns.sort(key=lambda item: item[:2])
    return [unit for _, _, unit in turns]
