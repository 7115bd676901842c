"""Records in the allocator's words: what a unit offers, what a claim asks for, what it holds.

Only what the records say counts here; whether a signature holds is looked at when a unit is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from inventory.model import CertificateRecord, Claim, ClaimPart, ComputeUnit, Host, Pod
from inventory.offering import offer_of
from inventory.quotas import TenantQuota
from inventory.states import PowerState, UnitState
from runtime.allocation.ask import Ask, Choice, Holding, Part
from runtime.allocation.quota import Quota
from runtime.allocation.unit import DEPTH, MILLI, Bar, Constraint, Kind, Level, Unit, groups_of

PREFIX = "podyard.io/"
PLACES = frozenset(
    {"site", "pod", "leaf", "rack", "domain", "feed", "unit", "class"}
    | {"owned", "price-per-hour", "rented-until"}
)
"""Labels that say where a unit is, which, or how it is offered: what is left says of which sort it
is."""
ANY_CLASS = "any"
REPLACES = "+"
"""Between a claim and the unit that is replaced, in the id of the ask for another one."""


def unit_of(
    unit: ComputeUnit,
    hosts: Mapping[str, Host],
    certificates: Mapping[str, CertificateRecord],
    pod: Pod | None = None,
) -> Unit:
    """A unit with the earliest end of its certificates, and why it is not offered if so."""
    place = {name: unit.labels.get(PREFIX + name, "") for name in PLACES}
    known = [certificates[i].expires_at for i in unit.certificate_ids if i in certificates]
    complete = bool(known) and len(known) == len(unit.certificate_ids)
    site = unit.site or place["site"]
    rating = round(unit.rating.b200_equivalents * MILLI)
    owned, price = offer_of(unit.labels, pod)
    other = {k: v for k, v in unit.labels.items() if k.removeprefix(PREFIX) not in PLACES}
    return Unit(
        id=unit.id,
        name=unit.name,
        kind=Kind(
            unit.unit_class,
            site=site,
            simulated=unit.simulated,
            owned=owned,
            price_per_hour=price,
            labels=frozenset(other.items()),
        ),
        groups=groups_of(
            site=site,
            pod=unit.pod,
            leaf=place["leaf"],
            rack=place["rack"],
            domain=place["domain"],
        ),
        feed=f"{site}/{place['feed']}",
        ratings={unit.rating.profile: rating},
        charge=rating,
        certified_until=min(known) if complete else None,
        bar=_bar(unit, hosts),
    )


def _bar(unit: ComputeUnit, hosts: Mapping[str, Host]) -> Bar | None:
    if unit.state in {UnitState.DRAINING, UnitState.WITHDRAWN}:
        return Bar(Constraint.WITHDRAWN, "its certificate does not stand any more")
    for host_id in unit.host_ids:
        host = hosts.get(host_id)
        if host is not None and (set_apart := host.maintenance or host.quarantine):
            return Bar(Constraint.MAINTENANCE, set_apart)
        if host is not None and host.power is PowerState.OFF:
            return Bar(Constraint.OFF, f"host {host.name}")
    return None


def ask_of(claim: Claim) -> Ask:
    """What a pending claim asks for."""
    return Ask(
        id=claim.id,
        tenant=claim.tenant,
        parts=tuple(_part(claim, part) for part in (_first(claim), *claim.more)),
        asked_at=claim.created_at,
        cluster=claim.cluster,
        priority=claim.priority,
        preemptible=claim.preemptible,
        grace=timedelta(minutes=claim.grace_minutes),
        may_preempt=claim.may_preempt,
        lasts=None if claim.expires_at is None else claim.expires_at - claim.created_at,
        together=Level(claim.together),
    )


def replacement_of(claim: Claim, unit: Unit, kept: Sequence[Unit] = ()) -> Ask:
    """One unit like another, for a claim that is giving that one back.

    It comes to where the units are that the claim keeps, as close as was asked for. A claim that
    keeps none is bound to no place: its rack may be what failed.
    """
    choice = replace(_choice(claim, unit.kind.unit_class), site=unit.kind.site)
    return Ask(
        id=f"{claim.id}{REPLACES}{unit.id}",
        tenant=claim.tenant,
        parts=(Part(choice, count=1, beside=_beside(claim, unit, kept)),),
        asked_at=claim.created_at,
        cluster=claim.cluster,
        priority=claim.priority,
        lasts=None if claim.expires_at is None else claim.expires_at - claim.created_at,
    )


def _beside(claim: Claim, unit: Unit, kept: Sequence[Unit]) -> tuple[Level, str] | None:
    """The group that a unit must be in to take another's place."""
    within = [
        Level(part.within)
        for part in (_first(claim), *claim.more)
        if _choice(claim, part.unit_class).of_class(unit.kind)
    ]
    alike = [one for one in kept if one.kind.unit_class == unit.kind.unit_class]
    bounds = [(Level(claim.together), one) for one in kept[:1]]
    bounds += [(level, one) for level in within for one in alike[:1]]
    level, anchor = min(bounds, key=lambda bound: DEPTH[bound[0]], default=(Level.SITE, None))
    return None if anchor is None or level is Level.SITE else (level, anchor.at(level))


def holding_of(claim: Claim) -> Holding:
    """What a claim holds that was bound and has not given everything back.

    Units that it was told to leave count no more: others may not have them yet, because something
    bars them, and what replaces them is within its quota.
    """
    leaving = {one.unit_id for one in claim.leaving}
    ends = [one for one in (claim.expires_at, claim.notice and claim.notice.leave_at) if one]
    return Holding(
        id=claim.id,
        tenant=claim.tenant,
        unit_ids=tuple(unit_id for unit_id in claim.unit_ids if unit_id not in leaving),
        since=claim.bound_at or claim.created_at,
        cluster=claim.cluster,
        priority=claim.priority,
        preemptible=claim.preemptible and claim.notice is None,
        grace=timedelta(minutes=claim.grace_minutes),
        ends_at=min(ends, default=None),
    )


def quota_of(quota: TenantQuota) -> Quota:
    """A quota in thousandths."""
    limit = quota.limit_b200e
    return Quota(
        quota.name,
        parent=quota.parent,
        weight=quota.weight,
        guaranteed_milli=round(quota.guaranteed_b200e * MILLI),
        limit_milli=None if limit is None else round(limit * MILLI),
        units_max=quota.units_max,
    )


def _first(claim: Claim) -> ClaimPart:
    """What a claim asks for before all else."""
    return ClaimPart(**{name: getattr(claim, name) for name in ClaimPart.model_fields})


def _part(claim: Claim, part: ClaimPart) -> Part:
    return Part(
        _choice(claim, part.unit_class),
        count=part.count,
        b200e_milli=math.ceil((part.b200_equivalents or 0) * MILLI),
        profile=part.profile,
        within=Level(part.within),
        feeds_min=part.feeds_min,
    )


def _choice(claim: Claim, unit_class: str) -> Choice:
    classes = frozenset(unit_class.split(",")) - {"", ANY_CLASS}
    return Choice(
        classes=frozenset() if ANY_CLASS in unit_class.split(",") else classes,
        accept_simulated=claim.accept_simulated,
        site=claim.site,
        owned=claim.owned,
        price_max=claim.price_max_per_hour,
        labels=frozenset(claim.labels.items()),
    )
