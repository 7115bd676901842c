"""A compute unit as the allocator sees it: what it is, where it is, and how much it counts.

Whatever many units have in common stands in their `Kind`, and asks are filtered by kind: a site of
twenty thousand units has some dozen kinds, so the filter costs the same at any size. Amounts of
B200-equivalents are whole thousandths: what is added and taken away again leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

MILLI = 1000
"""Thousandths of a B200-equivalent."""


class Level(StrEnum):
    """How close together units can be asked for, closest first."""

    DOMAIN = "domain"
    RACK = "rack"
    LEAF = "leaf"
    POD = "pod"
    SITE = "site"


LEVELS = tuple(Level)
DEPTH: Mapping[Level, int] = {level: depth for depth, level in enumerate(LEVELS)}
"""Where a level's group stands in `Unit.groups`."""


class Constraint(StrEnum):
    """Why an ask gets nothing, or why a unit is not for it."""

    CLASS = "class"
    HELD = "held"
    WITHDRAWN = "withdrawn"
    MAINTENANCE = "maintenance"
    OFF = "off"
    SIMULATED = "simulated"
    CHOICE = "choice"
    UNCERTIFIED = "uncertified"
    EXPIRED = "expired"
    REFUSED = "refused"
    RESERVED = "reserved"
    TOPOLOGY = "topology"
    FEEDS = "feeds"
    QUOTA = "quota"


class Kind(NamedTuple):
    """What an ask can choose by, other than place. A tuple: one is looked up for all that moves."""

    unit_class: str
    site: str = ""
    simulated: bool = False
    owned: bool = True
    price_per_hour: float = 0.0
    labels: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Bar:
    """Why a unit is not offered, whoever asks."""

    constraint: Constraint
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit: whole, or not at all."""

    id: str
    name: str
    kind: Kind
    groups: tuple[str, ...]
    """Its group at each of `LEVELS`, each unlike any other site's; empty where nobody knows."""
    feed: str
    ratings: Mapping[str, int] = field(default_factory=dict)
    """Thousandths of a B200-equivalent, by profile."""
    charge: int = MILLI
    """What it counts against quotas: its certified rating in thousandths."""
    certified_until: datetime | None = None
    bar: Bar | None = None

    def at(self, level: Level) -> str:
        """Its group at a level."""
        return self.groups[DEPTH[level]]

    @property
    def rack(self) -> str:
        """Where traffic stays below one leaf."""
        return self.groups[1]

    @property
    def domain(self) -> str:
        """Whose accelerators share the fastest links."""
        return self.groups[0]


def groups_of(*, site: str, pod: str, leaf: str, rack: str, domain: str) -> tuple[str, ...]:
    """Names of groups as `Unit.groups` wants them: two sites may both have a rack `r1`."""
    inside = ((domain, f"{site}/{pod}/{domain}"), (rack, f"{site}/{rack}"))
    above = ((leaf, f"{site}/{leaf}"), (pod, f"{site}/{pod}"), (True, site or "here"))
    return tuple(name if known else "" for known, name in (*inside, *above))


def plain(group: str) -> str:
    """A group's own name, for people."""
    return group.rpartition("/")[2] or "?"
