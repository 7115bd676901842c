"""Tenants and keys: who pays, and how anybody proves who they are. A key's text is shown once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import Conflict, NotFound
from inventory.keys import in_force, mint
from inventory.model import ApiKey, Event, Tenant
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
    as_it_is,
    read_page,
)
from inventory.store.protocol import Change
from inventory.store.reading import every

router = APIRouter(prefix="/api", responses=ERRORS)
TenantReader = Annotated[Actor, Depends(require(Permission.TENANT_READ))]
TenantWriter = Annotated[Actor, Depends(require(Permission.TENANT_WRITE))]
KeyReader = Annotated[Actor, Depends(require(Permission.KEY_READ))]
KeyWriter = Annotated[Actor, Depends(require(Permission.KEY_WRITE))]
Installer = Annotated[Actor, Depends(require(Permission.SETUP))]

VALID_DAYS_MAX = 3650


class TenantBody(Body):
    """A tenant to create."""

    name: Annotated[str, Field(pattern=NAME_FORM)]


class KeyBody(Body):
    """A key to make."""

    role: Literal["viewer", "operator", "admin", "tenant"] = "tenant"
    tenant: Annotated[str, Field(pattern=r"^$|" + NAME_FORM)] = ""
    valid_days: Annotated[int, Field(ge=1, le=VALID_DAYS_MAX)] | None = None
    requests_per_minute: Annotated[int, Field(ge=0, le=1_000_000, description="0: no limit.")] = 0


class KeyView(View):
    """A key as it is listed: nothing of its secret."""

    id: str
    role: str
    tenant: str
    requests_per_minute: int
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class NewKey(KeyView):
    """A key just made."""

    text: str = Field(description="Shown this once: only its hash is kept.")


@router.get("/tenants", tags=["tenants"])
async def list_tenants(
    request: Request, deps: Deps, actor: TenantReader, *, after: After = "", limit: Limit = 100
) -> Page[Tenant]:
    """Tenants; a tenant's key sees its own alone."""
    if actor.tenant:
        own = await deps.in_thread(deps.store.get, Tenant, actor.tenant)
        found = (own,) if own else ()
        return Page(count=len(found), next=None, previous=None, results=found)
    return await deps.in_thread(_tenants, deps, request, after, limit)


@router.post("/tenants", status_code=201, tags=["tenants"])
async def create_tenant(body: TenantBody, deps: Deps, actor: TenantWriter) -> Tenant:
    """Create a tenant."""
    return await deps.in_thread(_create_tenant, deps, body, actor)


@router.get("/keys", tags=["keys"])
async def list_keys(
    request: Request,
    deps: Deps,
    actor: KeyReader,
    *,
    role: Text = "",
    tenant: Text = "",
    after: After = "",
    limit: Limit = 100,
) -> Page[KeyView]:
    """Keys, without their secrets."""
    filters = {"role": role, "tenant": actor.acting_for(tenant)}
    return await deps.in_thread(_keys, deps, request, filters, after, limit)


@router.post("/keys", status_code=201, tags=["keys"])
async def create_key(body: KeyBody, deps: Deps, actor: KeyWriter) -> NewKey:
    """Make a key. Its text is in this answer and nowhere else.

    A key that a tenant's key makes is capped by its maker: it expires no later, and is allowed no
    more requests per minute. The answer says what it got.
    """
    return await deps.in_thread(_create_key, deps, body, actor)


@router.delete("/keys/{key_id}", tags=["keys"])
async def revoke_key(key_id: NamePath, deps: Deps, actor: KeyWriter) -> KeyView:
    """Revoke a key; it stops working at once."""
    return await deps.in_thread(_revoke, deps, key_id, actor)


@router.post("/setup", status_code=201, tags=["keys"])
async def set_up(deps: Deps, actor: Installer) -> NewKey:
    """Trade the single-use set-up key of the first start for the first admin key."""
    return await deps.in_thread(_set_up, deps, actor)


def _tenants(deps: ApiDeps, request: Request, after: str, limit: int) -> Page[Tenant]:
    return read_page(
        deps,
        Tenant,
        request,
        show=as_it_is,
        key=lambda tenant: tenant.name,
        after=after,
        limit=limit,
        filters={},
    )


def _create_tenant(deps: ApiDeps, body: TenantBody, actor: Actor) -> Tenant:
    now = deps.clock.now()
    if deps.store.get(Tenant, body.name) is not None:
        raise Conflict(f"tenant {body.name} exists already", hint="see `podyard tenant list`")
    tenant = Tenant(name=body.name, created_at=now)
    event = Event(at=now, actor=actor.name, kind="tenant.created", subject=f"tenant:{body.name}")
    deps.store.apply(Change(insert=(tenant,), events=(event,)), now=now)
    return tenant


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


def require_tenant(deps: ApiDeps, name: str) -> None:
    """Refuse a tenant that does not exist, or none at all."""
    if not name:
        raise Refused(
            422,
            "invalid",
            "a tenant must be named",
            path="tenant",
            hint="name the tenant: the CLI's option is --tenant",
        )
    if deps.store.get(Tenant, name) is None:
        raise NotFound(f"no tenant {name!r}", hint=f"create it: podyard tenant create {name}")


def _create_key(deps: ApiDeps, body: KeyBody, actor: Actor) -> NewKey:
    tenant = actor.acting_for(body.tenant)
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
    elif tenant:
        raise Refused(
            422,
            "invalid",
            f"a {body.role} key belongs to the site and has no tenant",
            path="tenant",
            value=tenant,
            hint="leave the tenant out, or make a key with role tenant",
        )
    now = deps.clock.now()
    key, text = mint(
        body.role,
        now=now,
        tenant=tenant,
        valid=timedelta(days=body.valid_days) if body.valid_days else None,
        requests_per_minute=body.requests_per_minute,
    )
    if actor.tenant:
        key = _capped(key, _maker(deps, actor))
    event = _event(now, actor, "key.created", key)
    deps.store.apply(Change(insert=(key,), events=(event,)), now=now)
    return _new(key, text)


def _maker(deps: ApiDeps, actor: Actor) -> ApiKey:
    maker = deps.store.get(ApiKey, actor.key_id)
    if maker is None:
        raise NotFound(f"no key {actor.key_id!r}", hint="use a key that is in force")
    return maker


def _capped(key: ApiKey, maker: ApiKey) -> ApiKey:
    """A leaked or soon ending key must not make itself a better one."""
    ends = [at for at in (key.expires_at, maker.expires_at) if at is not None]
    rates = [rate for rate in (key.requests_per_minute, maker.requests_per_minute) if rate]
    return key.model_copy(
        update={
            "expires_at": min(ends, default=None),
            "requests_per_minute": min(rates, default=0),  # 0 is no limit: more than any
        }
    )


def _revoke(deps: ApiDeps, key_id: str, actor: Actor) -> KeyView:
    key = deps.store.get(ApiKey, key_id)
    if key is None or not actor.may_see(key.tenant):
        raise NotFound(f"no key {key_id!r}", hint="see `podyard key list`")
    if key.revoked_at is not None:
        return _view(key)
    now = deps.clock.now()
    fresh = key.model_copy(update={"revoked_at": now})
    event = _event(now, actor, "key.revoked", key)
    deps.store.apply(Change(replace=(fresh,), events=(event,)), now=now)
    return _view(fresh)


def _set_up(deps: ApiDeps, actor: Actor) -> NewKey:
    """Both in one change: whoever comes second finds the set-up key gone."""
    now = deps.clock.now()
    used = deps.store.get(ApiKey, actor.key_id)
    admins = every(deps.store, ApiKey, role="admin")
    if used is None or any(in_force(key, now=now) for key in admins):
        raise Conflict("this site has an admin key already", hint="use it, or restore a backup")
    key, text = mint("admin", now=now)
    spent = used.model_copy(update={"revoked_at": now})
    events = (
        _event(now, actor, "key.created", key),
        _event(now, actor, "key.revoked", used),
    )
    deps.store.apply(Change(insert=(key,), replace=(spent,), events=events), now=now)
    return _new(key, text)


def _event(now: datetime, actor: Actor, kind: str, key: ApiKey) -> Event:
    return Event(
        at=now, actor=actor.name, kind=kind, subject=f"key:{key.id}", new=key.role, why=key.tenant
    )
