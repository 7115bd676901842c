"""How much each tenant may hold, and whose turn it is: a tree of quotas.

What a tenant holds counts for it and for everyone above it, in thousandths of a B200-equivalent
and, where a class is limited, in units. A limit is never passed. A guarantee is what others must
give back when it is asked for. Between tenants of the same priority the turn goes, from the top of
the tree down, to whoever holds least for its weight. A tenant without a quota has no limit and the
weight of one.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from runtime.allocation.unit import MILLI, Unit


class QuotaRefused(ValueError):
    """A quota that makes no tree."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What a tenant, or everybody below a name, may hold."""

    name: str
    parent: str = ""
    weight: float = 1.0
    guaranteed_milli: int = 0
    limit_milli: int | None = None
    units_max: Mapping[str, int] = field(default_factory=dict)
    """By class of unit; a class that is not named has no limit of its own."""


@dataclass(frozen=True, slots=True)
class Excess:
    """By how much a limit would be passed."""

    quota: str
    what: str
    limit: str
    used: str
    wanted: str


class Quotas:
    """The tree, and what is held in it."""

    def __init__(self) -> None:
        self._quotas: dict[str, Quota] = {}
        self._lines: dict[str, tuple[str, ...]] = {}
        self._milli: Counter[str] = Counter()
        self._units: dict[str, Counter[str]] = defaultdict(Counter)

    def set(self, quota: Quota, held: Mapping[str, Iterable[Unit]]) -> None:
        """Add or replace a quota; `held` is what every tenant has, to count it in the new tree."""
        self._check(quota)
        self._quotas[quota.name] = quota
        self._count_anew(held)

    def drop(self, name: str, held: Mapping[str, Iterable[Unit]]) -> None:
        """Forget a quota; what was below it is then below nothing."""
        self._quotas.pop(name, None)
        self._count_anew(held)

    def line(self, tenant: str) -> tuple[str, ...]:
        """A tenant and everyone above it, from the tenant up."""
        known = self._lines.get(tenant)
        if known is None:
            names = [tenant]
            while (quota := self._quotas.get(names[-1])) is not None and quota.parent:
                names.append(quota.parent)
            known = self._lines[tenant] = tuple(names)
        return known

    def charge(self, tenant: str, units: Iterable[Unit], *, times: int = 1) -> None:
        """Count units as held; with `times=-1`, as given back."""
        classes = Counter(unit.kind.unit_class for unit in units)
        milli = sum(unit.charge for unit in units) * times
        for name in self.line(tenant):
            self._milli[name] += milli
            for unit_class, count in classes.items():
                self._units[name][unit_class] += count * times

    def excess(self, tenant: str, units: Iterable[Unit]) -> Excess | None:
        """Which limit these units would pass; None when none."""
        found = tuple(units)
        return self.excess_of(
            tenant, sum(u.charge for u in found), Counter(u.kind.unit_class for u in found)
        )

    def excess_of(self, tenant: str, milli: int, classes: Mapping[str, int]) -> Excess | None:
        """The same, told in amounts."""
        for name in self.line(tenant):
            quota = self._quotas.get(name)
            if quota is None:
                continue
            used = self._milli[name]
            if quota.limit_milli is not None and used + milli > quota.limit_milli:
                shown = (quota.limit_milli, used, milli)
                return Excess(name, "B200-equivalents", *(f"{one / MILLI:g}" for one in shown))
            for unit_class, limit in quota.units_max.items():
                wanted, held = classes.get(unit_class, 0), self._units[name][unit_class]
                if wanted and held + wanted > limit:
                    what = f"units of class {unit_class}"
                    return Excess(name, what, str(limit), str(held), str(wanted))
        return None

    def room(self, name: str) -> float:
        """How much more may be held below a name, in thousandths."""
        quota = self._quotas.get(name)
        if quota is None or quota.limit_milli is None:
            return math.inf
        return quota.limit_milli - self._milli[name]

    def within_guarantee(self, tenant: str, milli: int) -> bool:
        """True when, with so much more, someone on the line holds no more than its guarantee."""
        return any(
            (quota := self._quotas.get(name)) is not None
            and quota.guaranteed_milli > 0
            and self._milli[name] + milli <= quota.guaranteed_milli
            for name in self.line(tenant)
        )

    def over_guarantee(self, tenant: str) -> bool:
        """True when nobody on the line has a guarantee that covers what it holds."""
        return not self.within_guarantee(tenant, 0)

    def turn(self, tenant: str) -> tuple[tuple[float, str], ...]:
        """Sorts tenants by whose turn it is: the smallest first."""
        return tuple((self._share(name), name) for name in reversed(self.line(tenant)))

    def used_milli(self, name: str) -> int:
        """What is held by a tenant, or below a name."""
        return self._milli[name]

    def used_units(self, name: str, unit_class: str) -> int:
        """The same, in units of a class."""
        return self._units[name][unit_class]

    def known(self) -> Mapping[str, Quota]:
        """Every quota by its name."""
        return self._quotas

    def _share(self, name: str) -> float:
        quota = self._quotas.get(name)
        return self._milli[name] / (quota.weight if quota else 1.0)

    def _check(self, quota: Quota) -> None:
        if quota.weight <= 0:
            raise QuotaRefused(
                f"quota {quota.name}: weight={quota.weight:g} is not above zero; "
                "hint: leave it at 1 unless a tenant is to get more than its even part"
            )
        seen, name = {quota.name}, quota.parent
        while name:
            if name in seen:
                raise QuotaRefused(
                    f"quota {quota.name}: parent={quota.parent!r} is below it; "
                    "hint: name somebody above it, or nobody"
                )
            seen.add(name)
            above = self._quotas.get(name)
            name = above.parent if above else ""

    def _count_anew(self, held: Mapping[str, Iterable[Unit]]) -> None:
        self._lines.clear()
        self._milli.clear()
        self._units.clear()
        for tenant, units in held.items():
            self.charge(tenant, tuple(units))
