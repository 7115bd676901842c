"""Pods: applied whole or not at all, planned from what inspection found, started by approval."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from inventory.applying import GivenHost, GivenHosts, GivenPod, change_for, change_for_more
from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import Conflict, NotFound, StaleWrite
from inventory.expecting.reaching import reach_of
from inventory.model import Event, Host, PlanApproval, Pod
from inventory.past import past_of
from inventory.places import Cable, Equipment, PowerFeed, Rack, Site
from inventory.placing import Present, stood_on
from inventory.planning import (
    LAST_IN,
    UNINSPECTED,
    hosts_not_inspected,
    mostly_inspected_at,
    plan_of,
)
from inventory.refusals import ERRORS, Refused
from inventory.resources.recording import Who, logged, who_of
from inventory.routes.shapes import (
    Body,
    NamePath,
    View,
)
from inventory.states import HostState
from inventory.store.protocol import PAGE_MAX, Change, Needed
from inventory.store.query import Condition, Query
from inventory.store.reading import every
from pods.plan import Plan
from pods.spec import PodSpec

router = APIRouter(prefix="/api/pods", tags=["pods"], responses=ERRORS)
Reader = Annotated[Actor, Depends(require(Permission.POD_READ))]
Writer = Annotated[Actor, Depends(require(Permission.POD_WRITE))]

WRITE_TRIES = 10  # waiting hosts are written about once a second each
SILENT_AFTER = timedelta(seconds=60)  # BMCs freeze for seconds; a dead one joins a later plan
SLOW_AFTER = timedelta(seconds=180)  # trouble of ever new kinds is as good as none of it ending
NAMED = 10


class PodSummary(View):
    """One line about a pod."""

    name: str
    site: str
    spec: str
    spec_digest: str
    simulated: bool
    created_at: datetime
    bring_up: str
    plan_digest: str | None


class PodDetail(PodSummary):
    """A pod with its design, its approved plan and where its hosts are."""

    spec_document: dict[str, Any]
    plan: Plan | None
    approval: PlanApproval | None
    hosts: int
    hosts_by_state: dict[str, int]
    parked: tuple[str, ...]


class LeftOut(View):
    """A host that the plan does not cover."""

    host: str
    reason: str
    remedy: str


class PlanView(View):
    """The plan as it would be approved now."""

    plan: Plan
    approved: bool
    """True when exactly this plan is the approved one."""
    left_out: tuple[LeftOut, ...]
    """Hosts that are parked before anything is known of them."""


class UpBody(Body):
    """The approval of one plan."""

    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


@router.post("", status_code=201)
async def apply_pod(request: Request, body: GivenPod, deps: Deps, actor: Writer) -> PodDetail:
    """Create a pod and enrol its hosts, all or nothing; inspection begins at once."""
    found = await deps.in_thread(_apply, deps, body, who_of(request, actor))
    deps.wake()
    return found


@router.post("/{name}/hosts", status_code=201)
async def add_hosts(
    request: Request, name: NamePath, body: GivenHosts, deps: Deps, actor: Writer
) -> PodDetail:
    """Enrol hosts into free slots of a pod, all or nothing; inspection begins at once."""
    found = await deps.in_thread(_add, deps, name, body, who_of(request, actor))
    deps.wake()
    return found


@router.get("/{name}/plan")
async def plan_pod(name: NamePath, deps: Deps, _actor: Reader) -> PlanView:
    """What a bring-up would do now. 409 names the hosts that are still being inspected."""
    return await deps.in_thread(_plan, deps, name)


@router.post("/{name}/up")
async def start_pod(
    request: Request, name: NamePath, body: UpBody, deps: Deps, actor: Writer
) -> PodDetail:
    """Approve a plan by its digest and start it. 409 when the plan is another one by now."""
    found = await deps.in_thread(_up, deps, name, body.digest, who_of(request, actor))
    deps.wake()
    return found


@router.post("/{name}/hold")
async def hold_pod(request: Request, name: NamePath, deps: Deps, actor: Writer) -> PodDetail:
    """Start nothing more in this pod. What is under way ends where it may rest."""
    found = await deps.in_thread(_hold, deps, name, who_of(request, actor))
    deps.wake()
    return found


def _apply(deps: ApiDeps, body: GivenPod, who: Who) -> PodDetail:
    now = deps.clock.now()
    present = _present(deps, body.site)
    change = change_for(
        body,
        present=present,
        reach=reach_of(deps.store, simulated=body.simulated),
        box=deps.secrets,
        now=now,
        actor=who.name,
    )
    if deps.store.get(Pod, body.name) is not None:
        raise Conflict(
            f"pod {body.name} exists already", hint=f"see `podyard pod show {body.name}`"
        )
    refuse_taken(deps, body.hosts)
    change = logged(standing(deps, change, site=body.site), who, now=now)
    deps.store.apply(change, now=now)
    return _detail(deps, body.name)


def _add(deps: ApiDeps, name: str, body: GivenHosts, who: Who) -> PodDetail:
    for _ in range(WRITE_TRIES):
        pod, now = find_pod(deps, name), deps.clock.now()
        present = _hosts(deps, name)
        change = change_for_more(
            body,
            pod,
            present,
            cables=every(deps.store, Cable, pod=name),
            reach=reach_of(deps.store, simulated=pod.simulated),
            box=deps.secrets,
            now=now,
            actor=who.name,
        )
        refuse_taken(deps, body.hosts)
        try:
            deps.store.apply(logged(standing(deps, change), who, now=now), now=now)
        except StaleWrite:
            continue
        return _detail(deps, name)
    raise StaleWrite(f"pod {name} changed while hosts were added")


def standing(deps: ApiDeps, change: Change, *, site: str = "") -> Change:
    """The change, refused when a place that its hosts or its pod stand at goes meanwhile."""
    hosts = [one for one in change.insert if isinstance(one, Host)]
    own = () if not site or _brings(change, site) else (Needed(Site, site),)
    return replace(change, needs=(*own, *stood_on(deps.store, hosts)))


def _brings(change: Change, site: str) -> bool:
    return any(isinstance(one, Site) and one.name == site for one in change.insert)


def _present(deps: ApiDeps, site: str) -> Present:
    """What a site knows already."""
    return Present(
        site=deps.store.get(Site, site) is not None,
        racks={rack.name for rack in every(deps.store, Rack, site=site)},
        feeds={feed.name for feed in every(deps.store, PowerFeed, site=site)},
        equipment={one.name for one in every(deps.store, Equipment, site=site)},
    )


def refuse_taken(
    deps: ApiDeps, hosts: Sequence[GivenHost], *, prefix: str = "hosts.{index}."
) -> None:
    """Say which name is taken; the store's own check still decides."""
    for field in ("name", "serial"):
        places = {str(getattr(host, field)): index for index, host in enumerate(hosts)}
        values = tuple(places)
        for start in range(0, len(values), PAGE_MAX):
            asked = Condition(field, "in", values[start : start + PAGE_MAX])
            for other in deps.store.search(Host, Query((asked,), limit=1, counted=False)).records:
                value = str(getattr(other, field))
                raise Refused(
                    409,
                    "conflict",
                    f"host {other.name} of pod {other.pod} has this {field} already",
                    path=prefix.format(index=places[value]) + field,
                    value=value,
                    existing=other.id,
                    hint="a host belongs to one pod: correct the entry, or "
                    f"podyard host forget {other.name}",
                )


def _shared(pod: Pod) -> dict[str, Any]:
    names = set(PodSummary.model_fields) - {"plan_digest"}
    return {**pod.model_dump(include=names), "plan_digest": pod.plan.digest if pod.plan else None}


def _detail(deps: ApiDeps, name: str) -> PodDetail:
    pod = find_pod(deps, name)
    hosts = _hosts(deps, name)
    states = [str(h.state) for h in hosts]
    return PodDetail(
        **_shared(pod),
        spec_document=pod.spec_document,
        plan=pod.plan,
        approval=pod.approval,
        hosts=len(hosts),
        hosts_by_state={state: states.count(state) for state in sorted(set(states))},
        parked=tuple(h.name for h in hosts if h.problem is not None and h.problem.parked),
    )


def find_pod(deps: ApiDeps, name: str) -> Pod:
    """The pod of this name."""
    pod = deps.store.get(Pod, name)
    if pod is None:
        raise NotFound(f"no pod {name!r}", hint="see `podyard pod list`")
    return pod


def _hosts(deps: ApiDeps, pod: str) -> list[Host]:
    return every(deps.store, Host, pod=pod)


def _plan(deps: ApiDeps, name: str) -> PlanView:
    pod = find_pod(deps, name)
    # Whoever waits for a plan asks every few seconds. While hosts without trouble are to come they
    # are counted and none is read; then only those that it waits for, and they are small, for
    # nothing is known of them yet. When the others were inspected matters only for few in trouble.
    _refuse_unread(deps, name)
    last = _wanted(_uninspected(deps, name))
    few = len(last) <= deps.store.count(Host, pod=name) // LAST_IN
    certain = [one for one in last if one.problem is None] if few else last
    _refuse_uninspected(pod, certain, deps.clock.now())
    hosts = _wanted(_hosts(deps, name))
    plan = _current(deps, pod, hosts)
    return PlanView(
        plan=plan,
        approved=pod.plan is not None and pod.plan.digest == plan.digest,
        left_out=tuple(
            LeftOut(
                host=h.name,
                reason=h.problem.message if h.problem else "nothing is known of it",
                remedy=h.problem.remedy if h.problem else "",
            )
            for h in hosts
            if h.facts is None
        ),
    )


def _wanted(hosts: Iterable[Host]) -> list[Host]:
    return [host for host in hosts if host.target == "ready"]


def _uninspected(deps: ApiDeps, pod: str) -> Iterator[Host]:
    for state in sorted(UNINSPECTED):
        yield from every(deps.store, Host, pod=pod, state=state)


def _silent(host: Host, now: datetime, mostly_at: datetime | None) -> bool:
    """True for a host that cannot be read: nothing healthy waits for a dead BMC."""
    problem = host.problem
    if host.facts is not None or problem is None:
        return False
    # A host in trouble may go through several states and kinds of trouble, and begin each anew.
    is_last = mostly_at is not None and now - mostly_at > SILENT_AFTER
    slow_after = SILENT_AFTER if is_last else SLOW_AFTER  # one that has only come has its minute
    return now - problem.since > SILENT_AFTER or now - host.state_since > slow_after


def _current(deps: ApiDeps, pod: Pod, hosts: list[Host]) -> Plan:
    """The plan now, or 409 naming what is still to come."""
    _refuse_uninspected(pod, hosts, deps.clock.now())
    spec = PodSpec.model_validate_json(json.dumps(pod.spec_document))
    return plan_of(pod, spec, hosts, past=past_of(deps.store, pod, hosts))


def _refuse_unread(deps: ApiDeps, pod: str) -> None:
    """409 while hosts are being inspected that nothing troubles: those are always waited for."""
    missing, names = 0, list[str]()
    for state in sorted(UNINSPECTED):
        well = {"pod": pod, "state": state, "target": "ready", "problem": ""}
        missing += deps.store.count(Host, **well)
        names += [h.name for h in deps.store.find(Host, limit=NAMED + 1 - len(names), **well)]
    if missing:
        raise _not_inspected(pod, missing, sorted(names))


def _refuse_uninspected(pod: Pod, hosts: list[Host], now: datetime) -> None:
    rereading = {h.name for h in hosts if h.state is HostState.MATCHING and h.facts is None}
    mostly_at = mostly_inspected_at(hosts)
    silent = {h.name for h in hosts if _silent(h, now, mostly_at)}
    missing = sorted({*hosts_not_inspected(hosts), *rereading} - silent)
    if missing:
        raise _not_inspected(pod.name, len(missing), missing)


def _not_inspected(pod: str, count: int, names: Sequence[str]) -> Refused:
    listed = ", ".join(names[:NAMED]) + (" …" if count > NAMED else "")
    return Refused(
        409,
        "not-inspected",
        f"{count} hosts are still being inspected: {listed}",
        hint=f"watch them: podyard pod watch {pod}; one of them: podyard host why NAME",
    )


def _up(deps: ApiDeps, name: str, digest: str, who: Who) -> PodDetail:
    for _ in range(WRITE_TRIES):
        pod = find_pod(deps, name)
        hosts = _wanted(_hosts(deps, name))
        try:
            _approve(deps, pod, hosts, digest, who)
        except StaleWrite:
            continue
        deps.store.wake_hosts(now=deps.clock.now(), pod=name)
        return _detail(deps, name)
    raise StaleWrite(f"pod {name} changed while its plan was approved")


def _approve(deps: ApiDeps, pod: Pod, hosts: list[Host], digest: str, who: Who) -> None:
    again = pod.plan is not None and pod.plan.digest == digest
    if again and pod.bring_up == "running":
        return
    plan = pod.plan if again else _current(deps, pod, hosts)
    if plan is None or plan.digest != digest:
        raise Refused(
            409,
            "plan-changed",
            f"the plan of pod {pod.name} is another one by now",
            path="digest",
            value=digest,
            hint=f"look at it again: podyard plan {pod.name}",
        )
    now = deps.clock.now()
    event = Event(
        at=now,
        actor=who.name,
        kind="pod.up",
        subject=f"pod:{pod.name}",
        old=pod.bring_up,
        new="running",
        why=digest,
    )
    # Who releases a held pod approves nothing: the plan is still the one that somebody else read.
    known = pod.approval if again and pod.approval else None
    approval = known or PlanApproval(by=who.name, plan_digest=digest, at=now)
    fresh = pod.model_copy(update={"plan": plan, "bring_up": "running", "approval": approval})
    # The waiting hosts are written too: a step that read the pod before must decide again.
    waiting = tuple(
        h.model_copy(update={"wake_at": now}) for h in hosts if h.state is HostState.MATCHING
    )
    change = Change(replace=(fresh, *waiting), events=(event,))
    deps.store.apply(logged(change, who, now=now, before=(pod,)), now=now)


def _hold(deps: ApiDeps, name: str, who: Who) -> PodDetail:
    pod = find_pod(deps, name)
    if pod.bring_up != "held":
        now = deps.clock.now()
        event = Event(
            at=now,
            actor=who.name,
            kind="pod.held",
            subject=f"pod:{name}",
            old=pod.bring_up,
            new="held",
        )
        fresh = pod.model_copy(update={"bring_up": "held"})
        change = Change(replace=(fresh,), events=(event,))
        deps.store.apply(logged(change, who, now=now, before=(pod,)), now=now)
    return _detail(deps, name)
