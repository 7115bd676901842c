"""A standing question to the stock: how much that fits one choice is free, in which groups.

Counting all units for every ask costs more the larger the site. A view is counted once and then
kept up: units that move are noted, and looked at together when the view is next asked. So a gang
that comes and goes between two questions costs nothing, and a question costs a search in a sorted
list.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from runtime.allocation.ask import Choice
from runtime.allocation.unit import DEPTH, Kind, Level, Unit


class Free(Protocol):
    """What a view asks of the stock."""

    def is_free(self, unit_id: str) -> bool:
        """True when nobody has it and nothing bars it."""

    def unit(self, unit_id: str) -> Unit:
        """One unit."""

    def free_of(self, kinds: Iterable[Kind]) -> Iterator[Unit]:
        """Every free unit of these kinds."""


class Ranking:
    """Groups of one level in the order of what is free in them."""

    __slots__ = ("order", "totals")

    def __init__(self) -> None:
        self.totals: dict[str, int] = {}
        self.order: list[tuple[int, str]] = []

    def add(self, deltas: Mapping[str, int]) -> None:
        """Change totals. A group without anything free is in no order."""
        totals, order = self.totals, self.order
        for group, delta in deltas.items():
            if not delta or not group:
                continue
            old = totals.get(group, 0)
            new = old + delta
            if old:
                del order[bisect_left(order, (old, group))]
            if new:
                totals[group] = new
                insort(order, (new, group))
            else:
                del totals[group]

    def fill(self, deltas: Mapping[str, int]) -> None:
        """Set all totals at once."""
        self.totals = {group: total for group, total in deltas.items() if group and total}
        self.order = sorted((total, group) for group, total in self.totals.items())

    def at_least(self, need: int) -> Iterator[tuple[int, str]]:
        """Groups with so much free or more, least first."""
        for place in range(bisect_left(self.order, (need, "")), len(self.order)):
            yield self.order[place]

    def alike(self, need: int, most: int) -> list[str]:
        """The groups that fit best, as far as they have equally much free; so many at most."""
        first = bisect_left(self.order, (need, ""))
        found = self.order[first : first + most]
        return [group for total, group in found if total == found[0][0]]

    @property
    def best(self) -> int:
        """The most that is free in one group."""
        return self.order[-1][0] if self.order else 0


class View:
    """What fits one choice, measured in units or in B200-equivalents of one profile."""

    def __init__(self, choice: Choice, profile: str, stock: Free, kinds: Iterable[Kind]) -> None:
        self.choice = choice
        self.profile = profile
        self.kinds = {kind for kind in kinds if choice.takes(kind)}
        self.gained = False
        """Something has become free since this was last set back."""
        self._stock = stock
        self._counted: dict[str, int] = {}
        self._moved: set[str] = set()
        self._rankings: dict[Level, Ranking] = {}
        self.total = 0
        for unit in stock.free_of(self.kinds):
            if weight := self.weight(unit):
                self._counted[unit.id] = weight
                self.total += weight

    def weight(self, unit: Unit) -> int:
        """How much of what is asked for a unit is."""
        return unit.ratings.get(self.profile, 0) if self.profile else 1

    def moved(self, unit_id: str, *, freed: bool) -> None:
        """A unit of one of the kinds was taken or became free."""
        self._moved.add(unit_id)
        if freed:
            self.gained = True

    def forget(self, unit: Unit) -> None:
        """A unit leaves, or will come back as another."""
        self._refresh()
        weight = self._counted.pop(unit.id, 0)
        if weight:
            self.total -= weight
            for level, ranking in self._rankings.items():
                ranking.add({unit.groups[DEPTH[level]]: -weight})

    def ranking(self, level: Level) -> Ranking:
        """Groups of a level, up to date."""
        self._refresh()
        known = self._rankings.get(level)
        if known is None:
            known = self._rankings[level] = Ranking()
            sums: dict[str, int] = defaultdict(int)
            place, unit_of = DEPTH[level], self._stock.unit
            for unit_id, weight in self._counted.items():
                sums[unit_of(unit_id).groups[place]] += weight
            known.fill(sums)
        return known

    def free(self) -> int:
        """How many units are free for it, wherever."""
        self._refresh()
        return len(self._counted)

    def counts(self, unit_id: str) -> int:
        """What a unit counts in the view; 0 when it is not free for it."""
        return self._counted.get(unit_id, 0)

    def _refresh(self) -> None:
        if not self._moved:
            return
        counted, stock = self._counted, self._stock
        changed: list[tuple[Unit, int]] = []
        for unit_id in self._moved:
            old = counted.get(unit_id, 0)
            unit = stock.unit(unit_id)
            new = self.weight(unit) if stock.is_free(unit_id) else 0
            if new == old:
                continue
            changed.append((unit, new - old))
            self.total += new - old
            if new:
                counted[unit_id] = new
            else:
                del counted[unit_id]
        self._moved.clear()
        if not changed:
            return
        for level, ranking in self._rankings.items():
            place = DEPTH[level]
            deltas: dict[str, int] = {}
            for unit, delta in changed:
                group = unit.groups[place]
                deltas[group] = deltas.get(group, 0) + delta
            ranking.add(deltas)
