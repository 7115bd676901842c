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
from inventory.model import Claim, Event
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
    "profile",
    "unit_class",
    "within",
}
"""What makes one request another."""

VALID_HOURS_MAX = 10 * 365 * 24


class ClaimBody(Body):
    """Units to hold."""

    model_config = ConfigDict(populate_by_name=True)

    tenant: Annotated[str, Field(pattern=r"^$|" + NAME_FORM)] = ""
    cluster: Annotated[str, Field(pattern=NAME_FORM)] = "main"
    unit_class: Annotated[
        str,
        Field(
            min_length=1,
            max_length=255,
            pattern=r"^[\x21-\x7e]+$",
            validation_alias=AliasChoices("unit_class", "class"),
        ),
    ]
    count: Annotated[int, Field(ge=1, le=4096)] | None = None
    """1, unless an amount is asked for."""
    b200_equivalents: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """At least so many for the profile, instead of a number of units."""
    profile: Annotated[str, Field(max_length=255, pattern=r"^[\x21-\x7e]*$")] = ""
    within: Literal["domain", "rack", "leaf", "pod", "site"] = "site"
    feeds_min: Annotated[int, Field(ge=1, le=64)] = 1
    accept_simulated: bool = False
    valid_hours: Annotated[int, Field(ge=1, le=VALID_HOURS_MAX)] | None = None


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
        unit_class=body.unit_class,
        count=_count(body),
        b200_equivalents=body.b200_equivalents,
        profile=body.profile,
        within=body.within,
        feeds_min=body.feeds_min,
        accept_simulated=body.accept_simulated,
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


def _count(body: ClaimBody) -> int:
    """How many units; 0 where an amount is asked for. Refused when it cannot mean anything."""
    if body.b200_equivalents is None:
        count = body.count or 1
        if body.profile:
            raise _meaningless("profile", body.profile, "give b200_equivalents with it")
        if body.feeds_min > count:
            raise _meaningless("feeds_min", body.feeds_min, f"at most {count}, a unit on each")
        return count
    if body.count is not None:
        raise _meaningless("count", body.count, "give count or b200_equivalents, not both")
    if not body.profile:
        raise _meaningless("profile", "", "name the profile that the units are rated for")
    return 0


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
