"""Small sites and asks for the allocator's tests: only what matters is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from runtime.allocation.allocator import Allocator, Rules
from runtime.allocation.answer import Placed, Refused
from runtime.allocation.ask import Ask, Choice, Part
from runtime.allocation.unit import Bar, Constraint, Kind, Level, Unit, groups_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VALID = NOW + timedelta(days=100)
DECODE = "decode"


def unit(
    name: str,
    *,
    unit_class: str = "b200",
    site: str = "s1",
    pod: str = "p1",
    leaf: str = "l1",
    rack: str = "r1",
    domain: str = "",
    feed: str = "a",
    milli: int = 1000,
    until: datetime | None = VALID,
    bar: Constraint | None = None,
    **kind: Any,
) -> Unit:
    """A unit in its place."""
    return Unit(
        id=name,
        name=name,
        kind=Kind(unit_class, site=site, **kind),
        groups=groups_of(site=site, pod=pod, leaf=leaf, rack=rack, domain=domain or name),
        feed=f"{site}/{feed}",
        ratings={DECODE: milli},
        charge=milli,
        certified_until=until,
        bar=Bar(bar) if bar else None,
    )


def units(prefix: str, count: int, **changes: Any) -> list[Unit]:
    """Several units that differ in nothing but their names."""
    return [unit(f"{prefix}{n}", **changes) for n in range(count)]


def site(*given: Unit, rules: Rules | None = None) -> Allocator:
    """An allocator that knows these units."""
    allocator = Allocator(rules)
    allocator.advance(NOW)
    for one in given:
        allocator.unit_seen(one)
    return allocator


def part(
    count: int = 0,
    *,
    classes: tuple[str, ...] = ("b200",),
    milli: int = 0,
    within: Level = Level.SITE,
    feeds_min: int = 1,
    **choice: Any,
) -> Part:
    """One sort of unit."""
    return Part(
        Choice(classes=frozenset(classes), **choice),
        count=count if count or milli else 1,
        b200e_milli=milli,
        profile=DECODE if milli else "",
        within=within,
        feeds_min=feeds_min,
    )


def ask(name: str, *parts: Part, tenant: str = "acme", at: datetime = NOW, **changes: Any) -> Ask:
    """A claim that wants these parts, or one unit."""
    cluster = changes.pop("cluster", name)
    return Ask(name, tenant, parts or (part(1),), at, cluster=cluster, **changes)


def placed(allocator: Allocator, wanted: Ask, now: datetime = NOW) -> list[str]:
    """The units it gets at once, sorted."""
    answer = allocator.decide(wanted, now)
    assert isinstance(answer, Placed), answer
    return sorted(answer.unit_ids)


def refused(allocator: Allocator, wanted: Ask, now: datetime = NOW) -> Refused:
    """Why it gets none."""
    answer = allocator.decide(wanted, now)
    assert isinstance(answer, Refused), answer
    return answer
