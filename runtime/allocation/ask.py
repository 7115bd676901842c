"""What a claim asks for: so many units, or so many B200-equivalents, of which kind and how close.

An ask may have several parts (prefill on one class, decode on another); it gets all of them or
nothing. A part is a number of units, or an amount of B200-equivalents for a named profile, never
both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from runtime.allocation.unit import DEPTH, Kind, Level, Unit


class AskRefused(ValueError):
    """An ask that no site could ever serve as it is written."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which kinds of unit will do."""

    classes: frozenset[str] = frozenset()
    """None: any class that has the profile."""
    accept_simulated: bool = False
    site: str = ""
    owned: bool | None = None
    price_max: float | None = None
    labels: frozenset[tuple[str, str]] = frozenset()

    def of_class(self, kind: Kind) -> bool:
        """True when the class is one that was asked for."""
        return not self.classes or kind.unit_class in self.classes

    def takes(self, kind: Kind) -> bool:
        """True when units of this kind will do."""
        return (
            self.of_class(kind)
            and (self.accept_simulated or not kind.simulated)
            and self.fits(kind)
        )

    def fits(self, kind: Kind) -> bool:
        """True when site, ownership, price and labels are as asked."""
        return (
            (not self.site or kind.site == self.site)
            and (self.owned is None or kind.owned is self.owned)
            and (self.price_max is None or kind.price_per_hour <= self.price_max)
            and self.labels <= kind.labels
        )


@dataclass(frozen=True, slots=True)
class Part:
    """One sort of unit within an ask."""

    choice: Choice
    count: int = 0
    b200e_milli: int = 0
    """At least so many thousandths, rated for the profile; instead of a count."""
    profile: str = ""
    within: Level = Level.SITE
    """All units of the part in one group of this level."""
    beside: tuple[Level, str] | None = None
    """Only units of this group: others that it must be with are there."""
    feeds_min: int = 1
    """On at least so many feeds, none of which carries more than its even part."""

    @property
    def need(self) -> int:
        """Units, or thousandths of a B200-equivalent."""
        return self.b200e_milli or self.count

    def may_be_at(self, unit: Unit) -> bool:
        """True where the part may have a unit, whatever it is."""
        return self.beside is None or unit.at(self.beside[0]) == self.beside[1]

    def check(self) -> None:
        """Raise AskRefused when it cannot mean anything."""
        if bool(self.count) == bool(self.b200e_milli) or self.need < 1:
            raise AskRefused(
                f"count={self.count}, b200e_milli={self.b200e_milli}: give one of them; "
                "hint: a number of units, or B200-equivalents for a profile"
            )
        if self.b200e_milli and not self.profile:
            raise AskRefused(
                "profile='': B200-equivalents mean nothing without one; "
                "hint: name the profile that the units are rated for"
            )
        if self.feeds_min < 1 or (self.count and self.feeds_min > self.count):
            raise AskRefused(
                f"feeds_min={self.feeds_min}: {self.count} units cannot be on so many feeds; "
                "hint: from 1 to the number of units"
            )


@dataclass(frozen=True, slots=True)
class Ask:
    """A claim, in the allocator's words."""

    id: str
    tenant: str
    parts: tuple[Part, ...]
    asked_at: datetime
    cluster: str = "main"
    priority: int = 0
    preemptible: bool = False
    """May be ended, after its grace, for one of higher priority or for a guaranteed share."""
    grace: timedelta = timedelta(minutes=5)
    """How long its holder is told beforehand."""
    may_preempt: bool = False
    lasts: timedelta | None = None
    """None: until released. Who says an end may use what is reserved for later."""
    together: Level = Level.SITE
    """All parts in one group of this level."""

    def check(self) -> None:
        """Raise AskRefused when it cannot mean anything."""
        if not self.parts:
            raise AskRefused(f"ask {self.id} has no parts; hint: ask for one unit at least")
        for part in self.parts:
            part.check()

    def level_of(self, part: Part) -> Level:
        """How close the units of a part must be, as a part of this ask."""
        return min(part.within, self.together, key=DEPTH.__getitem__)

    def ends(self, begins: datetime) -> datetime | None:
        """When it is over, if it begins then."""
        return None if self.lasts is None else begins + self.lasts


@dataclass(frozen=True, slots=True)
class Holding:
    """A claim that has its units."""

    id: str
    tenant: str
    unit_ids: tuple[str, ...]
    since: datetime
    cluster: str = "main"
    priority: int = 0
    preemptible: bool = False
    grace: timedelta = timedelta(minutes=5)
    ends_at: datetime | None = None
