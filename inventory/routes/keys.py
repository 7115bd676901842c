"""API keys: made, listed, rotated and revoked. A key's text is shown once.

A key never makes a better key than itself: whatever narrows it (its end, its rate, its permissions,
the networks it may come from) narrows what it makes, so a leaked key cannot outgrow its limits.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, Field

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import Conflict, NotFound, StaleWrite
from inventory.keys import Scope, in_force, mint
from inventory.model import ApiKey, Event
from inventory.refusals import ERRORS, Refused
from inventory.routes.shapes import (
    NAME_FORM,
    After,
    Body,
    Limit,
    NamePath,
    Page,
    Text,
    View,
    read_page,
)
from inventory.routes.tenants import require_tenant
from inventory.store.protocol import Change
from inventory.ways_in import ways_in, witness

router = APIRouter(prefix="/api", tags=["keys"], responses=ERRORS)
Reader = Annotated[Actor, Depends(require(Permission.KEY_READ))]
Writer = Annotated[Actor, Depends(require(Permission.KEY_WRITE))]
Installer = Annotated[Actor, Depends(require(Permission.SETUP))]

VALID_DAYS_MAX = 3650
LISTED_MAX = 50
OVERLAP_HOURS_MAX = 24 * 30
REVOKE_TRIES = 5
"""A request that writes the key's last use may come between reading and revoking it."""


def _network(text: str) -> str:
    """As its address and prefix, or ValueError in its own words."""
    return str(ip_network(text))


Network = Annotated[str, Field(max_length=64), AfterValidator(_network)]


class KeyBody(Body):
    """A key to make."""

    role: Literal["viewer", "operator", "admin", "tenant"] = "tenant"
    tenant: Annotated[str, Field(pattern=r"^$|" + NAME_FORM)] = ""
    title: Annotated[str, Field(max_length=255, pattern=r"^[^\x00-\x1f]*$")] = ""
    valid_days: Annotated[int, Field(ge=1, le=VALID_DAYS_MAX)] | None = None
    requests_per_minute: Annotated[int, Field(ge=0, le=1_000_000, description="0: no limit.")] = 0
    sites: Annotated[
        tuple[Annotated[str, Field(pattern=NAME_FORM)], ...],
        Field(max_length=LISTED_MAX, description="Where the role holds; none: everywhere."),
    ] = ()
    permissions: Annotated[
        tuple[Permission, ...],
        Field(max_length=LISTED_MAX, description="Some of the role's; none: all of them."),
    ] = ()
    read_only: bool = False
    networks: Annotated[
        tuple[Network, ...],
        Field(max_length=LISTED_MAX, description="Where it may be used from, as CIDR."),
    ] = ()


class RotateBody(Body):
    """How to replace a key."""

    overlap_hours: Annotated[
        float, Field(ge=0, le=OVERLAP_HOURS_MAX, description="How long the old one works still.")
    ] = 24.0


class KeyView(View):
    """A key as it is listed: nothing of its secret."""

    id: str
    title: str
    role: str
    tenant: str
    sites: tuple[str, ...]
    permissions: tuple[str, ...]
    read_only: bool
    networks: tuple[str, ...]
    requests_per_minute: int
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(
        description="To within five minutes, by what it asked of this API."
    )


class NewKey(KeyView):
    """A key just made."""

    text: str = Field(description="Shown this once: only its hash is kept.")


@router.get("/keys")
async def list_keys(
    request: Request,
    deps: Deps,
    actor: Reader,
    *,
    role: Text = "",
    tenant: Text = "",
    after: After = "",
    limit: Limit = 100,
) -> Page[KeyView]:
    """Keys, without their secrets."""
    filters = {"role": role, "tenant": actor.acting_for(tenant)}
    return await deps.in_thread(_keys, deps, request, filters, after, limit)


@router.post("/keys", status_code=201)
async def create_key(body: KeyBody, deps: Deps, actor: Writer) -> NewKey:
    """Make a key. Its text is in this answer and nowhere else.

    A key that a key makes is capped by its maker: a tenant's expires no later and is allowed no
    more requests per minute, and none may more, or from elsewhere, than its maker. The answer says
    what it got.
    """
    return await deps.in_thread(_create, deps, body, actor)


@router.post("/keys/{key_id}/rotate", status_code=201)
async def rotate_key(key_id: NamePath, body: RotateBody, deps: Deps, actor: Writer) -> NewKey:
    """Make a key like this one, and let this one end after the overlap."""
    return await deps.in_thread(_rotate, deps, key_id, body, actor)


@router.delete("/keys/{key_id}")
async def revoke_key(key_id: NamePath, deps: Deps, actor: Writer) -> KeyView:
    """Revoke a key; it stops working at once. 409 for the last that can administer the site."""
    return await deps.in_thread(_revoke, deps, key_id, actor)


@router.post("/setup", status_code=201)
async def set_up(deps: Deps, actor: Installer) -> NewKey:
    """Trade the single-use set-up key of the first start for the first admin key."""
    return await deps.in_thread(_set_up, deps, actor)


def _keys(
    deps: ApiDeps, request: Request, filters: dict[str, str], after: str, limit: int
) -> Page[KeyView]:
    return read_page(
        deps,
        ApiKey,
        request,
        show=_view,
        key=lambda key: key.id,
        after=after,
        limit=limit,
        filters=filters,
    )


def _view(key: ApiKey) -> KeyView:
    return KeyView.model_validate(key.model_dump(include=set(KeyView.model_fields)))


def _new(key: ApiKey, text: str) -> NewKey:
    return NewKey(**_view(key).model_dump(), text=text)


def _create(deps: ApiDeps, body: KeyBody, actor: Actor) -> NewKey:
    tenant = actor.acting_for(body.tenant)
    _refuse_wrong_owner(deps, body, tenant, actor)
    maker = _maker(deps, actor)
    now = deps.clock.now()
    key, text = mint(
        body.role,
        now=now,
        tenant=tenant,
        valid=timedelta(days=body.valid_days) if body.valid_days else None,
        requests_per_minute=body.requests_per_minute,
        scope=_narrowed(body, maker, actor),
        title=body.title,
    )
    if maker is not None and actor.tenant:
        key = _capped(key, maker)
    event = _event(now, actor, "key.created", key)
    deps.store.apply(Change(insert=(key,), events=(event,)), now=now)
    return _new(key, text)


def _refuse_wrong_owner(deps: ApiDeps, body: KeyBody, tenant: str, actor: Actor) -> None:
    if actor.tenant and body.role != "tenant":
        raise Refused(
            403,
            "forbidden",
            f"a tenant key cannot make a key for {body.role}",
            path="role",
            value=body.role,
            hint="make a key with role tenant, or ask an admin",
        )
    if body.role == "tenant":
        require_tenant(deps, tenant)
        if body.sites:
            raise _wrong("sites", "a tenant key holds at every site", "leave the sites out")
    elif tenant:
        raise _wrong(
            "tenant",
            f"a {body.role} key belongs to the site and has no tenant",
            "leave the tenant out, or make a key with role tenant",
            tenant,
        )


def _maker(deps: ApiDeps, actor: Actor) -> ApiKey | None:
    """The key that makes another; None: a person does, who is narrowed by no key."""
    if not actor.key_id:
        return None
    maker = deps.store.get(ApiKey, actor.key_id)
    if maker is None:
        raise NotFound(f"no key {actor.key_id!r}", hint="use a key that is in force")
    return maker


def _narrowed(body: KeyBody, maker: ApiKey | None, actor: Actor) -> Scope:
    """What was asked for, where the maker allows it; what was not asked for, as the maker has it.

    Only where it asked for nothing is it narrowed in silence: who asks for more is told.
    """
    permissions: tuple[str, ...] = tuple(dict.fromkeys(p.value for p in body.permissions))
    networks = tuple(dict.fromkeys(body.networks))
    if maker is None:
        return Scope(permissions, body.read_only, networks, body.sites)
    if actor.only is not None:
        allowed = {p.value for p in actor.only}
        for permission in permissions:
            if permission not in allowed:
                raise _wider("permissions", permission)
        permissions = permissions or tuple(sorted(allowed))
    if maker.networks:
        for network in networks:
            if not any(_within(network, wide) for wide in maker.networks):
                raise _wider("networks", network)
        networks = networks or maker.networks
    return Scope(permissions, body.read_only or maker.read_only, networks, body.sites)


def _within(network: str, wide: str) -> bool:
    inner, outer = ip_network(network), ip_network(wide)
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def _capped(key: ApiKey, maker: ApiKey) -> ApiKey:
    """A leaked or soon ending key must not make itself a better one."""
    ends = [at for at in (key.expires_at, maker.expires_at, maker.revoked_at) if at is not None]
    rates = [rate for rate in (key.requests_per_minute, maker.requests_per_minute) if rate]
    return key.model_copy(
        update={
            "expires_at": min(ends, default=None),
            "requests_per_minute": min(rates, default=0),  # 0 is no limit: more than any
        }
    )


def _rotate(deps: ApiDeps, key_id: str, body: RotateBody, actor: Actor) -> NewKey:
    old, now = _own(deps, key_id, actor), deps.clock.now()
    if not in_force(old, now=now) or old.role == "setup":
        raise Conflict(
            f"key {key_id} has ended and cannot be rotated", hint="make one: podyard key create"
        )
    maker = _maker(deps, actor)
    if maker is not None and maker.id != old.id and (actor.only is not None or maker.networks):
        raise _wider("key_id", key_id)
    key, text = mint(
        old.role,
        now=now,
        tenant=old.tenant,
        valid=old.expires_at - old.created_at if old.expires_at else None,
        requests_per_minute=old.requests_per_minute,
        scope=Scope.of(old),
        title=old.title,
    )
    if maker is not None and actor.tenant:
        key = _capped(key, maker)
    ends = now + timedelta(hours=body.overlap_hours)
    ended = old.model_copy(update={"revoked_at": min(ends, old.revoked_at or ends)})
    events = (
        _event(now, actor, "key.created", key),
        _event(now, actor, "key.rotated", old, new=key.id),
    )
    deps.store.apply(Change(insert=(key,), replace=(ended,), events=events), now=now)
    return _new(key, text)


def _revoke(deps: ApiDeps, key_id: str, actor: Actor) -> KeyView:
    for _ in range(REVOKE_TRIES):
        key, now = _own(deps, key_id, actor), deps.clock.now()
        if key.revoked_at is not None and key.revoked_at <= now:
            return _view(key)
        fresh = key.model_copy(update={"revoked_at": now})
        event = _event(now, actor, "key.revoked", key)
        try:
            replaced = (fresh, *witness(deps, key, now=now))
            deps.store.apply(Change(replace=replaced, events=(event,)), now=now)
        except StaleWrite:
            continue
        return _view(fresh)
    raise StaleWrite(f"key {key_id} is written all the time", hint="revoke it again")


def _own(deps: ApiDeps, key_id: str, actor: Actor) -> ApiKey:
    key = deps.store.get(ApiKey, key_id)
    if key is None or not actor.may_see(key.tenant):
        raise NotFound(f"no key {key_id!r}", hint="see `podyard key list`")
    return key


def _set_up(deps: ApiDeps, actor: Actor) -> NewKey:
    """Both in one change: whoever comes second finds the set-up key gone."""
    now = deps.clock.now()
    used = deps.store.get(ApiKey, actor.key_id)
    if used is None or any(ways_in(deps, now=now)):
        raise Conflict(
            "this site has an admin already",
            hint="use that key, or on the service's machine: podyard key recover",
        )
    key, text = mint("admin", now=now)
    spent = used.model_copy(update={"revoked_at": now})
    events = (
        _event(now, actor, "key.created", key),
        _event(now, actor, "key.revoked", used),
    )
    deps.store.apply(Change(insert=(key,), replace=(spent,), events=events), now=now)
    return _new(key, text)


def _wrong(path: str, message: str, hint: str, value: str = "") -> Refused:
    return Refused(422, "invalid", message, path=path, value=value, hint=hint)


def _wider(path: str, value: str) -> Refused:
    return Refused(
        403,
        "forbidden",
        "a key cannot make one that may more than itself",
        path=path,
        value=value,
        hint="ask for no more than this key has, or use a key without limits",
    )


def _event(now: datetime, actor: Actor, kind: str, key: ApiKey, *, new: str = "") -> Event:
    return Event(
        at=now,
        actor=actor.name,
        kind=kind,
        subject=f"key:{key.id}",
        new=new or key.role,
        why=key.tenant,
    )
