"""How the whole service stands in one answer, and the hold that stops a whole fleet.

The hold is written where every controller reads it, and into this service's own directory, so that
it stands when the database does not. `podyard hold` on the service's machine needs no API for it.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from inventory import holding, pacing
from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.model import Host
from inventory.refusals import ERRORS, Refused
from inventory.resources.recording import Who, who_of
from inventory.restored import watching_only
from inventory.routes.shapes import Body, View

router = APIRouter(prefix="/api", tags=["service"], responses=ERRORS)
Reader = Annotated[Actor, Depends(require(Permission.HOST_READ))]
Holder = Annotated[Actor, Depends(require(Permission.FLEET_WRITE))]


class Hold(View):
    """Why nothing new is begun on any host."""

    reason: str
    by: str
    since: str
    where: tuple[str, ...]
    """`file`, `database`: either of them holds."""


class SiteRoom(View):
    """How many hosts of a site are worked on at once."""

    site: str
    at_work: int
    at_once: int
    """How many may be now: controllers find this limit out by themselves."""
    most: int
    """How many it would be where nothing is in the way."""
    narrowed: str
    """What made the limit smaller the last time; empty when nothing did."""


class Status(View):
    """How things stand."""

    hold: Hold | None
    """Null: the fleet is not on hold."""
    watching_only: str
    """Why the controllers change nothing after a restore; empty when they do."""
    hosts: dict[str, int]
    """Hosts by state."""
    problems: dict[str, int]
    """Hosts with a problem, by its kind."""
    sites: tuple[SiteRoom, ...]
    """Those of which a controller that is at work told."""


class HoldBody(Body):
    """Why the fleet is held."""

    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*\S[^\x00]*$")]


@router.get("/status")
async def read_status(deps: Deps, _actor: Reader) -> Status:
    """Hosts by state and by problem, and whether anything holds the fleet."""
    return await deps.in_thread(_status, deps)


@router.post("/hold")
async def hold_fleet(request: Request, body: HoldBody, deps: Deps, actor: Holder) -> Status:
    """Begin nothing new on any host of any pod; what cannot be undone is driven to its end."""
    found = await deps.in_thread(_hold, deps, body.reason, who_of(request, actor))
    deps.wake()
    return found


@router.delete("/hold")
async def release_fleet(request: Request, deps: Deps, actor: Holder) -> Status:
    """Let the fleet go on."""
    found = await deps.in_thread(_release, deps, who_of(request, actor))
    deps.wake()
    return found


def _status(deps: ApiDeps) -> Status:
    held = holding.held(deps.store, deps.hold_file)
    hosts = deps.store.tally(Host, "state")
    problems = deps.store.tally(Host, "problem")
    return Status(
        hold=Hold(reason=held.reason, by=held.by, since=held.since, where=held.where)
        if held
        else None,
        watching_only=watching_only(deps.store),
        hosts={state: count for (state,), count in sorted(hosts.items())},
        problems={kind: count for (kind,), count in sorted(problems.items()) if kind},
        sites=tuple(SiteRoom(**one) for one in pacing.room(deps.store, now=deps.clock.now())),
    )


def _hold(deps: ApiDeps, reason: str, who: Who) -> Status:
    holding.hold(
        deps.store, deps.hold_file, reason=reason.strip(), by=who.name, now=deps.clock.now()
    )
    return _status(deps)


def _release(deps: ApiDeps, who: Who) -> Status:
    if holding.release(deps.store, deps.hold_file, by=who.name, clock=deps.clock) is None:
        raise Refused(
            409,
            "not-held",
            "the fleet is not on hold",
            path="hold",
            value="",
            hint="podyard status says how things stand",
        )
    return _status(deps)
