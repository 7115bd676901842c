"""Abort, pause, resume, skip and quarantine: what people say of a host that is under way.

Like every wish these never move a state; `inventory.verbs` says what each changes in which state.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import StaleWrite
from inventory.model import Event, Host, Intent
from inventory.refusals import ERRORS, Refused
from inventory.resources.recording import Who, logged, who_of
from inventory.routes.hosts import HostDetail, detail, find_host
from inventory.routes.shapes import Body, NamePath
from inventory.store.protocol import Change
from inventory.store.reading import every
from inventory.verbs import NotNow, Verb, Wish, fields_of

router = APIRouter(prefix="/api/hosts", tags=["hosts"], responses=ERRORS)
Writer = Annotated[Actor, Depends(require(Permission.HOST_WRITE))]

WRITE_TRIES = 5  # the loop writes each host a few times a second at most


class WhyBody(Body):
    """Why it is asked for: it stands on the host's page and in its event."""

    why: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""


@router.post("/{name}/abort")
async def abort_host(
    request: Request, name: NamePath, body: WhyBody, deps: Deps, actor: Writer
) -> HostDetail:
    """Stop what is under way and bring the host back to rest, clean and off."""
    host = await deps.in_thread(ask_of_host, deps, name, "abort", body.why, who_of(request, actor))
    deps.wake()
    return detail(host)


@router.post("/{name}/pause")
async def pause_host(
    request: Request, name: NamePath, body: WhyBody, deps: Deps, actor: Writer
) -> HostDetail:
    """Change nothing on this host until it is resumed; what cannot be undone ends first."""
    host = await deps.in_thread(ask_of_host, deps, name, "pause", body.why, who_of(request, actor))
    deps.wake()
    return detail(host)


@router.post("/{name}/resume")
async def resume_host(
    request: Request, name: NamePath, body: WhyBody, deps: Deps, actor: Writer
) -> HostDetail:
    """End a pause; the host goes on from where the hardware is."""
    host = await deps.in_thread(ask_of_host, deps, name, "resume", body.why, who_of(request, actor))
    deps.wake()
    return detail(host)


@router.post("/{name}/skip")
async def skip_for_host(
    request: Request, name: NamePath, body: WhyBody, deps: Deps, actor: Writer
) -> HostDetail:
    """Do not wait for what the host waits for now; never for what proves it."""
    host = await deps.in_thread(ask_of_host, deps, name, "skip", body.why, who_of(request, actor))
    deps.wake()
    return detail(host)


@router.post("/{name}/quarantine")
async def quarantine_host(
    request: Request, name: NamePath, body: WhyBody, deps: Deps, actor: Writer
) -> HostDetail:
    """Set the host apart: out of the offer and left alone until it is retried."""
    host = await deps.in_thread(
        ask_of_host, deps, name, "quarantine", body.why, who_of(request, actor)
    )
    deps.wake()
    return detail(host)


def ask_of_host(deps: ApiDeps, name: str, verb: str, why: str, who: Who) -> Host:
    """Write what the verb changes, with its event, under the version that was read."""
    for _ in range(WRITE_TRIES):
        host, now = find_host(deps, name), deps.clock.now()
        steps = {one.step for one in every(deps.store, Intent, host_id=host.id, state="open")}
        wish = Wish(Verb(verb), by=who.name, at=now, why=why, open_steps=steps)
        fields = fields_of(wish, host)
        if isinstance(fields, NotNow):
            raise refused(fields)
        fresh = host.model_copy(update={**fields, "wake_at": now})
        event = Event(
            at=now,
            actor=who.name,
            kind=f"host.{verb}",
            subject=f"host:{host.name}",
            old=host.problem.kind if host.problem else host.state.value,
            new=fresh.skipped.what if verb == "skip" and fresh.skipped else "",
            why=why,
        )
        change = Change(replace=(fresh,), events=(event,))
        try:
            deps.store.apply(logged(change, who, now=now, before=(host,), why=why), now=now)
        except StaleWrite:
            continue
        return fresh.model_copy(update={"version": host.version + 1})
    raise StaleWrite(f"host {name} changed {WRITE_TRIES} times while it was to be written")


def refused(found: NotNow) -> Refused:
    """422 for what the request lacks, 409 for what the host is."""
    invalid = found.path == "why"
    return Refused(
        422 if invalid else 409,
        "invalid" if invalid else "not-now",
        found.message,
        path=found.path,
        value=found.value,
        hint=found.hint,
    )
