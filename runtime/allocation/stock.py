"""All units, which of them are free, and why the others are not.

One unit is free or has one reason why it is not; whatever is counted (by group, by kind, by view)
is changed with it and nowhere else.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from runtime.allocation.ask import Choice
from runtime.allocation.unit import DEPTH, LEVELS, Bar, Constraint, Kind, Level, Unit
from runtime.allocation.view import View

VIEWS_MAX = 96
"""Standing questions that are kept: a site's tenants ask in a few dozen ways."""

FREE = Bar(Constraint.CLASS, "free")
"""Stands for no bar, so that one look-up tells a free unit from one that nobody knows."""


class Stock:
    """The units, and everything that is counted about them."""

    def __init__(self) -> None:
        self._units: dict[str, Unit] = {}
        self._why: dict[str, Bar] = {}
        self._holder: dict[str, str] = {}
        self._reserved: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        self._expiring: list[tuple[datetime, str]] = []
        self._now: datetime | None = None
        self._free: tuple[dict[str, dict[str, Unit]], ...] = tuple({} for _ in LEVELS)
        self._members: tuple[dict[str, dict[str, Unit]], ...] = tuple({} for _ in LEVELS)
        self._least: dict[Kind, int] = {}
        self._free_of: dict[Kind, dict[str, Unit]] = {}
        self._size: dict[Kind, int] = defaultdict(int)
        self._barred: dict[Kind, dict[Constraint, dict[str, str]]] = {}
        self._views: dict[tuple[Choice, str], View] = {}
        self._watching: dict[Kind, list[View]] = {}

    def __len__(self) -> int:
        return len(self._units)

    def __contains__(self, unit_id: str) -> bool:
        return unit_id in self._units

    def unit(self, unit_id: str) -> Unit:
        """One unit; KeyError when there is none."""
        return self._units[unit_id]

    def all(self) -> Iterable[Unit]:
        """Every unit."""
        return self._units.values()

    def is_free(self, unit_id: str) -> bool:
        """True when nobody has it and nothing bars it."""
        return self._why.get(unit_id) is FREE

    def is_fit(self, unit_id: str) -> bool:
        """True when at most a claim or a promise stands in the way."""
        unit = self._units[unit_id]
        return unit.bar is None and unit_id not in self._refused and self._is_certified(unit)

    def holder(self, unit_id: str) -> str:
        """The claim that has it, or nothing."""
        return self._holder.get(unit_id, "")

    def why(self, unit_id: str) -> Bar | None:
        """Why it is not free; None when it is."""
        found = self._why[unit_id]
        return None if found is FREE else found

    def free_of(self, kinds: Iterable[Kind]) -> Iterator[Unit]:
        """Every free unit of these kinds."""
        for kind in kinds:
            yield from self._free_of.get(kind, {}).values()

    def free_in(self, level: Level, group: str) -> Iterable[Unit]:
        """Every free unit of a group."""
        return self._free[DEPTH[level]].get(group, {}).values()

    def sites(self) -> Collection[str]:
        """The sites that have units."""
        return self._members[DEPTH[Level.SITE]].keys()

    def members(self, level: Level, group: str) -> Iterable[Unit]:
        """Every unit of a group, free or not."""
        return self._members[DEPTH[level]].get(group, {}).values()

    def charge_min(self, kinds: Iterable[Kind]) -> int:
        """What one unit of these kinds counts at least."""
        return min((self._least[kind] for kind in kinds if kind in self._least), default=0)

    def kinds(self) -> Mapping[Kind, int]:
        """How many units there are of each kind."""
        return self._size

    def barred(self, kind: Kind) -> Mapping[Constraint, Mapping[str, str]]:
        """Names and details of the units of a kind that are not free, by reason."""
        return self._barred.get(kind, {})

    def put(self, unit: Unit) -> None:
        """A unit that is new, or as it is now."""
        old = self._units.get(unit.id)
        forgiven = self._refused.pop(unit.id, None)  # whatever was refused may have changed
        if old == unit:
            if forgiven is not None:
                self._settle(unit.id)
            return
        if old is not None:
            self._remove(old)
        self._units[unit.id] = unit
        if unit.kind not in self._watching:
            self._new_kind(unit.kind)
        self._size[unit.kind] += 1
        self._least[unit.kind] = min(unit.charge, self._least.get(unit.kind, unit.charge))
        for members, group in zip(self._members, unit.groups, strict=True):
            members.setdefault(group, {})[unit.id] = unit
        if unit.certified_until is not None:
            heapq.heappush(self._expiring, (unit.certified_until, unit.id))
        self._settle(unit.id)

    def drop(self, unit_id: str) -> None:
        """A unit that is no more."""
        old = self._units.get(unit_id)
        if old is not None:
            self._remove(old)
            del self._units[unit_id]

    def hold(self, unit_id: str, claim_id: str) -> None:
        """A claim has it."""
        self._holder[unit_id] = claim_id
        self._settle(unit_id)

    def give_back(self, unit_id: str) -> None:
        """No claim has it any more."""
        self._holder.pop(unit_id, None)
        self._settle(unit_id)

    def reserve(self, unit_id: str, ask_id: str) -> None:
        """Keep it for an ask, from when it is free."""
        self._reserved[unit_id] = ask_id
        self._settle(unit_id)

    def unreserve(self, unit_id: str) -> None:
        """Keep it for nobody."""
        self._reserved.pop(unit_id, None)
        self._settle(unit_id)

    def reserved_for(self, unit_id: str) -> str:
        """The ask that it is kept for, or nothing."""
        return self._reserved.get(unit_id, "")

    def refuse(self, unit_id: str, reason: str) -> None:
        """Its certificate does not hold; until the unit changes it is not offered."""
        self._refused[unit_id] = reason
        self._settle(unit_id)

    def advance(self, now: datetime) -> list[str]:
        """Time goes on: certificates expire. Units that may have."""
        self._now = now
        expired: list[str] = []
        while self._expiring and self._expiring[0][0] <= now:
            unit_id = heapq.heappop(self._expiring)[1]
            self._settle(unit_id)
            expired.append(unit_id)
        return expired

    def view(self, choice: Choice, profile: str) -> View:
        """The standing question about a choice."""
        key = (choice, profile)
        found = self._views.pop(key, None)
        if found is None:
            found = View(choice, profile, self, self._size)
            for kind in found.kinds:
                self._watching[kind].append(found)
        self._views[key] = found  # the one asked last stands last
        return found

    def views(self) -> Iterable[View]:
        """Every standing question."""
        return self._views.values()

    def forget_views(self, keep: Iterable[View]) -> None:
        """Drop the questions not asked for longest, but none of these."""
        kept = set(map(id, keep))
        for key, view in tuple(self._views.items()):
            if len(self._views) <= VIEWS_MAX:
                return
            if id(view) not in kept:
                del self._views[key]
                for kind in view.kinds:
                    self._watching[kind].remove(view)

    def _new_kind(self, kind: Kind) -> None:
        self._watching[kind] = []
        for view in self._views.values():
            if view.choice.takes(kind):
                view.kinds.add(kind)
                self._watching[kind].append(view)

    def _remove(self, unit: Unit) -> None:
        self._uncount(unit, self._why.pop(unit.id))
        for view in self._watching[unit.kind]:
            view.forget(unit)
        self._size[unit.kind] -= 1
        for members, group in zip(self._members, unit.groups, strict=True):
            del members[group][unit.id]
            if not members[group]:
                del members[group]

    def _settle(self, unit_id: str) -> None:
        """Find out anew whether a unit is free, and count it where it belongs."""
        unit = self._units.get(unit_id)
        if unit is None:
            return
        old, new = self._why.get(unit_id), self._reason(unit)
        if old == new:
            return
        if old is not None:
            self._uncount(unit, old)
        self._why[unit_id] = new
        free = new is FREE
        if free:
            self._free_of.setdefault(unit.kind, {})[unit_id] = unit
            for members, group in zip(self._free, unit.groups, strict=True):
                members.setdefault(group, {})[unit_id] = unit
        else:
            reasons = self._barred.setdefault(unit.kind, {})
            reasons.setdefault(new.constraint, {})[unit.name] = new.detail
        if free or old is FREE:
            for view in self._watching[unit.kind]:
                view.moved(unit_id, freed=free)

    def _uncount(self, unit: Unit, why: Bar) -> None:
        if why is not FREE:
            names = self._barred[unit.kind][why.constraint]
            del names[unit.name]
            if not names:
                del self._barred[unit.kind][why.constraint]
            return
        del self._free_of[unit.kind][unit.id]
        for members, group in zip(self._free, unit.groups, strict=True):
            inside = members[group]
            del inside[unit.id]
            if not inside:
                del members[group]

    def _reason(self, unit: Unit) -> Bar:
        if unit.bar is not None and unit.bar.constraint is Constraint.WITHDRAWN:
            return unit.bar
        if unit.id in self._holder:
            return _HELD
        if unit.bar is not None:
            return unit.bar
        if unit.certified_until is None:
            return _UNCERTIFIED
        if not self._is_certified(unit):
            return _EXPIRED
        if (refused := self._refused.get(unit.id)) is not None:
            return Bar(Constraint.REFUSED, refused)
        return _RESERVED if unit.id in self._reserved else FREE

    def _is_certified(self, unit: Unit) -> bool:
        until = unit.certified_until
        return until is not None and (self._now is None or until > self._now)


_HELD = Bar(Constraint.HELD)
_UNCERTIFIED = Bar(Constraint.UNCERTIFIED)
_EXPIRED = Bar(Constraint.EXPIRED)
_RESERVED = Bar(Constraint.RESERVED)
