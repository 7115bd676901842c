"""What tenants ask for, of one seed: mostly little, sometimes much, often close together."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from runtime.allocation.ask import Ask, Choice, Part
from runtime.allocation.quota import Quota
from runtime.allocation.unit import Level
from runtime.bench.site import DECODE, MOE, SITES

SIZES = {1: 40, 2: 20, 4: 16, 8: 12, 16: 7, 32: 4, 64: 1}
"""Weights: most claims are of one host, most units are in claims of eight and more."""

ORGANISATIONS, TENANTS = 20, 200
CLASSES = ("b200-8", "h200-8", "gb200-4")
CLASS_WEIGHTS = (50, 25, 25)

HETEROGENEOUS = 0.03
"""Shares of the asks: with two parts, in B200-equivalents of one domain or of one pod, ..."""
IN_ONE_DOMAIN, IN_ONE_POD = 0.10, 0.05
OVER_FEEDS, SITE_NAMED, OWNED_ONLY = 0.08, 0.1, 0.1
PREEMPTIBLE, PREEMPTING, WITHOUT_END = 0.3, 0.02, 0.3


def quotas_of(total_milli: int, seed: int) -> list[Quota]:
    """Organisations that share the site out a little more than once, and tenants below them."""
    rng = random.Random(f"quotas {seed}")  # noqa: S311 - a seed names a run
    found = [
        Quota(
            f"org{n}",
            weight=rng.choice((1.0, 2.0, 4.0)),
            limit_milli=round(total_milli * rng.uniform(0.06, 0.12)),
            guaranteed_milli=round(total_milli * 0.02),
        )
        for n in range(ORGANISATIONS)
    ]
    found.extend(
        Quota(
            f"tenant{n}",
            parent=f"org{n % ORGANISATIONS}",
            weight=rng.choice((1.0, 1.0, 3.0)),
            limit_milli=round(total_milli * rng.uniform(0.008, 0.03)),
            units_max={"gb200-4": 288} if n % 3 == 0 else {},
        )
        for n in range(TENANTS)
    )
    return found


class Asking:
    """Draws one ask after the other."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"asks {seed}")  # noqa: S311 - a seed names a run
        self._number = 0

    def next(self, now: datetime) -> Ask:
        """An ask of the mix."""
        rng = self._rng
        self._number += 1
        parts: tuple[Part, ...] = (self._part(),)
        if rng.random() < HETEROGENEOUS:
            parts = (self._amount(Level.SITE, ("gb200-4",)), self._whole(Level.RACK))
        return Ask(
            id=f"c{self._number:07}",
            tenant=f"tenant{rng.randrange(TENANTS)}",
            parts=parts,
            asked_at=now,
            cluster=f"k{self._number}",
            priority=rng.choices((0, 1, 2), (70, 25, 5))[0],
            preemptible=rng.random() < PREEMPTIBLE,
            grace=timedelta(seconds=60),
            may_preempt=rng.random() < PREEMPTING,
            lasts=self._lasts(),
        )

    def pick(self, names: list[str]) -> str:
        """One of several, for whoever ends a claim."""
        return self._rng.choice(names)

    def _part(self) -> Part:
        draw = self._rng.random()
        if draw < IN_ONE_DOMAIN:
            return self._amount(Level.DOMAIN, ("gb200-4",))
        if draw < IN_ONE_DOMAIN + IN_ONE_POD:
            return self._amount(Level.POD, ("b200-8", "h200-8"))
        return self._whole(None)

    def _whole(self, level: Level | None) -> Part:
        rng = self._rng
        unit_class = rng.choices(CLASSES, CLASS_WEIGHTS)[0]
        count = rng.choices(tuple(SIZES), tuple(SIZES.values()))[0]
        within = level or self._level(unit_class, count)
        if level is not None:
            count = min(count, 4)
        feeds_min = 2 if count > 1 and rng.random() < OVER_FEEDS else 1
        return Part(self._choice((unit_class,)), count=count, within=within, feeds_min=feeds_min)

    def _amount(self, within: Level, classes: tuple[str, ...]) -> Part:
        """At least so many B200-equivalents for a profile: 6 and more, in one domain."""
        profile = self._rng.choice((DECODE, MOE))
        milli = self._rng.choice((6, 12, 16, 24, 48)) * 1000
        return Part(self._choice(classes), b200e_milli=milli, profile=profile, within=within)

    def _choice(self, classes: tuple[str, ...]) -> Choice:
        rng = self._rng
        return Choice(
            classes=frozenset(classes),
            site=rng.choice(SITES) if rng.random() < SITE_NAMED else "",
            owned=True if rng.random() < OWNED_ONLY else None,
        )

    def _level(self, unit_class: str, count: int) -> Level:
        """As close as the class allows, or not close at all."""
        rack = 18 if unit_class == "gb200-4" else 4
        leaf = rack * (4 if unit_class == "gb200-4" else 8)
        fits = [(Level.RACK, rack), (Level.LEAF, leaf), (Level.POD, 2 * leaf)]
        close = [level for level, size in fits if count <= size]
        return self._rng.choice([*close, Level.SITE, Level.SITE])

    def _lasts(self) -> timedelta | None:
        if self._rng.random() < WITHOUT_END:
            return None
        return timedelta(minutes=self._rng.expovariate(1 / 600))
