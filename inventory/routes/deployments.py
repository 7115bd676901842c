"""Deployments: models that a tenant wants served on one of its clusters."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import Conflict, NotFound, StaleWrite
from inventory.model import Deployment, Event
from inventory.refusals import ERRORS
from inventory.routes.shapes import (
    NAME_FORM,
    Body,
    NamePath,
    Text,
)
from inventory.routes.tenants import require_tenant
from inventory.store.protocol import Change

router = APIRouter(prefix="/api/deployments", tags=["deployments"], responses=ERRORS)
Reader = Annotated[Actor, Depends(require(Permission.DEPLOYMENT_READ))]
Writer = Annotated[Actor, Depends(require(Permission.DEPLOYMENT_WRITE))]

WRITE_TRIES = 5
SOURCE_FORM = r"^package:[A-Za-z0-9_.]+/[A-Za-z0-9][A-Za-z0-9._-]*$|^/[^\x00]*$"


class DeploymentBody(Body):
    """A model to serve."""

    tenant: Annotated[str, Field(pattern=r"^$|" + NAME_FORM)] = ""
    cluster: Annotated[str, Field(pattern=NAME_FORM)] = "main"
    name: Annotated[str, Field(pattern=NAME_FORM)]
    engine: Literal["xllamacpp"] = "xllamacpp"
    source: Annotated[
        str,
        Field(
            max_length=4096,
            pattern=SOURCE_FORM,
            description="`package:<module>/<file>`, or an absolute path on the hosts.",
        ),
    ]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    replicas: Annotated[int, Field(ge=1, le=256)] = 1
    context_tokens: Annotated[int, Field(ge=256, le=131072)] = 2048


AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"model": Deployment, "description": "There already, as asked for"}
}


@router.post("", status_code=201, responses=AGAIN)
async def create_deployment(
    body: DeploymentBody, response: Response, deps: Deps, actor: Writer
) -> Deployment:
    """Deploy a model. Asking for the same again answers 200 with what exists."""
    deployment, new = await deps.in_thread(_create, deps, body, actor)
    response.status_code = 201 if new else 200
    deps.wake()
    return deployment


@router.get("/{name}")
async def get_deployment(
    name: NamePath, deps: Deps, actor: Reader, *, tenant: Text = ""
) -> Deployment:
    """One deployment, by name and tenant or by id."""
    return await deps.in_thread(_find, deps, name, tenant, actor)


@router.delete("/{name}")
async def delete_deployment(
    name: NamePath, deps: Deps, actor: Writer, *, tenant: Text = ""
) -> Deployment:
    """Stop serving a model; its record goes when its replicas are gone."""
    deployment = await deps.in_thread(_delete, deps, name, tenant, actor)
    deps.wake()
    return deployment


def _create(deps: ApiDeps, body: DeploymentBody, actor: Actor) -> tuple[Deployment, bool]:
    tenant = actor.acting_for(body.tenant)
    require_tenant(deps, tenant)
    wanted = body.model_dump(exclude={"tenant"})
    found = deps.store.find(Deployment, slug=f"{tenant}/{body.name}")
    if found:
        if found[0].phase != "deleting" and found[0].model_dump(include=set(wanted)) == wanted:
            return found[0], False
        raise Conflict(
            f"tenant {tenant} has another deployment {body.name} ({found[0].phase})",
            hint=f"choose another name, or delete it: podyard model delete {body.name}",
        )
    deployment = Deployment(id=secrets.token_hex(6), tenant=tenant, **wanted)
    event = _event(deps, actor, "deployment.created", deployment, new=deployment.phase)
    deps.store.apply(Change(insert=(deployment,), events=(event,)), now=deps.clock.now())
    return deployment, True


def _find(deps: ApiDeps, name: str, tenant: str, actor: Actor) -> Deployment:
    by_id = deps.store.get(Deployment, name)
    if by_id is not None and actor.may_see(by_id.tenant):
        return by_id
    owner = actor.acting_for(tenant)
    found = deps.store.find(Deployment, slug=f"{owner}/{name}") if owner else []
    if not found:
        raise NotFound(
            f"no deployment {name!r}" + (f" of tenant {owner}" if owner else ""),
            hint="see `podyard model list`; name its tenant with --tenant",
        )
    return found[0]


def _delete(deps: ApiDeps, name: str, tenant: str, actor: Actor) -> Deployment:
    for _ in range(WRITE_TRIES):
        deployment = _find(deps, name, tenant, actor)
        if deployment.phase == "deleting":
            return deployment
        fresh = deployment.model_copy(update={"phase": "deleting"})
        event = _event(
            deps, actor, "deployment.deleting", deployment, old=deployment.phase, new=fresh.phase
        )
        try:
            deps.store.apply(Change(replace=(fresh,), events=(event,)), now=deps.clock.now())
        except StaleWrite:
            continue
        return fresh.model_copy(update={"version": deployment.version + 1})
    raise StaleWrite(f"deployment {name} changed while it was deleted")


def _event(
    deps: ApiDeps, actor: Actor, kind: str, deployment: Deployment, *, old: str = "", new: str = ""
) -> Event:
    return Event(
        at=deps.clock.now(),
        actor=actor.name,
        kind=kind,
        subject=f"deployment:{deployment.tenant}/{deployment.name}",
        old=old,
        new=new,
        why=deployment.source,
    )
