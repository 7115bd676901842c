"""Records in the allocator's words: what a unit offers, what a claim asks for, what it holds.

Only what the records say counts here; whether a signature holds is looked at when a unit is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from inventory.model import CertificateRecord, Claim, ComputeUnit, Host
from inventory.states import UnitState
from runtime.allocation.ask import Ask, Choice, Holding, Part
from runtime.allocation.unit import MILLI, Bar, Constraint, Kind, Level, Unit, groups_of

PREFIX = "podyard.io/"
PLACES = frozenset({"site", "pod", "leaf", "rack", "domain", "feed", "unit", "class"})
"""Labels that say where a unit is or which: what is left says of which sort it is."""


def unit_of(
    unit: ComputeUnit,
    hosts: Mapping[str, Host],
    certificates: Mapping[str, CertificateRecord],
) -> Unit:
    """A unit with the earliest end of its certificates, and why it is not offered if so."""
    place = {name: unit.labels.get(PREFIX + name, "") for name in PLACES}
    known = [certificates[i].expires_at for i in unit.certificate_ids if i in certificates]
    complete = bool(known) and len(known) == len(unit.certificate_ids)
    site = unit.site or place["site"]
    rating = round(unit.rating.b200_equivalents * MILLI)
    other = {k: v for k, v in unit.labels.items() if k.removeprefix(PREFIX) not in PLACES}
    return Unit(
        id=unit.id,
        name=unit.name,
        kind=Kind(
            unit.unit_class,
            site=site,
            simulated=unit.simulated,
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
        return Bar(Constraint.WITHDRAWN)
    for host_id in unit.host_ids:
        host = hosts.get(host_id)
        if host is not None and (set_apart := host.maintenance or host.quarantine):
            return Bar(Constraint.MAINTENANCE, set_apart)
    return None


def ask_of(claim: Claim) -> Ask:
    """What a pending claim asks for."""
    choice = Choice(classes=frozenset({claim.unit_class}), accept_simulated=claim.accept_simulated)
    return Ask(
        id=claim.id,
        tenant=claim.tenant,
        parts=(
            Part(
                choice,
                count=claim.count,
                b200e_milli=math.ceil((claim.b200_equivalents or 0) * MILLI),
                profile=claim.profile,
                within=Level(claim.within),
                feeds_min=claim.feeds_min,
            ),
        ),
        asked_at=claim.created_at,
        cluster=claim.cluster,
        lasts=None if claim.expires_at is None else claim.expires_at - claim.created_at,
    )


def holding_of(claim: Claim) -> Holding:
    """What a claim holds that was bound and has not given everything back."""
    return Holding(
        id=claim.id,
        tenant=claim.tenant,
        unit_ids=claim.unit_ids,
        since=claim.bound_at or claim.created_at,
        cluster=claim.cluster,
        ends_at=claim.expires_at,
    )
