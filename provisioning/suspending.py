"""From a cause to everything that suspending writes, in one change.

The certificate's record, the facts that contradict it with the history of its parts, the units and
what is told about it land together or not at all. So a crash leaves either nothing, and the next
look finds the cause again, or all of it, and the cause is known by then: it is told once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from inventory.model import (
    CertificateRecord,
    ComputeUnit,
    Event,
    Host,
    Problem,
    Record,
    SuspendedFor,
)
from inventory.states import UnitState
from pods.facts import HardwareFacts
from pods.suspension import Suspension

ACTOR = "provisioning"


@dataclass(frozen=True, slots=True)
class Suspended:
    """What suspending changes: of the host, beside it, and what is told."""

    fields: dict[str, object]
    records: tuple[Record, ...]
    events: tuple[Event, ...]


def suspend(
    host: Host,
    certificate: CertificateRecord,
    causes: Sequence[Suspension],
    *,
    units: Sequence[ComputeUnit],
    facts: HardwareFacts | None,
    now: datetime,
) -> Suspended:
    """Write the causes down, take the units out of the offer, keep what was seen.

    A cause that is written down already is not written again, nor told again.
    """
    known = {(one.rule, one.what) for one in certificate.suspended}
    fresh_causes = [one for one in causes if (one.rule, one.what) not in known]
    added = tuple(
        SuspendedFor(rule=one.rule, what=one.what, remedy=one.remedy, cure=one.cure, since=now)
        for one in fresh_causes
    )
    fresh = certificate.model_copy(update={"suspended": (*certificate.suspended, *added)})
    gone = withdrawn(units)
    events = (
        *(_told(host, certificate, one, now) for one in fresh_causes),
        *withdrawn_events(host, gone, why=str(causes[0]), now=now),
    )
    problem = Problem(
        kind="certificate-suspended",
        message="; ".join(str(one) for one in causes),
        since=now,
        next_step="look what ends it",
        next_at=now,
        remedy=causes[0].remedy,
    )
    seen = {"facts": facts, "inspected_at": now} if facts is not None else {}
    return Suspended({"problem": problem, "doubt": "", **seen}, (fresh, *gone), events)


def withdrawn(units: Sequence[ComputeUnit]) -> tuple[ComputeUnit, ...]:
    """The units that are still offered, taken out of the offer; a claim keeps its unit."""
    after = {UnitState.CLAIMED: UnitState.DRAINING, UnitState.AVAILABLE: UnitState.WITHDRAWN}
    return tuple(u.model_copy(update={"state": after[u.state]}) for u in units if u.state in after)


def withdrawn_events(
    host: Host, units: Sequence[ComputeUnit], *, why: str, now: datetime
) -> tuple[Event, ...]:
    """One event however many units the host backs; none when nothing changed."""
    if not units:
        return ()
    return (
        Event(at=now, actor=ACTOR, kind="unit.withdrawn", subject=f"host:{host.name}", why=why),
    )


def _told(host: Host, certificate: CertificateRecord, cause: Suspension, now: datetime) -> Event:
    return Event(
        at=now,
        actor=ACTOR,
        kind="certificate.suspended",
        subject=f"host:{host.name}",
        old=certificate.id,
        new=cause.rule,
        why=cause.what,
    )
