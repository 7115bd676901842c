"""A claim's life: pending, bound, releasing, released.

The deciders are pure: records in, one value out. Applying a value is one `Change`, so a claim is
bound and its units are held at the same moment or not at all, and a unit is given back and paid
for at the same moment or not at all. Whoever changed one of these records meanwhile wins: the
store refuses our write and we decide again on what is there.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from inventory.agent_news import ROUNDS
from inventory.model import (
    AgentSeen,
    Claim,
    ComputeUnit,
    Event,
    Host,
    RayMember,
    Record,
    UsageRecord,
)
from inventory.states import ClaimState, HostState, PowerState, UnitState
from inventory.store.protocol import Change
from runtime.allocation.answer import Answer, Placed, Refused

USAGE_IDS = uuid.UUID("6f0c5f62-2f0e-5b1c-8a55-3f8f0d7c2b11")
"""Namespace of the ids of final usage records: one per claim, whoever writes it, how often ever."""

ACTOR = "runtime"

NOT_WAITING = {"lacks": "", "estimated_start": None, "promised": (), "promised_from": None}
"""Of a claim that is not pending any more."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing to write."""


@dataclass(frozen=True, slots=True)
class Explain:
    """Only what the claim waits for has changed."""

    why: str
    lacks: str = ""
    estimated_start: datetime | None = None


@dataclass(frozen=True, slots=True)
class Bind:
    """Give these units."""

    unit_ids: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Release:
    """Begin to take the units back."""

    why: str


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing of the tenant runs on the units any more."""

    why: str


ClaimDecision = Keep | Explain | Bind | Release | Finish


@dataclass(frozen=True, slots=True)
class Tenanted:
    """One host of a claim, with what its agent last said and was last told."""

    host_id: str
    host: Host | None
    agent: AgentSeen | None
    member: RayMember | None


def decide_pending(claim: Claim, answer: Answer, *, now: datetime) -> ClaimDecision:
    """Bind what was found, or say what is missing."""
    if _expired(claim, now):
        return Finish("expired before it was bound")
    match answer:
        case Placed(unit_ids=unit_ids):
            return Bind(unit_ids, answer.why)
        case Refused(constraint=constraint, message=why, estimate=soonest):
            start = soonest.start_at if soonest else None
            told = (claim.why, claim.lacks, claim.estimated_start)
            same = told == (why, constraint.value, start)
            return Keep() if same else Explain(why, constraint.value, start)


def decide_bound(claim: Claim, *, now: datetime) -> ClaimDecision:
    """End a claim whose time is over, or that was told to make way and has had its grace."""
    if _expired(claim, now):
        return Release("its time is over")
    if claim.notice is not None and claim.notice.leave_at <= now:
        return Release(claim.notice.why)
    return Keep()


def is_over(claim: Claim, now: datetime) -> bool:
    """True when a bound claim ends now."""
    return isinstance(decide_bound(claim, now=now), Release)


def decide_releasing(claim: Claim, hosts: Sequence[Tenanted]) -> ClaimDecision:
    """Wait until Ray has left every host; then give the units back."""
    busy = [reason for seen in hosts if (reason := still_busy(seen))]
    if busy:
        more = f" (and {len(busy) - 1} more hosts)" if len(busy) > 1 else ""
        return _explain(claim, f"releasing: {busy[0]}{more}")
    return Finish("Ray has left every host of it" if hosts else "it held no units")


def still_busy(seen: Tenanted, *, cluster_id: str = "") -> str:
    """Why a host may still run something of the tenant; empty when it cannot.

    An agent that says nothing is not an agent that runs nothing. A host without power runs
    nothing whatever its agent said, and one that was forgotten is nobody's. With `cluster_id`
    only that cluster counts: the host may have gone on to another one.
    """
    host, member = seen.host, seen.member
    if host is None or host.power is PowerState.OFF or member is None:
        return ""
    if member.order is not None:
        if cluster_id and member.order.cluster_id != cluster_id:
            return ""
        return f"the Ray order of host {host.name} is about to be withdrawn"
    if seen.agent is None or seen.agent.observed is None:
        return ""  # this boot's agent has never reported, so it has never carried out an order
    observed, heard = seen.agent.observed, f"last heard at {seen.agent.seen_at:%H:%M:%S} UTC"
    if observed.ray is not None and (not cluster_id or observed.ray.cluster_id == cluster_id):
        return (
            f"Ray is {observed.ray.phase} on host {host.name}, {heard}; "
            "if it does not end, power the host off"
        )
    if observed.ray is None and observed.generation < desired_generation(host, member):
        return (
            f"the agent of host {host.name} has not answered the order to stop, {heard}; "
            "if it stays silent, power the host off"
        )
    return ""


def desired_generation(host: Host, member: RayMember) -> int:
    """The generation that the agent door gives to what these two records ask for.

    Without it, an agent that has not yet read the order would look like one that has obeyed.
    """
    return host.acceptance_round * ROUNDS + member.version


def apply_claim(
    claim: Claim,
    decision: ClaimDecision,
    *,
    units: Mapping[str, ComputeUnit],
    hosts: Mapping[str, Host],
    now: datetime,
) -> Change | None:
    """What a decision writes; None when nothing."""
    match decision:
        case Keep():
            return None
        case Explain(why, lacks, start):
            told = {"why": why, "lacks": lacks, "estimated_start": start}
            return Change(replace=(claim.model_copy(update=told),))
        case Bind(unit_ids, why):
            held = tuple(
                units[i].model_copy(update={"state": UnitState.CLAIMED, "claim": claim.id})
                for i in unit_ids
            )
            bound = claim.model_copy(
                update={
                    "state": ClaimState.BOUND,
                    "unit_ids": unit_ids,
                    "bound_at": now,
                    "fence": claim.fence + 1,
                    "why": why,
                    **NOT_WAITING,
                }
            )
            return Change(replace=(bound, *held), events=(moved(claim, bound, why, now),))
        case Release(why):
            fresh = claim.model_copy(update={"state": ClaimState.RELEASING, "why": why})
            return Change(replace=(fresh,), events=(moved(claim, fresh, why, now),))
        case Finish(why):
            return _finish(claim, why, units=units, hosts=hosts, now=now)


def _finish(
    claim: Claim,
    why: str,
    *,
    units: Mapping[str, ComputeUnit],
    hosts: Mapping[str, Host],
    now: datetime,
) -> Change:
    ended = {"state": ClaimState.RELEASED, "released_at": now, "why": why, **NOT_WAITING}
    fresh = claim.model_copy(update={**ended, "fence": claim.fence + 1})
    freed = tuple(
        unit.model_copy(update={"state": state_after(unit, hosts), "claim": ""})
        for unit_id in claim.held_unit_ids
        if (unit := units.get(unit_id)) is not None and unit.claim == claim.id
    )
    usage: tuple[Record, ...] = () if claim.bound_at is None else (final_usage(fresh),)
    return Change(
        insert=usage,
        replace=(fresh, *freed),
        events=(moved(claim, fresh, why, now),),
    )


def state_after(unit: ComputeUnit, hosts: Mapping[str, Host]) -> UnitState:
    """Offered again only when its hosts are as they were certified, and wanted here."""
    if unit.state is not UnitState.CLAIMED:
        return UnitState.WITHDRAWN
    stays = all(
        (host := hosts.get(host_id)) is not None
        and host.state is HostState.READY
        and host.target == "ready"
        for host_id in unit.host_ids
    )
    return UnitState.AVAILABLE if stays else UnitState.WITHDRAWN


def final_usage(claim: Claim) -> UsageRecord:
    """The record of a released claim. Its id comes from the claim, so it exists once."""
    if claim.bound_at is None or claim.released_at is None:
        raise ValueError(f"claim {claim.id} was not bound and released")
    return UsageRecord(
        id=str(uuid.uuid5(USAGE_IDS, claim.id)),
        tenant=claim.tenant,
        kind="unit_seconds",
        claim=claim.id,
        unit_seconds=claim.unit_seconds(claim.released_at),
        started_at=claim.bound_at,
        ended_at=claim.released_at,
    )


def _expired(claim: Claim, now: datetime) -> bool:
    return claim.expires_at is not None and claim.expires_at <= now


def _explain(claim: Claim, why: str) -> ClaimDecision:
    return Keep() if claim.why == why else Explain(why)


def moved(old: Claim, new: Claim, why: str, now: datetime) -> Event:
    """An event about a claim that goes into another state."""
    return Event(
        at=now,
        actor=ACTOR,
        kind="claim.state",
        subject=f"claim:{old.id}",
        old=old.state.value,
        new=new.state.value,
        why=why,
    )
