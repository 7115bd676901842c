"""Claims and clusters: a tenant's hold on units, and the Ray clusters that they feed.

A claim is asked for once: the same idempotency key gives the same claim, however often a lost
answer makes somebody ask again.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Response
from pydantic import AliasChoices, ConfigDict, Field

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import Conflict, NotFound, StaleWrite
from inventory.model import UNITS_MAX, Claim, ClaimPart, Event, Level
from inventory.quotas import PRIORITY_MAX, TenantQuota
from inventory.refusals import ERRORS, Refused
from inventory.routes.shapes import (
    NAME_FORM,
    Body,
    NamePath,
)
from inventory.routes.tenants import require_tenant
from inventory.states import ClaimState
from inventory.store.protocol import Change

router = APIRouter(prefix="/api", responses=ERRORS)
Reader = Annotated[Actor, Depends(require(Permission.CLAIM_READ))]
Writer = Annotated[Actor, Depends(require(Permission.CLAIM_WRITE))]
ClusterReader = Annotated[Actor, Depends(require(Permission.CLUSTER_READ))]
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=128,
        pattern=r"^[\x21-\x7e]*$",
        description="The same key gives the same claim.",
    ),
]

WRITE_TRIES = 5
ASKED = {
    "accept_simulated",
    "b200_equivalents",
    "cluster",
    "count",
    "feeds_min",
    "grace_minutes",
    "labels",
    "may_preempt",
    "more",
    "owned",
    "preemptible",
    "price_max_per_hour",
    "priority",
    "profile",
    "site",
    "together",
    "unit_class",
    "when_withdrawn",
    "within",
}
"""What makes one request another."""

VALID_HOURS_MAX = 10 * 365 * 24
GRACE_MINUTES_MAX = 7 * 24 * 60
PARTS_MAX = 8
"""Prefill, decode and a few more: with each the search for a place costs as much again."""


Word = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]


class PartBody(Body):
    """One sort of unit."""

    model_config = ConfigDict(populate_by_name=True)

    unit_class: Annotated[Word, Field(validation_alias=AliasChoices("unit_class", "class"))]
    """A class, several with commas between, or `any`."""
    count: Annotated[int, Field(ge=1, le=UNITS_MAX)] | None = None
    """1, unless an amount is asked for."""
    b200_equivalents: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """At least so many for the profile, instead of a number of units."""
    profile: Annotated[str, Field(max_length=255, pattern=r"^[\x21-\x7e]*$")] = ""
    within: Level = "site"
    feeds_min: Annotated[int, Field(ge=1, le=64)] = 1


class ClaimBody(PartBody):
    """Units to hold."""

    tenant: Annotated[str, Field(pattern=r"^$|" + NAME_FORM)] = ""
    cluster: Annotated[str, Field(pattern=NAME_FORM)] = "main"
    more: Annotated[tuple[PartBody, ...], Field(max_length=PARTS_MAX - 1)] = ()
    """Other sorts of unit besides: it gets all of them, or nothing."""
    together: Level = "site"
    """All parts in one of these."""
    site: Annotated[str, Field(pattern=r"^$|" + NAME_FORM)] = ""
    owned: bool | None = None
    price_max_per_hour: Annotated[float, Field(ge=0, le=1e6)] | None = None
    labels: Annotated[dict[Word, Word], Field(max_length=16)] = Field(default_factory=dict)
    accept_simulated: bool = False
    priority: Annotated[int, Field(ge=0, le=PRIORITY_MAX)] = 0
    """A tenant's own key may ask for what its quota allows at most."""
    preemptible: bool = False
    may_preempt: bool = False
    grace_minutes: Annotated[int, Field(ge=0, le=GRACE_MINUTES_MAX)] = 5
    when_withdrawn: Literal["replace", "keep"] = "replace"
    valid_hours: Annotated[int, Field(ge=1, le=VALID_HOURS_MAX)] | None = None


class ExtendBody(Body):
    """How much longer a claim lasts."""

    hours: Annotated[int, Field(ge=1, le=VALID_HOURS_MAX)]
    """From its present end on; of one that has expired, nothing can be extended."""


AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"model": Claim, "description": "Made before under this idempotency key"}
}


@router.post("/claims", status_code=201, responses=AGAIN, tags=["claims"])
async def create_claim(
    body: ClaimBody,
    response: Response,
    deps: Deps,
    actor: Writer,
    *,
    idempotency_key: IdempotencyKey = "",
) -> Claim:
    """Claim units. 200 instead of 201 when this idempotency key has made its claim before."""
    claim, new = await deps.in_thread(_create, deps, body, actor, idempotency_key)
    response.status_code = 201 if new else 200
    deps.wake()
    return claim


@router.post("/claims/{name}/extend", tags=["claims"])
async def extend_claim(name: NamePath, body: ExtendBody, deps: Deps, actor: Writer) -> Claim:
    """Let a claim that has an end last longer. Whoever is to make way still does."""
    claim = await deps.in_thread(_extend, deps, name, body.hours, actor)
    deps.wake()
    return claim


@router.delete("/claims/{name}", tags=["claims"])
async def release_claim(name: NamePath, deps: Deps, actor: Writer) -> Claim:
    """Release a claim: its workers leave the cluster, its units become available."""
    claim = await deps.in_thread(_release, deps, name, actor)
    deps.wake()
    return claim


def _create(
    deps: ApiDeps, body: ClaimBody, actor: Actor, idempotency_key: str
) -> tuple[Claim, bool]:
    now = deps.clock.now()
    tenant = actor.acting_for(body.tenant)
    require_tenant(deps, tenant)
    claim = Claim(
        id=secrets.token_hex(6),  # 48 bits: unique on a site, and short enough to type
        tenant=tenant,
        cluster=body.cluster,
        **_part(body),
        more=tuple(ClaimPart(**_part(part, f"more.{n}.")) for n, part in enumerate(body.more)),
        together=body.together,
        site=body.site,
        owned=body.owned,
        price_max_per_hour=body.price_max_per_hour,
        labels=body.labels,
        accept_simulated=body.accept_simulated,
        priority=_priority(deps, body.priority, tenant, actor),
        preemptible=body.preemptible,
        may_preempt=body.may_preempt,
        grace_minutes=body.grace_minutes,
        when_withdrawn=body.when_withdrawn,
        created_at=now,
        expires_at=now + timedelta(hours=body.valid_hours) if body.valid_hours else None,
        idempotency_key=idempotency_key,
    )
    if earlier := _earlier(deps, claim):
        return earlier, False
    event = _event(deps, actor, "claim.created", claim, new=str(claim.state))
    try:
        deps.store.apply(Change(insert=(claim,), events=(event,)), now=now)
    except Conflict:
        if earlier := _earlier(deps, claim):
            return earlier, False
        raise
    return claim, True


def _earlier(deps: ApiDeps, claim: Claim) -> Claim | None:
    """The claim that this idempotency key made before; another request under it is refused."""
    if not claim.idempotency_key:
        return None
    found = deps.store.find(Claim, deduplication=f"{claim.tenant}/{claim.idempotency_key}")
    if not found:
        return None
    differs = [n for n in sorted(ASKED) if getattr(found[0], n) != getattr(claim, n)]
    if _valid_for(found[0]) != _valid_for(claim):
        differs.append("valid_hours")
    if differs:
        raise Refused(
            422,
            "idempotency-key-reused",
            f"this idempotency key made claim {found[0].id} with another {', '.join(differs)}",
            path="Idempotency-Key",
            value=claim.idempotency_key,
            hint="send a new key with a new request",
        )
    return found[0]


def _part(body: PartBody, path: str = "") -> dict[str, Any]:
    """One part as it is kept. Refused when it cannot mean anything."""
    return {
        "unit_class": body.unit_class,
        "count": _count(body, path),
        "b200_equivalents": body.b200_equivalents,
        "profile": body.profile,
        "within": body.within,
        "feeds_min": body.feeds_min,
    }


def _count(body: PartBody, path: str) -> int:
    """How many units; 0 where an amount is asked for."""
    if body.b200_equivalents is None:
        count = body.count or 1
        if body.profile:
            raise _meaningless(f"{path}profile", body.profile, "give b200_equivalents with it")
        if body.feeds_min > count:
            hint = f"at most {count}, a unit on each"
            raise _meaningless(f"{path}feeds_min", body.feeds_min, hint)
        return count
    if body.count is not None:
        hint = "give count or b200_equivalents, not both"
        raise _meaningless(f"{path}count", body.count, hint)
    if not body.profile:
        raise _meaningless(f"{path}profile", "", "name the profile that the units are rated for")
    return 0


def _priority(deps: ApiDeps, wanted: int, tenant: str, actor: Actor) -> int:
    """What a tenant asks for itself is bounded by its quota, or by the next one above."""
    if not actor.tenant:
        return wanted
    name, most = tenant, 0
    while quota := deps.store.get(TenantQuota, name):
        most = max(most, quota.priority_max)
        if not quota.parent:
            break
        name = quota.parent
    if wanted > most:
        raise Refused(
            403,
            "forbidden",
            f"priority={wanted} is above what {tenant} may ask for",
            path="priority",
            value=str(wanted),
            hint=f"at most {most}; an admin raises it: podyard tenant quota set {tenant}",
        )
    return wanted


def _meaningless(path: str, value: object, hint: str) -> Refused:
    said = f"{path}={value!r} means nothing here"
    return Refused(422, "invalid", said, path=path, value=str(value), hint=hint)


def _valid_for(claim: Claim) -> timedelta | None:
    return claim.expires_at - claim.created_at if claim.expires_at else None


def _find(deps: ApiDeps, claim_id: str, actor: Actor) -> Claim:
    claim = deps.store.get(Claim, claim_id)
    if claim is None or not actor.may_see(claim.tenant):
        raise NotFound(f"no claim {claim_id!r}", hint="see `podyard claim list`")
    return claim


def _release(deps: ApiDeps, claim_id: str, actor: Actor) -> Claim:
    for _ in range(WRITE_TRIES):
        claim = _find(deps, claim_id, actor)
        if claim.state in {ClaimState.RELEASING, ClaimState.RELEASED}:
            return claim
        fresh = claim.model_copy(update={"state": ClaimState.RELEASING})
        event = _event(
            deps, actor, "claim.releasing", claim, old=str(claim.state), new=str(fresh.state)
        )
        try:
            deps.store.apply(Change(replace=(fresh,), events=(event,)), now=deps.clock.now())
        except StaleWrite:
            continue
        return fresh.model_copy(update={"version": claim.version + 1})
    raise StaleWrite(f"claim {claim_id} changed while it was released")


def _extend(deps: ApiDeps, claim_id: str, hours: int, actor: Actor) -> Claim:
    for _ in range(WRITE_TRIES):
        claim = _find(deps, claim_id, actor)
        now = deps.clock.now()
        if claim.expires_at is None:
            return claim  # it lasts until it is released
        if claim.state not in {ClaimState.PENDING, ClaimState.BOUND} or claim.expires_at <= now:
            raise Refused(
                409,
                "conflict",
                f"claim {claim_id} is over: nothing of it can be extended",
                path="name",
                value=claim_id,
                hint="claim anew: podyard claim create",
            )
        until = claim.expires_at + timedelta(hours=hours)
        if until > now + timedelta(hours=VALID_HOURS_MAX):
            raise _meaningless("hours", hours, f"claims end within {VALID_HOURS_MAX} hours")
        fresh = claim.model_copy(update={"expires_at": until})
        event = _event(
            deps,
            actor,
            "claim.extended",
            claim,
            old=claim.expires_at.isoformat(),
            new=until.isoformat(),
        )
        try:
            deps.store.apply(Change(replace=(fresh,), events=(event,)), now=now)
        except StaleWrite:
            continue
        return fresh.model_copy(update={"version": claim.version + 1})
    raise StaleWrite(f"claim {claim_id} changed while it was extended")


def _event(
    deps: ApiDeps, actor: Actor, kind: str, claim: Claim, *, old: str = "", new: str = ""
) -> Event:
    return Event(
        at=deps.clock.now(),
        actor=actor.name,
        kind=kind,
        subject=f"claim:{claim.id}",
        old=old,
        new=new,
        why=f"{claim.tenant}/{claim.cluster}: {claim.wants}",
    )
