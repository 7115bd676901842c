"""Hosts: the list, one host with everything about it, and what a person may ask of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from inventory.auth import Actor, Permission
from inventory.deps import Deps
from inventory.errors import NotFound
from inventory.model import CertificateRecord, ComputeUnit, Event, Host
from inventory.parts import Part
from inventory.readings.asked import answer, finest
from inventory.readings.keeping import Readings
from inventory.refusals import Refused
from inventory.resources.recording import who_of
from inventory.routes.host_verbs import ask_of_host
from inventory.routes.hosts import TargetBody, find_host, retry_host, want_host, why_host
from inventory.routes.readings import readings_of
from inventory.routes.shapes import NamePath
from inventory.states import HostState
from inventory.store.protocol import Store
from inventory.store.reading import every
from inventory.web.asking import PAGE, Done, HostReader, HostWriter, Offset, Word, page_router
from inventory.web.board import boards_of
from inventory.web.frame import link, render, segment
from inventory.web.routes.site import board_for
from inventory.web.views.certificates import panel
from inventory.web.views.hosts import (
    HostLine,
    acts_for,
    event_line,
    line,
    mismatch_lines,
    part_groups,
    rack_path,
    readings,
)
from inventory.web.views.overview import problems
from inventory.web.views.sensors import SPANS, Panel
from inventory.web.views.sensors import panel as sensor_panel

router = page_router()

EVENTS_SHOWN = 40
ACTS: dict[str, Literal["ready", "repairing", "enrolled", "retired"]] = {
    "ready": "ready",
    "repair": "repairing",
    "enroll": "enrolled",
    "retire": "retired",
}
BESIDE_A_HOST = (
    Permission.CERTIFICATE_READ,
    Permission.EVENT_READ,
    Permission.PART_READ,
    Permission.UNIT_READ,
)
"""What the page of a host shows beside the host: a key may have been narrowed to less."""
VERBS = frozenset({"pause", "resume", "quarantine", "abort"})
NEED_A_TICK = frozenset({"repair", "enroll", "retire", "quarantine", "abort"})


@router.get("/hosts")
async def hosts_page(
    request: Request,
    deps: Deps,
    actor: HostReader,
    *,
    state: Annotated[HostState | Literal[""], Query()] = "",
    problem: Annotated[Literal["", "any", "parked"], Query()] = "",
    pod: Word = "",
    rack: Word = "",
    site: Word = "",
    skip: Offset = 0,
) -> Response:
    """Hosts, filtered, by name; those with a problem the oldest first."""
    board = await board_for(request, actor, site)
    found = [
        host
        for host in board.hosts
        if state in {"", host.state} and pod in {"", host.pod} and rack in {"", host.rack}
    ]
    if problem:
        wanted = {"stop"} if problem == "parked" else {"stop", "warn"}
        found = [host for host in problems(found) if host.look.tone in wanted]
    else:
        found.sort(key=lambda host: host.name)
    filters = {"state": state, "problem": problem, "pod": pod, "rack": rack, "site": site}
    return render(
        request,
        deps,
        "hosts.html",
        actor=actor,
        hosts=found[skip : skip + PAGE],
        total=len(found),
        states=list(HostState),
        pods=[one.name for one in board.pods],
        sites=board.sites,
        filters=filters,
        pager=_pager(filters, skip, len(found)),
    )


def _pager(filters: dict[str, str], skip: int, total: int) -> dict[str, str]:
    last = min(skip + PAGE, total)
    return {
        "first": link("/hosts", filters) if skip else "",
        "next": link("/hosts", {**filters, "skip": last}) if last < total else "",
        "told": f"{skip + 1:,} to {last:,} of {total:,}" if total > skip else f"{total:,} in all",
    }


@router.get("/hosts/{name}")
async def host_page(
    name: NamePath,
    request: Request,
    deps: Deps,
    actor: HostReader,
    *,
    span: Annotated[Literal["1h", "6h", "2d", "30d", "1y"], Query()] = "6h",
    _done: Done = "",
) -> Response:
    """Everything about one host, why it is where it is first."""
    host = await deps.in_thread(find_host, deps, name)
    refuse_elsewhere(actor, host, Permission.HOST_READ)
    why = await why_host(name, deps, actor)
    kept_back = [p for p in BESIDE_A_HOST if actor.only is not None and p not in actor.only]
    certificate, events, parts, units = await deps.in_thread(_beside, deps.store, host, kept_back)
    sensors = await deps.in_thread(_sensors, readings_of(request), host.id, span, deps.clock.now())
    return render(
        request,
        deps,
        "host.html",
        sensors=sensors,
        actor=actor,
        host=host,
        line=line(host),
        rack_path=rack_path(host.site, host.rack),
        why=why,
        acts=acts_for(host) if _may_write(actor, host) else (),
        events=[event_line(one) for one in reversed(events[-EVENTS_SHOWN:])],
        more_events=max(0, len(events) - EVENTS_SHOWN),
        parts=part_groups(parts),
        readings=readings(host.facts),
        mismatches=mismatch_lines(host.mismatches),
        certificate=panel(certificate, now=deps.clock.now()) if certificate else None,
        units=units,
        kept_back=kept_back,
    )


@router.post("/hosts/{name}/{act}")
async def ask_host(
    name: NamePath,
    act: Literal[
        "retry", "ready", "repair", "enroll", "retire", "pause", "resume", "quarantine", "abort"
    ],
    request: Request,
    deps: Deps,
    actor: HostWriter,
    *,
    why: Annotated[str, Form(max_length=500, pattern=r"^[^\x00]*$")] = "",
    sure: Annotated[str, Form(max_length=8)] = "",
) -> Response:
    """Do what a form of the host's page asks for, by the same routes as everybody."""
    host = await deps.in_thread(find_host, deps, name)
    refuse_elsewhere(actor, host, Permission.HOST_WRITE)
    if act in NEED_A_TICK and sure != "yes":
        raise Refused(
            422,
            "not-confirmed",
            f"nothing was done to {name}: the box was not ticked",
            path="sure",
            value=sure,
            hint="go back, tick the box, and send the form again",
        )
    if act == "retry":
        await retry_host(request, name, deps, actor)
    elif act in VERBS:
        await deps.in_thread(ask_of_host, deps, name, act, why, who_of(request, actor))
        deps.wake()
    else:
        await want_host(request, name, TargetBody(target=ACTS[act], why=why), deps, actor)
    boards_of(request).forget()
    return RedirectResponse(f"/hosts/{segment(name)}?done={act}", 303)


def _beside(
    store: Store, host: Host, kept_back: Sequence[Permission]
) -> tuple[CertificateRecord | None, list[Event], list[Part], list[ComputeUnit]]:
    """What stands beside a host's record; nothing of what a narrowed key was not given."""

    def may(permission: Permission) -> bool:
        return permission not in kept_back

    return (
        store.get(CertificateRecord, host.certificate_id)
        if may(Permission.CERTIFICATE_READ)
        else None,
        events_of(store, f"host:{host.name}") if may(Permission.EVENT_READ) else [],
        parts_of(store, host) if may(Permission.PART_READ) else [],
        units_of(store, host) if may(Permission.UNIT_READ) else [],
    )


def _sensors(kept: Readings, host_id: str, chosen: str, now: datetime) -> Panel:
    """What was read in the chosen span, as finely as fits a drawing."""
    since = int((now - SPANS[chosen]).timestamp())
    until = int(now.timestamp())
    step_s = finest(since, until, now=until)
    found = answer(kept, host_id, since=since, until=until, step_s=step_s, wanted=())
    return sensor_panel(found, kept.meters([host_id]).get(host_id), chosen=chosen, until=now)


def refuse_elsewhere(actor: Actor, host: Host | HostLine, permission: Permission) -> None:
    """A host of a site where this actor may not do this is as if it were not there."""
    sites = actor.sites_for(permission)
    if sites is not None and host.site not in sites:
        raise NotFound(f"no host {host.name!r}", hint="see `podyard host list`")


def _may_write(actor: Actor, host: Host) -> bool:
    sites = actor.sites_for(Permission.HOST_WRITE)
    return sites is None or host.site in sites


def events_of(store: Store, subject: str) -> list[Event]:
    """A subject's whole story: some hundred events, by an index."""
    found: list[Event] = []
    while page := store.events(after=found[-1].seq if found else 0, subject=subject):
        found.extend(page)
    return found


def parts_of(store: Store, host: Host) -> list[Part]:
    """What is and was in the slots of a host."""
    return every(store, Part, host_id=host.id)


def units_of(store: Store, host: Host) -> list[ComputeUnit]:
    """Units that this host is part of."""
    return [one for one in every(store, ComputeUnit, pod=host.pod) if host.id in one.host_ids]
