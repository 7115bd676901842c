"""Carries out what was decided about claims: follows the records, writes one change per claim.

Blocks, and touches nothing but the store: the controller runs it in a thread, one at a time. Two
controllers cannot both write, because every change carries the lease's fence; and a change that
was decided on records which moved on meanwhile is refused whole and decided again at the next look.

The allocator decides on a picture in memory. So what it chose is read again right before it is
written, and its certificates are verified then; what does not hold goes back into the picture, and
it chooses anew. The picture may be behind the records, but nothing is written that they contradict.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from inventory.errors import StaleWrite
from inventory.model import AgentSeen, CertificateRecord, Claim, ComputeUnit, Host, RayMember
from inventory.states import ClaimState
from inventory.store.protocol import Change, Fence, Store
from pods.keys import Keyring
from runtime.allocation.allocator import Allocator
from runtime.allocation.answer import Answer, Placed
from runtime.claiming import (
    ClaimDecision,
    Finish,
    Tenanted,
    apply_claim,
    decide_bound,
    decide_pending,
    decide_releasing,
)
from runtime.feeding import Feeding
from runtime.gating import certificate_gate
from runtime.offering import ask_of
from runtime.records import by_key

log = logging.getLogger("podyard.runtime")

EXPLAIN_EVERY = timedelta(seconds=10)
"""How often those who wait are told anew why: what is counted changes with every claim."""

EXPLAINED_AT_ONCE = 100
"""A backlog of thousands is told in turns, and holds up nobody's units."""


class Binding:
    """Decides on every open claim, under one fence."""

    def __init__(self, store: Store, keyring: Keyring, fence: Fence) -> None:
        self._store = store
        self._keyring = keyring
        self._fence = fence
        self._allocator = Allocator()
        self._feeding = Feeding(store, self._allocator)
        self._again: set[str] = set()
        self._told_at: dict[str, datetime] = {}

    def step(self, now: datetime) -> int:
        """One look at what moved; how many claims were changed."""
        moved = self._feeding.follow(now) | self._again
        try:
            changed = self._look(moved, now)
        except BaseException:
            self._again |= moved  # what was not looked at for an error is looked at the next time
            raise
        return changed

    def _look(self, moved: set[str], now: datetime) -> int:
        self._feeding.read_claims(self._again)
        self._again = set()
        for claim_id in moved - self._feeding.claims.keys():
            self._told_at.pop(claim_id, None)
        changed = 0
        # What is given back in this look can be given out in it.
        for claim in self._claims(lambda one: one.state is ClaimState.RELEASING):
            changed += self._release(claim, now)
        for claim in self._claims(lambda one: one.state is ClaimState.BOUND and _over(one, now)):
            changed += self._write(claim, decide_bound(claim, now=now), {}, {}, now)
        return changed + self._bind_all(moved, now)

    def _claims(self, which: Callable[[Claim], bool]) -> list[Claim]:
        """Open claims, oldest first: that is the order in which they are served."""
        found = [claim for claim in self._feeding.claims.values() if which(claim)]
        return sorted(found, key=lambda claim: (claim.created_at, claim.id))

    def _release(self, claim: Claim, now: datetime) -> bool:
        units = by_key(self._store, ComputeUnit, claim.unit_ids)
        host_ids = {host_id for unit in units.values() for host_id in unit.host_ids}
        hosts = by_key(self._store, Host, host_ids)
        agents = by_key(self._store, AgentSeen, host_ids)
        members = by_key(self._store, RayMember, host_ids)
        seen = [Tenanted(i, hosts.get(i), agents.get(i), members.get(i)) for i in sorted(host_ids)]
        return self._write(claim, decide_releasing(claim, seen), units, hosts, now)

    def _bind_all(self, moved: set[str], now: datetime) -> int:
        changed = 0
        for claim in self._claims(lambda one: one.state is ClaimState.PENDING and _over(one, now)):
            changed += self._write(claim, Finish("expired before it was bound"), {}, {}, now)
        for claim in self._claims(
            lambda one: one.id in moved and one.state is ClaimState.PENDING and not _over(one, now)
        ):
            changed += self._decide(claim, now)
        found = self._allocator.serve(now)
        for place, placed in enumerate(found):
            try:
                changed += self._bind(placed, now)
            except BaseException:
                self._take_back(found[place:])
                raise
        for claim in self._claims(lambda one: self._is_due(one, now))[:EXPLAINED_AT_ONCE]:
            changed += self._explain(claim, self._allocator.explain(claim.id), now)
        return changed

    def _is_due(self, claim: Claim, now: datetime) -> bool:
        """True when it is time to say anew why a claim waits."""
        told_at = self._told_at.get(claim.id)
        waits = claim.state is ClaimState.PENDING
        return waits and (told_at is None or told_at + EXPLAIN_EVERY <= now)

    def _take_back(self, placed: Iterable[Placed]) -> None:
        """Nothing of this was written, as far as anybody knows."""
        for one in placed:
            self._allocator.ended(one.ask_id)
            self._again.add(one.ask_id)

    def _decide(self, claim: Claim, now: datetime) -> bool:
        answer = self._allocator.decide(ask_of(claim), now)
        if not isinstance(answer, Placed):
            return self._explain(claim, answer, now)
        try:
            return self._bind(answer, now)
        except BaseException:
            self._take_back([answer])
            raise

    def _explain(self, claim: Claim, answer: Answer | None, now: datetime) -> bool:
        self._told_at[claim.id] = now
        if answer is None:
            self._again.add(claim.id)  # it waits, and the allocator does not know: decide anew
            return False
        return self._write(claim, decide_pending(claim, answer, now=now), {}, {}, now)

    def _bind(self, placed: Placed, now: datetime) -> bool:
        """Write what was chosen, if the records still say so; else choose anew."""
        claim = self._feeding.claims[placed.ask_id]
        while True:
            units = self._feeding.read_units(placed.unit_ids)
            hosts = by_key(self._store, Host, (i for u in units.values() for i in u.host_ids))
            if self._holds(placed, units, now):
                decision = decide_pending(claim, placed, now=now)
                written = self._write(claim, decision, units, hosts, now)
                if not written:
                    self._allocator.ended(claim.id)
                return written
            self._allocator.ended(claim.id)
            answer = self._allocator.decide(ask_of(claim), now)
            if not isinstance(answer, Placed):
                return self._explain(claim, answer, now)
            placed = answer

    def _holds(self, placed: Placed, units: Mapping[str, ComputeUnit], now: datetime) -> bool:
        """True when every unit is as it was thought to be, and its certificate verifies."""
        backing = {i for unit in units.values() for i in unit.certificate_ids}
        certificates = self._store.get_many(CertificateRecord, backing)
        gate = certificate_gate(certificates, ring=self._keyring, now=now)
        sound = len(units) == len(placed.unit_ids)
        for unit in units.values():
            if unit.claim:
                sound = False
                self._again.add(placed.ask_id)
                self._allocator.unit_refused(unit.id, f"its record says that {unit.claim} has it")
            elif not self._allocator.stock.is_fit(unit.id):
                sound = False
            elif reason := gate(unit):
                sound = False
                self._allocator.unit_refused(unit.id, reason)
        return sound

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
        """Write a change, and read again what it wrote."""
        touched: Iterable[str] = [r.id for r in change.replace if isinstance(r, ComputeUnit)]
        try:
            self._store.apply(change, now=now, fence=self._fence)
        except StaleWrite as error:
            log.info("claim decided again", extra={"claim": claim.id, "cause": str(error)})
            self._again.add(claim.id)
            return False
        self._feeding.read_claims([claim.id])
        self._feeding.read_units(touched)
        for event in change.events:
            log.info("claim moved", extra={"claim": claim.id, "old": event.old, "new": event.new})
        return True


def _over(claim: Claim, now: datetime) -> bool:
    return claim.expires_at is not None and claim.expires_at <= now
