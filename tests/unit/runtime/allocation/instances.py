"""Sites of up to 200 hosts and more asks than they can take, and bounds that nobody can pass."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta

from runtime.allocation.allocator import Allocator
from runtime.allocation.ask import Ask, Part
from runtime.allocation.quota import Quota
from runtime.allocation.unit import MILLI, Level, Unit
from runtime.bench.judge import Judge
from runtime.bench.site import DECODE, MAKES, units_of
from tests.unit.runtime.allocation.makers import NOW, ask, part

DESIGN = {make.unit_class: make.ratings[DECODE] for make in MAKES}
RACK = {make.unit_class: make.hosts_per_rack for make in MAKES}


@dataclass(frozen=True)
class Instance:
    """A site, its quotas, and everybody who asks at the same moment."""

    units: list[Unit]
    quotas: list[Quota]
    asks: list[Ask]


def instance(seed: int, *, hosts: int, demand: float, tenants: int, quotas: bool) -> Instance:
    """Asks for so many times what there is, in the mix of the bench."""
    rng = random.Random(f"instance {seed}")
    units = [_as_designed(unit) for unit in units_of(hosts, seed, NOW)]
    total = sum(unit.charge for unit in units if unit.bar is None)
    asks: list[Ask] = []
    wanted = 0
    while wanted < demand * total:
        one = ask(f"c{len(asks):03}", _part(rng), tenant=f"t{rng.randrange(tenants)}")
        asks.append(one)
        wanted += weight(one)
    limits = [
        Quota(f"t{n}", limit_milli=round(total * rng.uniform(0.06, 0.25))) for n in range(tenants)
    ]
    return Instance(units, limits if quotas else [], asks)


def _as_designed(unit: Unit) -> Unit:
    """Measured ratings differ by some per cent: here a bound must be exact."""
    design = DESIGN[unit.kind.unit_class]
    until = NOW + timedelta(days=90)
    return replace(unit, ratings={DECODE: design}, charge=design, certified_until=until)


def _part(rng: random.Random) -> Part:
    unit_class = rng.choices(tuple(DESIGN), (50, 25, 25))[0]
    if rng.random() < 0.1:
        milli = rng.choice((6, 12, 16, 24)) * MILLI
        wide = part(milli=milli, classes=("gb200-4",), within=Level.DOMAIN)
        return replace(wide, profile=DECODE)
    count = rng.choices((1, 2, 4, 8, 16), (40, 20, 18, 14, 8))[0]
    fits = [level for level, size in ((Level.RACK, RACK[unit_class]), (Level.LEAF, 32)) if
            count <= size]  # fmt: skip
    within = rng.choice([*fits, Level.SITE, Level.SITE])
    return part(count, classes=(unit_class,), within=within)


def weight(one: Ask) -> int:
    """What is asked for, in thousandths of a B200-equivalent by the design."""
    wanted = one.parts[0]
    return wanted.b200e_milli or wanted.count * DESIGN[next(iter(wanted.choice.classes))]


def units_min(one: Ask) -> int:
    """How few units could serve it, if each were as good as its design."""
    wanted = one.parts[0]
    design = DESIGN[next(iter(wanted.choice.classes))]
    return wanted.count or -(-wanted.b200e_milli // design)


def accepted(given: Instance) -> tuple[int, Judge]:
    """What the allocator accepts when all ask at once."""
    allocator, judge = Allocator(), Judge(given.units, given.quotas)
    for unit in given.units:
        allocator.unit_seen(unit)
    for quota in given.quotas:
        allocator.quota_seen(quota)
    by_id = {one.id: one for one in given.asks}
    for one in given.asks:
        allocator.enqueue(one)
    total = 0
    for placed in allocator.serve(NOW, most=len(given.asks) * 4):
        judge.given(by_id[placed.ask_id], placed, NOW)
        total += weight(by_id[placed.ask_id])
    return total, judge


def bound(given: Instance) -> int:
    """The best that units of each class allow, without topology, sites or quotas: a knapsack."""
    room: dict[str, int] = defaultdict(int)
    for unit in given.units:
        room[unit.kind.unit_class] += unit.bar is None
    total = 0
    for unit_class, most in room.items():
        best = [0] * (most + 1)
        for one in given.asks:
            if unit_class in one.parts[0].choice.classes:
                size, worth = units_min(one), weight(one)
                for used in range(most, size - 1, -1):
                    best[used] = max(best[used], best[used - size] + worth)
        total += best[most]
    return total
