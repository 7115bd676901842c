"""Tenants: who pays."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import Conflict, NotFound
from inventory.model import Event, Tenant
from inventory.refusals import ERRORS, Refused
from inventory.routes.shapes import (
    NAME_FORM,
    Body,
)
from inventory.store.protocol import Change

router = APIRouter(prefix="/api", responses=ERRORS)
TenantReader = Annotated[Actor, Depends(require(Permission.TENANT_READ))]
TenantWriter = Annotated[Actor, Depends(require(Permission.TENANT_WRITE))]


class TenantBody(Body):
    """A tenant to create."""

    name: Annotated[str, Field(pattern=NAME_FORM)]


@router.post("/tenants", status_code=201, tags=["tenants"])
async def create_tenant(body: TenantBody, deps: Deps, actor: TenantWriter) -> Tenant:
    """Create a tenant."""
    return await deps.in_thread(_create_tenant, deps, body, actor)


def _create_tenant(deps: ApiDeps, body: TenantBody, actor: Actor) -> Tenant:
    now = deps.clock.now()
    if deps.store.get(Tenant, body.name) is not None:
        raise Conflict(f"tenant {body.name} exists already", hint="see `podyard tenant list`")
    tenant = Tenant(name=body.name, created_at=now)
    event = Event(at=now, actor=actor.name, kind="tenant.created", subject=f"tenant:{body.name}")
    deps.store.apply(Change(insert=(tenant,), events=(event,)), now=now)
    return tenant


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
