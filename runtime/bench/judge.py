"""Checks every answer of the allocator by rules told a second time, from what was asked alone.

It shares no code with the allocator but the words: it keeps its own list of who holds what, adds up
its own quotas, and looks at every unit given.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from runtime.allocation.answer import Placed
from runtime.allocation.ask import Ask, Part
from runtime.allocation.quota import Quota
from runtime.allocation.unit import LEVELS, Level, Unit


class Judge:
    """Who holds what, and what was wrong with it."""

    def __init__(self, units: Iterable[Unit], quotas: Iterable[Quota]) -> None:
        self.units = {unit.id: unit for unit in units}
        self.quotas = {quota.name: quota for quota in quotas}
        self.violations: list[str] = []
        self.held_milli = 0
        self.usable_milli = sum(u.charge for u in self.units.values() if u.bar is None)
        self._usable = Counter(u.kind.unit_class for u in self.units.values() if u.bar is None)
        self._held: Counter[str] = Counter()
        self._holder: dict[str, str] = {}
        self._claims: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._milli: Counter[str] = Counter()
        self._classes: Counter[tuple[str, str]] = Counter()

    def given(self, ask: Ask, placed: Placed, now: datetime) -> None:
        """An ask got units."""
        if placed.ask_id != ask.id or ask.id in self._claims:
            self._wrong(ask, "was given units twice")
        if len(placed.by_part) != len(ask.parts):
            self._wrong(ask, "did not get all its parts")
        if len(set(placed.unit_ids)) != sum(map(len, placed.by_part)):
            self._wrong(ask, "got one unit for two parts")
        for part, unit_ids in zip(ask.parts, placed.by_part, strict=False):
            self._part(ask, part, [self.units[unit_id] for unit_id in unit_ids], now)
        everything = [self.units[unit_id] for unit_id in placed.unit_ids]
        if not _one_group(everything, ask.together):
            self._wrong(ask, f"has parts in several groups of level {ask.together}")
        for unit in everything:
            if unit.id in self._holder:
                self._wrong(ask, f"got {unit.id}, which {self._holder[unit.id]} holds")
            self._holder[unit.id] = ask.id
        self._claims[ask.id] = (ask.tenant, placed.unit_ids)
        self._charge(ask.tenant, everything, 1)
        self._check_quotas(ask)

    def ended(self, claim_id: str) -> None:
        """A claim gave its units back."""
        tenant, unit_ids = self._claims.pop(claim_id)
        for unit_id in unit_ids:
            del self._holder[unit_id]
        self._charge(tenant, [self.units[unit_id] for unit_id in unit_ids], -1)

    def holders(self) -> list[str]:
        """Claims that have units."""
        return list(self._claims)

    def used_milli(self, name: str) -> int:
        """What is held by a tenant, or below a name."""
        return self._milli[name]

    def recount(self) -> None:
        """Add everything up again: the tree of quotas is another."""
        self.held_milli = 0
        for counted in (self._held, self._milli, self._classes):
            counted.clear()
        for tenant, unit_ids in self._claims.values():
            self._charge(tenant, [self.units[unit_id] for unit_id in unit_ids], 1)

    def free_of(self, classes: Iterable[str]) -> tuple[int, int]:
        """Units of these classes that nobody holds, and all of them."""
        usable = sum(self._usable[name] for name in classes)
        return usable - sum(self._held[name] for name in classes), usable

    def _part(self, ask: Ask, part: Part, units: list[Unit], now: datetime) -> None:
        choice = part.choice
        for unit in units:
            kind = unit.kind
            right = (
                (not choice.classes or kind.unit_class in choice.classes)
                and (choice.accept_simulated or not kind.simulated)
                and (not choice.site or kind.site == choice.site)
                and (choice.owned is None or kind.owned == choice.owned)
                and (choice.price_max is None or kind.price_per_hour <= choice.price_max)
                and choice.labels <= kind.labels
            )
            valid = unit.certified_until is not None and unit.certified_until > now
            if not right or not valid or unit.bar is not None:
                self._wrong(ask, f"got {unit.id}, which is not what it asked for or not offered")
        if part.count and len(units) != part.count:
            self._wrong(ask, f"got {len(units)} units instead of {part.count}")
        if part.b200e_milli:
            got = sum(unit.ratings.get(part.profile, 0) for unit in units)
            if got < part.b200e_milli:
                self._wrong(ask, f"got {got} thousandths instead of {part.b200e_milli}")
        if not _one_group(units, part.within):
            self._wrong(ask, f"is in several groups of level {part.within}")
        per_feed = Counter(unit.feed for unit in units)
        even = math.ceil(len(units) / part.feeds_min)
        if len(per_feed) < part.feeds_min or (part.feeds_min > 1 and max(per_feed.values()) > even):
            self._wrong(ask, f"is not spread over {part.feeds_min} feeds")

    def _charge(self, tenant: str, units: list[Unit], times: int) -> None:
        milli = sum(unit.charge for unit in units) * times
        self.held_milli += milli
        for unit in units:
            self._held[unit.kind.unit_class] += times
        name = tenant
        while name:
            self._milli[name] += milli
            for unit in units:
                self._classes[name, unit.kind.unit_class] += times
            quota = self.quotas.get(name)
            name = quota.parent if quota else ""

    def _check_quotas(self, ask: Ask) -> None:
        name = ask.tenant
        while quota := self.quotas.get(name):
            if quota.limit_milli is not None and self._milli[name] > quota.limit_milli:
                self._wrong(ask, f"took {name} over its B200-equivalents")
            for unit_class, most in quota.units_max.items():
                if self._classes[name, unit_class] > most:
                    self._wrong(ask, f"took {name} over its units of {unit_class}")
            name = quota.parent

    def _wrong(self, ask: Ask, what: str) -> None:
        self.violations.append(f"{ask.id} {what}")


def _one_group(units: list[Unit], level: Level) -> bool:
    groups = {unit.groups[LEVELS.index(level)] for unit in units}
    return len(groups) == 1 and "" not in groups
