"""A site of one seed: three halls of different machines, some rented, each certified on its own.

Shapes are those of the reference designs: eight accelerators in a host that is its own scale-up
domain, four hosts a rack, 32 to a leaf; and eighteen trays of four in a rack that is one domain.
Ratings differ by some per cent from unit to unit, as measured ones do.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from runtime.allocation.unit import Bar, Constraint, Kind, Unit, groups_of

DECODE = "llama-70b-fp8-decode"
MOE = "deepseek-r1-fp4-75tps"


@dataclass(frozen=True, slots=True)
class Make:
    """One sort of host."""

    unit_class: str
    share: float
    racks_per_leaf: int
    hosts_per_rack: int
    leaves_per_pod: int
    rack_is_domain: bool
    ratings: dict[str, int]
    price_per_hour: float
    rented_share: float


MAKES = (
    Make("b200-8", 0.5, 8, 4, 2, False, {DECODE: 8000, MOE: 8000}, 24.0, 0.2),
    Make("h200-8", 0.25, 8, 4, 2, False, {DECODE: 4200, MOE: 1200}, 16.0, 0.4),
    Make("gb200-4", 0.25, 4, 18, 2, True, {DECODE: 4200, MOE: 11000}, 14.0, 0.0),
)
OUT_OF_SERVICE = 0.01
"""A fleet always has some hosts in repair."""

SITES = ("ams", "fra", "osl")


def units_of(hosts: int, seed: int, now: datetime) -> list[Unit]:
    """One unit a host."""
    rng = random.Random(f"site {seed}")  # noqa: S311 - a seed names a run
    return [
        _unit(make, number, rng, now)
        for make in MAKES
        for number in range(round(hosts * make.share))
    ]


def _unit(make: Make, number: int, rng: random.Random, now: datetime) -> Unit:
    rack = number // make.hosts_per_rack
    leaf = rack // make.racks_per_leaf
    pod = leaf // make.leaves_per_pod
    site = SITES[pod % len(SITES)]
    rented = (pod % 10) < make.rented_share * 10
    name = f"{make.unit_class}-{number:05}"
    domain = f"r{rack}" if make.rack_is_domain else name
    share = rng.uniform(0.94, 1.0)
    ratings = {profile: round(milli * share) for profile, milli in make.ratings.items()}
    price = make.price_per_hour * (1.5 if rented else 1.0)
    bar = Bar(Constraint.MAINTENANCE, "fan") if rng.random() < OUT_OF_SERVICE else None
    mark = make.unit_class
    return Unit(
        id=name,
        name=name,
        kind=Kind(make.unit_class, site=site, owned=not rented, price_per_hour=price),
        groups=groups_of(
            site=site,
            pod=f"{mark}-p{pod}",
            leaf=f"{mark}-l{leaf}",
            rack=f"{mark}-r{rack}",
            domain=f"{mark}-{domain}",
        ),
        feed=f"{site}/{mark}-r{rack}-{'ab'[number % 2]}",
        ratings=ratings,
        charge=ratings[DECODE],
        certified_until=now + timedelta(days=rng.uniform(30, 365)),
        bar=bar,
    )
