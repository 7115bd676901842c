"""How many watts may be promised on a feed.

Asked by the planner beforehand and by provisioning at run time, with the same arithmetic, so that
the plan's envelope is what the hall will see.

A host's reservation has three sizes: standby before, inrush while it starts, nameplate after. The
nameplate, not the typical draw, is kept afterwards because a tenant's load is not ours to bound.
Pure: a ledger is a mapping that the caller owns and stores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pods.spec import PowerSpec

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
