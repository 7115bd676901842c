"""A unit that goes under a running claim: told beforehand, replaced by another, then given back.

A claim keeps its units while what they promised stands. When a unit is withdrawn, or its host is
without power, the claim is told, and another unit of the class is looked for. Once there is one,
and the time that the tenant was told is over, the claim leaves the old unit; when nothing of the
tenant runs on it, it is given back. Where no other is free the claim keeps what it has: a unit that
does not stand any more is better than none, and nobody is evicted for want of a spare. From the
notice on the unit is not paid for.

Pure: claims in, claims out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from inventory.model import Claim, Leaving, Notice
from inventory.states import ClaimState

OFF_GRACE = timedelta(seconds=60)
"""How long a host may be without power before its work goes elsewhere: nothing runs on it, and a
host that somebody cycled is On again by then."""


def tell(claim: Claim, bad: Mapping[str, tuple[str, bool]], *, now: datetime) -> Claim | None:
    """Note which units go, and which are well again; `bad` says why, and whether work still runs.

    None when nothing is new.
    """
    known = {one.unit_id for one in claim.leaving}
    stays = tuple(one for one in claim.leaving if _goes_on(one, bad))
    fresh = tuple(
        Leaving(unit_id=unit_id, since=now, leave_at=now + _grace(claim, runs=runs), why=why)
        for unit_id, (why, runs) in sorted(bad.items())
        if unit_id not in known
    )
    leaving = (*stays, *fresh)
    return None if leaving == claim.leaving else settled(claim, now, leaving=leaving)


def replaced(claim: Claim, unit_id: str, by: str, *, now: datetime) -> Claim:
    """Another unit is there: work may move to it for as long as the tenant was promised."""
    leaving = tuple(
        one.model_copy(
            update={
                "replaced_by": by,
                "leave_at": max(one.leave_at, now + (one.leave_at - one.since)),
            }
        )
        if one.unit_id == unit_id
        else one
        for one in claim.leaving
    )
    return settled(claim, now, leaving=leaving, unit_ids=(*claim.unit_ids, by))


def leave(claim: Claim, *, now: datetime) -> Claim | None:
    """Leave the units that are replaced and whose time is over; None when there are none."""
    due = {one.unit_id for one in claim.leaving if _is_due(one, now)}
    if not due:
        return None
    leaving = tuple(
        one.model_copy(update={"left": True}) if one.unit_id in due else one
        for one in claim.leaving
    )
    kept = tuple(unit_id for unit_id in claim.unit_ids if unit_id not in due)
    return settled(claim, now, leaving=leaving, unit_ids=kept)


def gave_back(claim: Claim, unit_id: str, *, now: datetime) -> Claim:
    """Nothing of the tenant runs on a unit that it left."""
    leaving = tuple(one for one in claim.leaving if one.unit_id != unit_id)
    return settled(claim, now, leaving=leaving)


def wants_another(claim: Claim, unit_id: str) -> bool:
    """True while another unit is looked for in place of this one."""
    return claim.state is ClaimState.BOUND and any(
        one.unit_id == unit_id and not one.replaced_by for one in claim.leaving
    )


def make_way(claim: Claim, for_claim: str, *, why: str, now: datetime) -> Claim:
    """Tell a claim that it ends after its grace."""
    leave_at = now + timedelta(minutes=claim.grace_minutes)
    notice = Notice(told_at=now, leave_at=leave_at, why=why, for_claim=for_claim)
    return claim.model_copy(update={"notice": notice})


def notice_is_void(claim: Claim, claims: Mapping[str, Claim]) -> bool:
    """True when nobody waits any more for whom a claim was told to make way."""
    if claim.notice is None or not claim.notice.for_claim:
        return False
    waiting = claims.get(claim.notice.for_claim)
    return (
        waiting is None
        or waiting.state is not ClaimState.PENDING
        or not set(waiting.promised) & set(claim.unit_ids)
    )


def settled(claim: Claim, now: datetime, **changes: object) -> Claim:
    """A claim that holds something else from now on: what it used until now is written down."""
    used = {"metered_unit_seconds": claim.unit_seconds(now), "metered_until": now}
    return claim.model_copy(update={**used, "fence": claim.fence + 1, **changes})


def _goes_on(one: Leaving, bad: Mapping[str, tuple[str, bool]]) -> bool:
    return one.left or bool(one.replaced_by) or one.unit_id in bad


def _grace(claim: Claim, *, runs: bool) -> timedelta:
    return timedelta(minutes=claim.grace_minutes) if runs else OFF_GRACE


def _is_due(one: Leaving, now: datetime) -> bool:
    return bool(one.replaced_by) and not one.left and one.leave_at <= now
