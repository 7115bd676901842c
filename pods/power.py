"""How many watts may be promised on a feed.

Asked by the planner beforehand and by provisioning at run time, with the same arithmetic, so that
the plan's envelope is what the hall will see.

A host's reservation has three sizes: standby before, inrush while it starts, nameplate after. The
nameplate, not the typical draw, is kept afterwards because a tenant's load is not ours to bound.
Pure: a ledger is a mapping that the caller owns and stores.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pods.spec import FeedSpec, PodSpec, PowerSpec, PsuSpec

TOLERANCE_WATTS = 1e-6
"""A budget such as 20 x 230 x 0.8 is not exact in binary; a microwatt trips no breaker."""


class PowerPhase(StrEnum):
    """Where a host is in its start, as far as watts go."""

    STANDBY = "standby"
    STARTING = "starting"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Reservation:
    """So many watts on one feed for one host."""

    host: str
    feed: str
    watts: float


@dataclass(frozen=True, slots=True)
class Admitted:
    """The reservation fits; `total_watts` is what the feed then carries."""

    reservation: Reservation
    total_watts: float
    left_watts: float


@dataclass(frozen=True, slots=True)
class Refused:
    """The reservation does not fit now. `ever` says whether waiting can help."""

    reservation: Reservation
    reason: str
    needed_watts: float
    ever: bool


Reservations = Mapping[str, Mapping[str, float]]
"""Feed to host to watts."""


def reserved_watts(power: PowerSpec, phase: PowerPhase) -> float:
    """What one host needs reserved in a phase."""
    match phase:
        case PowerPhase.STANDBY:
            return power.standby_watts
        case PowerPhase.STARTING:
            return max(power.inrush_watts, power.nameplate_watts)
        case PowerPhase.RUNNING:
            return power.nameplate_watts


def fits(total_watts: float, *, budget_watts: float) -> bool:
    """Whether a feed may carry this."""
    return total_watts <= budget_watts + TOLERANCE_WATTS


def admit(
    budget_watts: Mapping[str, float], reservations: Reservations, request: Reservation
) -> Admitted | Refused:
    """Whether a reservation fits beside the others on its feed; it replaces the host's own."""
    if not request.watts >= 0:
        return Refused(request, f"{request.watts} is not an amount of watts", 0.0, ever=False)
    budget = budget_watts.get(request.feed)
    if budget is None:
        reason = f"feed {request.feed} has no budget on record"
        return Refused(request, reason, request.watts, ever=False)
    held = reservations.get(request.feed, {})
    others = sum(watts for host, watts in held.items() if host != request.host)
    total = others + request.watts
    if fits(total, budget_watts=budget):
        return Admitted(request, total_watts=total, left_watts=max(0.0, budget - total))
    reason = (
        f"feed {request.feed} carries {others:.0f} W of {budget:.0f} W; "
        f"{request.host} needs {request.watts:.0f} W, {total - budget:.0f} W more than is left"
    )
    alone = fits(request.watts, budget_watts=budget)
    return Refused(request, reason, needed_watts=total - budget, ever=alone)


def reserve(
    reservations: Reservations, granted: Iterable[Reservation]
) -> dict[str, dict[str, float]]:
    """A new ledger with these reservations in it, each in place of its host's earlier one."""
    ledger = {feed: dict(held) for feed, held in reservations.items()}
    for reservation in granted:
        ledger.setdefault(reservation.feed, {})[reservation.host] = reservation.watts
    return ledger


@dataclass(frozen=True, slots=True)
class Survival:
    """What remains when one feed dies."""

    lost: str
    dark: tuple[str, ...]
    """Hosts that go down: they had no other feed."""
    overloaded: Mapping[str, float]
    """Feeds that then carry more than their budget, and by how many watts."""
    load_watts: Mapping[str, float]
    """What every living feed then carries."""
    degraded: tuple[str, ...] = ()
    """Hosts that stay up with fewer supplies than carry their nameplate."""

    @property
    def safe(self) -> bool:
        """Whether nothing goes down and no feed trips after it."""
        return not self.dark and not self.overloaded


def when_feed_dies(
    spec: PodSpec, lost: str, *, draw_watts: Mapping[str, float] | None = None
) -> Survival:
    """What remains of a pod when this feed dies. Draws are nameplates unless measured ones come."""
    load = dict.fromkeys(spec.feeds, 0.0)
    dark: list[str] = []
    degraded: list[str] = []
    for _, slot in spec.slots():
        host_type = spec.host_types[slot.host_type]
        watts = (draw_watts or {}).get(slot.slot, float(host_type.power.nameplate_watts))
        feeds = [feed for feed in (slot.feed, slot.feed_b) if feed]
        alive = [feed for feed in dict.fromkeys(feeds) if feed != lost]
        for feed in alive:
            load[feed] += watts / len(alive)
        if not alive:
            dark.append(slot.slot)
        elif lost in feeds and host_type.psus and not _half_carries(host_type.psus, watts):
            degraded.append(slot.slot)
    del load[lost]
    over = {
        feed: watts - spec.feeds[feed].budget_watts
        for feed, watts in load.items()
        if not fits(watts, budget_watts=spec.feeds[feed].budget_watts)
    }
    return Survival(lost, tuple(dark), over, load, tuple(degraded))


def _half_carries(psus: PsuSpec, watts: float) -> bool:
    """Supplies are split evenly over two feeds, so half of them are left.

    This is why 5+1 survives a supply but not a feed, and 3+3 survives both.
    """
    return (psus.count // 2) * psus.capacity_watts >= watts


@dataclass(frozen=True, slots=True)
class PhaseLoad:
    """The amperes of a three-phase feed, line by line."""

    amps: tuple[float, float, float]

    @property
    def imbalance(self) -> float:
        """How far the fullest line is above the mean: 0 is even."""
        mean = sum(self.amps) / len(self.amps)
        return max(self.amps) / mean - 1 if mean else 0.0

    def within(self, feed: FeedSpec) -> bool:
        """Whether every line keeps the breaker's continuous limit: its sum alone says nothing."""
        limit = feed.rated_amps * feed.continuous_limit
        return all(amps <= limit * (1 + AMPS_TOLERANCE) for amps in self.amps)


AMPS_TOLERANCE = 1e-9
"""Currents are divisions, and 25.6 A may come out as 25.600000000000001."""


def spread_over_phases(watts: Iterable[float], *, line_volts: float) -> PhaseLoad:
    """Hosts between two lines each, the largest first, where they leave the fullest line lowest."""
    pairs = [0.0, 0.0, 0.0]
    for host_watts in sorted(watts, reverse=True):
        options = [
            [amps + host_watts / line_volts * (n == pair) for n, amps in enumerate(pairs)]
            for pair in range(3)
        ]
        pairs = min(options, key=lambda option: max(line_amps(option)))
    amps = line_amps(pairs)
    return PhaseLoad((amps[0], amps[1], amps[2]))


TURN = cmath.exp(2j * math.pi / 3)


def line_amps(pair_amps: Sequence[float]) -> list[float]:
    """The lines' currents from those between lines 1-2, 2-3 and 3-1.

    Each line carries two of them, 120 degrees apart: three equal ones add up to the root of three
    times one, not to two. Supplies correct their power factor, so it is taken as 1.
    """
    between = [amps / TURN**n for n, amps in enumerate(pair_amps)]
    return [abs(between[n] - between[n - 1]) for n in range(3)]


HEADROOM = 1.1
"""A measured peak is kept with a tenth above it: load tests are shorter than a year of load."""


def measured_or_nameplate(
    power: PowerSpec, peaks_watts: Sequence[float], *, samples_min: int = 1
) -> tuple[float, Literal["measured", "nameplate"]]:
    """What to reserve for a running host, and on which basis.

    A measured peak may lower the reservation, never raise it over the nameplate unseen: a host
    that draws more than its nameplate has the wrong one, and the larger figure counts.
    """
    if len(peaks_watts) < samples_min:
        return float(power.nameplate_watts), "nameplate"
    peak = max(peaks_watts)
    if peak > power.nameplate_watts:
        return peak, "measured"
    kept = min(peak * HEADROOM, power.nameplate_watts)
    return kept, "measured" if kept < power.nameplate_watts else "nameplate"
