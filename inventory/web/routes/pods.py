"""Pods: the list, and the bring-up of one with its waves and its power."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Form, Request, Response
from fastapi.responses import RedirectResponse

from inventory.auth import Actor, Permission
from inventory.deps import Deps
from inventory.errors import NotFound
from inventory.model import Pod
from inventory.refusals import Refused
from inventory.routes.pods import UpBody, hold_pod, plan_pod, start_pod
from inventory.routes.readings import readings_of
from inventory.routes.shapes import NamePath
from inventory.web.asking import PAGE, Done, Offset, PodReader, PodWriter, page_router
from inventory.web.board import boards_of, whole_board
from inventory.web.frame import link, render, segment
from inventory.web.powering import powering_of
from inventory.web.routes.site import board_for
from inventory.web.views.bring_up import WaveLine, curve, wave_lines
from inventory.web.views.hosts import HostLine
from inventory.web.views.measured import measured
from inventory.web.views.overview import pod_lines, shares
from inventory.web.views.power import budgets, held_by_feed, meters
from pods.errors import PodsError
from pods.plan import Plan

router = page_router()

WAVES_SHOWN = 60


@router.get("/pods")
async def pods_page(
    request: Request, deps: Deps, actor: PodReader, *, skip: Offset = 0
) -> Response:
    """Every pod with the states of its hosts."""
    board = await board_for(request, actor)
    shown = board.pods[skip : skip + PAGE]
    more = len(board.pods) > skip + PAGE
    return render(
        request,
        deps,
        "pods.html",
        actor=actor,
        pods=pod_lines(shown, board.hosts),
        pager={
            "first": "/pods" if skip else "",
            "next": link("/pods", {"skip": skip + PAGE}) if more else "",
            "told": f"{len(board.pods):,} in all",
        },
    )


@router.get("/pods/{name}")
async def pod_page(
    name: NamePath, request: Request, deps: Deps, actor: PodReader, *, _done: Done = ""
) -> Response:
    """The bring-up: what the plan says, and where it is."""
    pod = await deps.in_thread(deps.store.get, Pod, name)
    if pod is None or not _may(actor, pod, Permission.POD_READ):
        raise NotFound(f"no pod {name!r}", hint="see `podyard pod list`")
    board = await board_for(request, actor, pod.site)
    hosts = {host.name: host for host in board.hosts if host.pod == name}
    plan, not_planned, approved = pod.plan, "", pod.plan is not None
    if plan is None:
        try:
            plan = (await plan_pod(name, deps, actor)).plan
        except (Refused, PodsError) as error:
            not_planned = str(error)
    feeds = {(h.site, f) for h in hosts.values() for f in (h.feed, h.feed_b) if f}
    held = {key: w for key, w in held_by_feed(board.hosts).items() if key in feeds}
    chart = None
    if plan is not None and plan.waves:
        whole = request.app.state.deps.store  # what was read is kept for everybody
        everyone = {host.name for host in (await whole_board(request)).hosts if host.pod == name}
        marks = await deps.in_thread(
            powering_of(request).marks, whole, name, hosts=everyone, seen=hosts
        )
        own = sum(host.reserved_watts for host in hosts.values())
        begun = min((mark.at for mark in marks), default=deps.clock.now())
        metered = await deps.in_thread(
            partial(
                measured,
                readings_of(request),
                [host.id for host in hosts.values()],
                since=begun,
                until=deps.clock.now(),
            )
        )
        chart = curve(
            pod,
            plan,
            marks if approved else [],
            float(own),
            slots={host.name: host.slot for host in hosts.values()},
            now=deps.clock.now(),
            metered=metered if approved else None,
        )
    return render(
        request,
        deps,
        "pod.html",
        actor=actor,
        pod=pod,
        plan=plan,
        approved=approved,
        not_planned=not_planned,
        chart=chart,
        waves=_waves(plan, hosts),
        more_waves=max(0, len(plan.waves) - WAVES_SHOWN) if plan else 0,
        shares=shares(hosts.values()),
        ready=sum(host.look.tone == "good" for host in hosts.values()),
        total=len(hosts),
        problems=[h for h in hosts.values() if h.look.tone in {"stop", "warn"}],
        meters=meters(held, budgets(board.feeds, [pod])),
        may_write=_may(actor, pod, Permission.POD_WRITE),
    )


@router.post("/pods/{name}/up")
async def approve_pod(
    name: NamePath,
    request: Request,
    deps: Deps,
    actor: PodWriter,
    *,
    digest: Annotated[str, Form(max_length=100)],
    sure: Annotated[str, Form(max_length=8)] = "",
) -> Response:
    """Approve the plan that was shown."""
    if sure != "yes":
        raise _not_confirmed(name)
    await start_pod(request, name, UpBody(digest=digest), deps, actor)
    boards_of(request).forget()
    return RedirectResponse(f"/pods/{segment(name)}?done=up", 303)


@router.post("/pods/{name}/hold")
async def pause_pod(name: NamePath, request: Request, deps: Deps, actor: PodWriter) -> Response:
    """Begin nothing more."""
    await hold_pod(request, name, deps, actor)
    boards_of(request).forget()
    return RedirectResponse(f"/pods/{segment(name)}?done=hold", 303)


def _waves(plan: Plan | None, hosts: dict[str, HostLine]) -> tuple[WaveLine, ...]:
    return wave_lines(plan, hosts)[:WAVES_SHOWN] if plan else ()


def _may(actor: Actor, pod: Pod, permission: Permission) -> bool:
    sites = actor.sites_for(permission)
    return sites is None or pod.site in sites


def _not_confirmed(name: str) -> Refused:
    return Refused(
        422,
        "not-confirmed",
        f"the plan of {name} was not approved: the box was not ticked",
        path="sure",
        hint="go back, tick the box, and send the form again",
    )
