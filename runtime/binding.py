"""Carries out what was decided about claims: reads one snapshot, writes one change per claim.

Blocks, and touches nothing but the store: the controller runs it in a thread, one at a time. Two
controllers cannot both write, because every change carries the lease's fence; and a change that
was decided on records which moved on meanwhile is refused whole and decided again at the next look.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime

from inventory.errors import StaleWrite
from inventory.model import AgentSeen, CertificateRecord, Claim, ComputeUnit, Host, RayMember
from inventory.states import ClaimState, UnitState
from inventory.store.protocol import Change, Fence, Store
from inventory.store.reading import every
from pods.keys import Keyring
from runtime.allocator import RACK, Offer, Placement, Request, Unplaced, place
from runtime.claiming import (
    ClaimDecision,
    Tenanted,
    apply_claim,
    decide_bound,
    decide_pending,
    decide_releasing,
    held_units,
)
from runtime.gating import certificate_gate
from runtime.records import by_key, claims_in

log = logging.getLogger("podyard.runtime")


class Binding:
    """Decides on every open claim, under one fence."""

    def __init__(self, store: Store, keyring: Keyring, fence: Fence) -> None:
        self._store = store
        self._keyring = keyring
        self._fence = fence

    def step(self, now: datetime) -> int:
        """One look at all open claims; how many were changed."""
        # What is given back in this look can be given out in it.
        changed = sum(
            self._release(claim, now) for claim in claims_in(self._store, ClaimState.RELEASING)
        )
        for claim in claims_in(self._store, ClaimState.BOUND):
            changed += self._write(claim, decide_bound(claim, now=now), {}, {}, now)
        pending = claims_in(self._store, ClaimState.PENDING)
        return changed + (self._bind_all(pending, now) if pending else 0)

    def _release(self, claim: Claim, now: datetime) -> bool:
        units = by_key(self._store, ComputeUnit, claim.unit_ids)
        host_ids = {host_id for unit in units.values() for host_id in unit.host_ids}
        hosts = by_key(self._store, Host, host_ids)
        agents = by_key(self._store, AgentSeen, host_ids)
        members = by_key(self._store, RayMember, host_ids)
        seen = [Tenanted(i, hosts.get(i), agents.get(i), members.get(i)) for i in sorted(host_ids)]
        return self._write(claim, decide_releasing(claim, seen), units, hosts, now)

    def _bind_all(self, pending: Iterable[Claim], now: datetime) -> int:
        open_claims = claims_in(self._store, ClaimState.BOUND, ClaimState.RELEASING)
        units = {unit.id: unit for unit in every(self._store, ComputeUnit)}
        held = set(held_units(open_claims))
        hosts, certificates = self._backing(units.values())
        gate = certificate_gate(certificates, ring=self._keyring, now=now)
        changed = 0
        for claim in pending:
            offers = [_offer(unit, held, hosts, certificates) for unit in units.values()]
            request = _request(claim, open_claims, units)
            placement = place(request, offers, gate=gate, now=now)
            decision = decide_pending(claim, placement, now=now)
            if self._write(claim, decision, units, hosts, now):
                changed += 1
                held.update(_given(placement))
        return changed

    def _backing(
        self, units: Iterable[ComputeUnit]
    ) -> tuple[dict[str, Host], dict[str, CertificateRecord]]:
        """Hosts and certificates of the units that might be given out."""
        free = [unit for unit in units if unit.state is UnitState.AVAILABLE]
        hosts = by_key(self._store, Host, (i for unit in free for i in unit.host_ids))
        certificates = by_key(
            self._store, CertificateRecord, (i for unit in free for i in unit.certificate_ids)
        )
        return hosts, certificates

    def _write(
        self,
        claim: Claim,
        decision: ClaimDecision,
        units: Mapping[str, ComputeUnit],
        hosts: Mapping[str, Host],
        now: datetime,
    ) -> bool:
        change = apply_claim(claim, decision, units=units, hosts=hosts, now=now)
        return change is not None and self._apply(claim, change, now)

    def _apply(self, claim: Claim, change: Change, now: datetime) -> bool:
        try:
            self._store.apply(change, now=now, fence=self._fence)
        except StaleWrite as error:
            log.info("claim decided again", extra={"claim": claim.id, "cause": str(error)})
            return False
        for event in change.events:
            log.info("claim moved", extra={"claim": claim.id, "old": event.old, "new": event.new})
        return True


def _offer(
    unit: ComputeUnit,
    held: set[str],
    hosts: Mapping[str, Host],
    certificates: Mapping[str, CertificateRecord],
) -> Offer:
    records = [certificates.get(i) for i in unit.certificate_ids]
    known = [record.expires_at for record in records if record is not None]
    complete = bool(known) and len(known) == len(records)
    maintenance = (h.maintenance for i in unit.host_ids if (h := hosts.get(i)) is not None)
    return Offer(
        unit,
        certified_until=min(known) if complete else None,
        held=unit.id in held,
        maintenance=next(filter(None, maintenance), ""),
    )


def _request(
    claim: Claim, open_claims: Iterable[Claim], units: Mapping[str, ComputeUnit]
) -> Request:
    beside = (
        unit_id
        for other in open_claims
        if (other.tenant, other.cluster, other.state)
        == (claim.tenant, claim.cluster, ClaimState.BOUND)
        for unit_id in other.unit_ids
    )
    racks = {units[i].labels.get(RACK, "") for i in beside if i in units}
    return Request(
        unit_class=claim.unit_class,
        count=claim.count,
        accept_simulated=claim.accept_simulated,
        near_racks=frozenset(racks - {""}),
    )


def _given(placement: Placement | Unplaced) -> tuple[str, ...]:
    return placement.unit_ids if isinstance(placement, Placement) else ()
