"""Which units a claim gets: filter, fit, score, and the reasons for all three.

A pure function over one snapshot of the units. It gives whole units or none, and when it gives
none it says which constraint failed, by how many, and what would free them: a claim that waits
without a reason is the complaint about every scheduler we looked at.

Score: few racks (traffic stays below one leaf), the smallest rack that fits (large holes stay
whole for large claims), racks where the cluster already is, and inside a rack an even spread over
power feeds. Ties go by name, so the same snapshot always gives the same answer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from inventory.model import ComputeUnit
from inventory.states import UnitState
from runtime.gating import Gate

RACK, FEED = "podyard.io/rack", "podyard.io/feed"
NAMES_SHOWN = 3
"""Enough to go and look; a list of a thousand units helps nobody."""


class Constraint(StrEnum):
    """Why a unit cannot serve a claim, in the order in which it is found out."""

    CLASS = "class"
    HELD = "held"
    WITHDRAWN = "withdrawn"
    MAINTENANCE = "maintenance"
    SIMULATED = "simulated"
    UNCERTIFIED = "uncertified"
    EXPIRED = "expired"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Offer:
    """A unit as the allocator sees it."""

    unit: ComputeUnit
    certified_until: datetime | None
    """The earliest expiry of its certificates; None when one is missing."""
    held: bool = False
    """A claim lists it, whatever the unit's own row says."""
    maintenance: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What a claim asks for."""

    unit_class: str
    count: int
    accept_simulated: bool
    near_racks: frozenset[str] = frozenset()
    """Where the claim's cluster has hosts already."""


@dataclass(frozen=True, slots=True)
class Placement:
    """These units, and why these."""

    unit_ids: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def why(self) -> str:
        """One line for people."""
        return "; ".join(self.reasons)


@dataclass(frozen=True, slots=True)
class Unplaced:
    """No units, the constraint that failed most, and all counts."""

    constraint: Constraint
    counts: Mapping[Constraint, int]
    message: str
    free: int


@dataclass(slots=True)
class _Sieve:
    """What passed, and what fell through which hole."""

    passed: list[ComputeUnit] = field(default_factory=list)
    fallen: dict[Constraint, list[str]] = field(default_factory=lambda: defaultdict(list))

    def drop(self, constraint: Constraint, what: str) -> None:
        self.fallen[constraint].append(what)

    @property
    def counts(self) -> dict[Constraint, int]:
        return {constraint: len(names) for constraint, names in self.fallen.items()}


def place(
    request: Request, offers: Iterable[Offer], *, gate: Gate, now: datetime
) -> Placement | Unplaced:
    """Whole units for a claim, or why not."""
    known = tuple(offers)
    sieve = _sift(request, known, now)
    free = sieve.passed
    while len(free) >= request.count:
        chosen, reasons = _choose(request, free)
        refused = {unit.id: reason for unit in chosen if (reason := gate(unit))}
        if not refused:
            return Placement(tuple(unit.id for unit in chosen), reasons)
        for unit in chosen:
            if unit.id in refused:
                sieve.drop(Constraint.REFUSED, f"{unit.name} ({refused[unit.id]})")
        free = [unit for unit in free if unit.id not in refused]
    return _unplaced(request, known, sieve, free=len(free))


def _sift(request: Request, offers: Sequence[Offer], now: datetime) -> _Sieve:
    sieve = _Sieve()
    for offer in offers:
        constraint = _constraint(request, offer, now)
        if constraint is None:
            sieve.passed.append(offer.unit)
        else:
            sieve.drop(constraint, offer.unit.name)
    sieve.passed.sort(key=lambda unit: (unit.name, unit.id))
    return sieve


def _constraint(request: Request, offer: Offer, now: datetime) -> Constraint | None:
    unit = offer.unit
    if unit.unit_class != request.unit_class:
        return Constraint.CLASS
    if unit.state in {UnitState.DRAINING, UnitState.WITHDRAWN}:
        return Constraint.WITHDRAWN
    if unit.state is UnitState.CLAIMED or unit.claim or offer.held:
        return Constraint.HELD
    if offer.maintenance:
        return Constraint.MAINTENANCE
    if unit.simulated and not request.accept_simulated:
        return Constraint.SIMULATED
    if offer.certified_until is None:
        return Constraint.UNCERTIFIED
    if offer.certified_until <= now:
        return Constraint.EXPIRED
    return None


def _choose(
    request: Request, free: Sequence[ComputeUnit]
) -> tuple[list[ComputeUnit], tuple[str, ...]]:
    """Rack by rack, each time the best rack for what is still missing."""
    racks: dict[str, list[ComputeUnit]] = defaultdict(list)
    for unit in free:
        racks[unit.labels.get(RACK, "")].append(unit)
    chosen: list[ComputeUnit] = []
    reasons: list[str] = []
    while len(chosen) < request.count:
        missing = request.count - len(chosen)
        rack = min(racks, key=lambda name: _rack_score(name, racks[name], missing, request))
        units = racks.pop(rack)
        taken = _spread(units, min(missing, len(units)))
        chosen.extend(taken)
        reasons.append(_rack_reason(rack, taken, free=len(units), near=rack in request.near_racks))
    return chosen, tuple(reasons)


def _rack_score(
    name: str, units: Sequence[ComputeUnit], missing: int, request: Request
) -> tuple[bool, bool, int, str]:
    """Smaller is better. A rack that cannot hold the rest is better the more it holds."""
    too_small = len(units) < missing
    size = -len(units) if too_small else len(units)
    return too_small, name not in request.near_racks, size, name


def _spread(units: Sequence[ComputeUnit], count: int) -> list[ComputeUnit]:
    """Take turns among the feeds, so that one breaker takes as few units along as can be."""
    by_feed: dict[str, list[ComputeUnit]] = defaultdict(list)
    for unit in units:
        by_feed[unit.labels.get(FEED, "")].append(unit)
    turns = [
        (turn, feed, unit)
        for feed, members in sorted(by_feed.items())
        for turn, unit in enumerate(members)
    ]
    turns.sort(key=lambda item: (item[0], item[1]))
    return [unit for _, _, unit in turns[:count]]


def _rack_reason(rack: str, taken: Sequence[ComputeUnit], *, free: int, near: bool) -> str:
    feeds = Counter(unit.labels.get(FEED, "?") for unit in taken)
    spread = ", ".join(f"{count} on feed {feed}" for feed, count in sorted(feeds.items()))
    beside = ", beside the cluster's other hosts" if near else ""
    return f"{len(taken)} of {free} free in rack {rack or '?'}{beside} ({spread})"


_WORDS: Mapping[Constraint, str] = {
    Constraint.HELD: "held by a claim",
    Constraint.WITHDRAWN: "draining or withdrawn",
    Constraint.MAINTENANCE: "in maintenance",
    Constraint.SIMULATED: "simulated, and the claim does not accept those",
    Constraint.UNCERTIFIED: "without a certificate",
    Constraint.EXPIRED: "certified too long ago",
    Constraint.REFUSED: "not used because of the certificate",
}

_REMEDIES: Mapping[Constraint, str] = {
    Constraint.CLASS: "bring up a pod that yields this class, or claim a class that exists",
    Constraint.HELD: "wait for another claim's release or expiry, or claim fewer units",
    Constraint.WITHDRAWN: "bring their hosts up again, or claim fewer units",
    Constraint.MAINTENANCE: "end the maintenance of their hosts, or claim fewer units",
    Constraint.SIMULATED: "accept simulated units (--accept-simulated), or bring up real hosts",
    Constraint.UNCERTIFIED: "accept their hosts again: that certifies them",
    Constraint.EXPIRED: "accept their hosts again: that renews the certificate",
    Constraint.REFUSED: "accept their hosts again, and find out who changed the records",
}


def _unplaced(request: Request, offers: Sequence[Offer], sieve: _Sieve, *, free: int) -> Unplaced:
    counts = sieve.counts
    of_class = len(offers) - counts.get(Constraint.CLASS, 0)
    blocking = [c for c in _WORDS if c in counts]
    worst = max(blocking, key=lambda c: counts[c], default=Constraint.CLASS)
    if not of_class:
        message = _unknown_class(request, offers)
    else:
        message = (
            f"{request.count} units of class {request.unit_class} are wanted, "
            f"{free} of {of_class} can be used"
        )
        message += "".join(f"; {_part(c, sieve.fallen[c])}" for c in blocking)
    limit = Constraint.CLASS if of_class < request.count else worst
    return Unplaced(limit, counts, f"{message}; hint: {_REMEDIES[limit]}", free)


def _part(constraint: Constraint, names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:NAMES_SHOWN])
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return f"{len(names)} {_WORDS[constraint]}: {shown}{more}"


def _unknown_class(request: Request, offers: Sequence[Offer]) -> str:
    classes = Counter(offer.unit.unit_class for offer in offers)
    there = ", ".join(f"{name} ({count})" for name, count in sorted(classes.items())) or "none"
    return f"no unit of class {request.unit_class} is on record; classes: {there}"
