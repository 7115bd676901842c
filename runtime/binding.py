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
from inventory.model import (
    AgentSeen,
    CertificateRecord,
    Claim,
    ComputeUnit,
    Event,
    Host,
    RayMember,
)
from inventory.states import ClaimState, UnitState
from inventory.store.protocol import Change, Fence, Store
from pods.keys import Keyring
from runtime.allocation.allocator import Allocator
from runtime.allocation.answer import Answer, Placed, Refused
from runtime.allocation.unit import Constraint
from runtime.claiming import (
    ACTOR,
    ClaimDecision,
    Finish,
    Tenanted,
    apply_claim,
    decide_bound,
    decide_pending,
    decide_releasing,
    is_over,
    state_after,
    still_busy,
)
from runtime.expiring import Expiring
from runtime.feeding import Feeding
from runtime.gating import certificate_gate
from runtime.offering import REPLACES, ask_of, replacement_of
from runtime.records import by_key
from runtime.replacing import (
    gave_back,
    leave,
    make_way,
    notice_is_void,
    replaced,
    tell,
    wants_another,
)

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
        self._expiring = Expiring(store, self._allocator.stock, fence)
        self._replacing: set[str] = set()
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
        for claim in self._claims(lambda one: one.state is ClaimState.BOUND):
            if notice_is_void(claim, self._feeding.claims):  # also when its time is over by now
                changed += self._let_stay(claim, now)
            elif is_over(claim, now):
                changed += self._write(claim, decide_bound(claim, now=now), {}, {}, now)
            else:
                changed += self._keep_whole(claim, now)
        self._ask_for_no_more()
        changed += self._bind_all(moved, now)
        return changed + self._expiring.step(now)

    def _claims(self, which: Callable[[Claim], bool]) -> list[Claim]:
        """Open claims, oldest first: that is the order in which they are served."""
        found = [claim for claim in self._feeding.claims.values() if which(claim)]
        return sorted(found, key=lambda claim: (claim.created_at, claim.id))

    def _release(self, claim: Claim, now: datetime) -> bool:
        units, hosts, seen = self._tenanted(claim.held_unit_ids)
        return self._write(claim, decide_releasing(claim, seen), units, hosts, now)

    def _tenanted(
        self, unit_ids: Iterable[str]
    ) -> tuple[dict[str, ComputeUnit], dict[str, Host], list[Tenanted]]:
        """Units, their hosts, and what is known of what runs there."""
        units = by_key(self._store, ComputeUnit, unit_ids)
        host_ids = {host_id for unit in units.values() for host_id in unit.host_ids}
        hosts = by_key(self._store, Host, host_ids)
        agents = by_key(self._store, AgentSeen, host_ids)
        members = by_key(self._store, RayMember, host_ids)
        seen = [Tenanted(i, hosts.get(i), agents.get(i), members.get(i)) for i in sorted(host_ids)]
        return units, hosts, seen

    def _let_stay(self, claim: Claim, now: datetime) -> bool:
        """Nobody waits any more for whom it was told to make way."""
        kept = claim.model_copy(update={"notice": None})
        why = "the claim that it was to make way for does not wait for it any more"
        return self._tell(claim, kept, "claim.kept", why, now)

    def _keep_whole(self, claim: Claim, now: datetime) -> bool:
        """At most one change to a claim that goes on: which of its units go."""
        if claim.when_withdrawn == "keep" and not claim.leaving:
            return False
        bad = self._bad(claim) if claim.when_withdrawn == "replace" else {}
        if fresh := tell(claim, bad, now=now):
            new = [one for one in fresh.leaving if one not in claim.leaving]
            if new:
                why = "; ".join(f"unit {self._unit_name(one.unit_id)}: {one.why}" for one in new)
                return self._tell(claim, fresh, "claim.unit-notice", why, now)
            return self._tell(claim, fresh, "claim.kept", "its units are well again", now)
        if fresh := leave(claim, now=now):
            gone = set(claim.unit_ids) - set(fresh.unit_ids)
            why = f"replaced: {', '.join(sorted(map(self._unit_name, gone)))}"
            return self._tell(claim, fresh, "claim.unit-left", why, now, also=gone)
        for one in claim.leaving:
            if one.left and self._give_back(claim, one.unit_id, now):
                return True
            if not one.replaced_by and not one.left:
                self._look_for_another(claim, one.unit_id)
        return False

    def _bad(self, claim: Claim) -> dict[str, tuple[str, bool]]:
        """Units that do not stand any more: why, and whether what runs there may go on."""
        found: dict[str, tuple[str, bool]] = {}
        stock = self._allocator.stock
        for unit_id in claim.unit_ids:
            bar = stock.unit(unit_id).bar if unit_id in stock else None
            if bar is not None and bar.constraint is Constraint.WITHDRAWN:
                found[unit_id] = (bar.detail, True)
            elif bar is not None and bar.constraint is Constraint.OFF:
                found[unit_id] = (f"{bar.detail} has no power", False)
        return found

    def _unit_name(self, unit_id: str) -> str:
        stock = self._allocator.stock
        return stock.unit(unit_id).name if unit_id in stock else unit_id

    def _look_for_another(self, claim: Claim, unit_id: str) -> None:
        """Another unit like it, in its turn; asked once, and anew where the claim keeps others."""
        if unit_id not in self._allocator.stock:
            return
        stock = self._allocator.stock
        leaving = {one.unit_id for one in claim.leaving}
        kept = [stock.unit(i) for i in claim.unit_ids if i in stock and i not in leaving]
        ask = replacement_of(claim, stock.unit(unit_id), kept)
        known = self._allocator.waiting.get(ask.id)
        if known is not None and known.parts != ask.parts:
            self._allocator.withdrawn(ask.id)
        if ask.id not in self._allocator.waiting and ask.id not in self._allocator.holdings:
            self._replacing.add(ask.id)
            self._allocator.enqueue(ask)

    def _ask_for_no_more(self) -> None:
        """Nobody waits for another unit whose claim is over, or whose unit is well again."""
        for ask_id in sorted(self._replacing):
            claim_id, _, unit_id = ask_id.partition(REPLACES)
            claim = self._feeding.claims.get(claim_id)
            if claim is None or not wants_another(claim, unit_id):
                self._replacing.discard(ask_id)
                self._allocator.withdrawn(ask_id)

    def _give_back(self, claim: Claim, unit_id: str, now: datetime) -> bool:
        """Once nothing of the tenant runs on a unit that its claim has left."""
        units, hosts, seen = self._tenanted([unit_id])
        if any(map(still_busy, seen)):
            return False
        freed = [
            unit.model_copy(update={"state": state_after(unit, hosts), "claim": ""})
            for unit in units.values()
            if unit.claim == claim.id
        ]
        change = Change(replace=(gave_back(claim, unit_id, now=now), *freed))
        return self._apply(claim, change, now)

    def _tell(
        self,
        claim: Claim,
        fresh: Claim,
        kind: str,
        why: str,
        now: datetime,
        *,
        also: Iterable[str] = (),
    ) -> bool:
        """Write a claim as it is from now on, with the event that says so."""
        written = self._apply(
            claim, Change(replace=(fresh,), events=(told(fresh, kind, why, now),)), now
        )
        if written:
            self._feeding.read_units(also)
        return written

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
            if claim.may_preempt and claim.id not in self._allocator.reservations:
                changed += self._decide(claim, now)  # who may make way changes as well
            else:
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
            if REPLACES not in one.ask_id:
                self._again.add(one.ask_id)

    def _decide(self, claim: Claim, now: datetime) -> bool:
        answer = self._allocator.decide(ask_of(claim), now)
        if isinstance(answer, Refused):
            if answer.preempts:
                return self._end_others(claim, answer, now)
            return self._explain(claim, answer, now)
        try:
            return self._bind(answer, now)
        except BaseException:
            self._take_back([answer])
            raise

    def _end_others(self, claim: Claim, answer: Refused, now: datetime) -> bool:
        """Tell those who make way, and write down which units are kept, in one change.

        So that a crash loses neither the notice nor the promise, and ends nobody twice.
        """
        made = self._allocator.reservations.get(claim.id)
        victims = [self._feeding.claims[one] for one in answer.preempts]
        why = f"makes way for claim {claim.id} of {claim.tenant}, priority {claim.priority}"
        told_to = [make_way(one, claim.id, why=why, now=now) for one in victims]
        names = ", ".join(one.id for one in victims)
        promised = claim.model_copy(
            update={
                "promised": made.unit_ids if made else (),
                "promised_from": made.start_at if made else now,
                "estimated_start": made.start_at if made else None,
                "lacks": answer.constraint.value,
                "why": f"{names} make way for it; {answer.message}",
            }
        )
        events = (
            *(told(one, "claim.notice", why, now) for one in told_to),
            told(promised, "claim.promised", f"{names} make way for it", now),
        )
        written = False
        try:
            change = Change(replace=(promised, *told_to), events=events)
            written = self._apply(claim, change, now)
        finally:
            if not written:  # nobody was told, so nobody leaves
                self._allocator.withdrawn(claim.id)
                self._again.add(claim.id)
            self._feeding.read_claims(answer.preempts)
        return written

    def _explain(self, claim: Claim, answer: Answer | None, now: datetime) -> bool:
        self._told_at[claim.id] = now
        if answer is None:
            self._again.add(claim.id)  # it waits, and the allocator does not know: decide anew
            return False
        return self._write(claim, decide_pending(claim, answer, now=now), {}, {}, now)

    def _bind(self, placed: Placed, now: datetime) -> bool:
        """Write what was chosen, if the records still say so; else choose anew."""
        if REPLACES in placed.ask_id:
            return self._replace(placed, now)
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

    def _replace(self, placed: Placed, now: datetime) -> bool:
        """Give a claim another unit for the one that it is told to leave."""
        claim_id, _, unit_id = placed.ask_id.partition(REPLACES)
        claim, (new,) = self._feeding.claims.get(claim_id), placed.unit_ids
        wanted = claim is not None and wants_another(claim, unit_id)
        units = self._feeding.read_units(placed.unit_ids)
        sound = wanted and self._holds(placed, units, now)
        self._allocator.ended(placed.ask_id)  # from here on the claim itself holds it
        self._again.discard(placed.ask_id)
        if claim is None or not sound:
            return False  # it is asked for again at the next look, if it is still wanted
        held = units[new].model_copy(update={"state": UnitState.CLAIMED, "claim": claim.id})
        fresh = replaced(claim, unit_id, new, now=now)
        why = f"{held.name} for {self._unit_name(unit_id)}: {placed.why}"
        event = told(fresh, "claim.unit-replaced", why, now)
        return self._apply(claim, Change(replace=(fresh, held), events=(event,)), now)

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


def told(claim: Claim, kind: str, why: str, now: datetime) -> Event:
    """An event about a claim that stays in its state."""
    return Event(at=now, actor=ACTOR, kind=kind, subject=f"claim:{claim.id}", why=why)


def _over(claim: Claim, now: datetime) -> bool:
    return claim.expires_at is not None and claim.expires_at <= now
