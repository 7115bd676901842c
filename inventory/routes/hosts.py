"""Hosts: what they are, why they are not ready, and what people want of them.

These routes never move a host's state: they write what is wanted and wake the loop that moves it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import StaleWrite
from inventory.holding import held
from inventory.model import CertificateRecord, Event, Host, Problem, SuspendedFor, Tried
from inventory.pacing import why_full
from inventory.power_drift import power_drift
from inventory.refusals import ERRORS, Refused
from inventory.resources.recording import Who, logged, who_of
from inventory.routes.shapes import Body, NamePath, View, only
from inventory.states import STABLE, Health, HostState, PowerState
from inventory.store.protocol import Change
from inventory.store.reading import every
from inventory.verbs import retried
from pods.facts import HardwareFacts
from pods.match_finding import Effect, Mismatch

NOT_AT_ONCE = timedelta(seconds=3)
"""A host whose turn comes at once is at work by then, or at rest."""

router = APIRouter(prefix="/api/hosts", tags=["hosts"], responses=ERRORS)
Reader = Annotated[Actor, Depends(require(Permission.HOST_READ))]
Writer = Annotated[Actor, Depends(require(Permission.HOST_WRITE))]

WRITE_TRIES = 5  # the loop writes each host a few times a second at most
EVENTS_SHOWN = 10
BESIDE = ("uuid", "maintenance", "paused", "quarantine", "facts")


class HostSummary(View):
    """One line about a host."""

    id: str
    name: str
    site: str
    pod: str
    slot: str
    rack: str
    feed: str
    host_type: str
    state: HostState
    state_since: datetime
    target: str
    power: PowerState
    reserved_watts: int
    health: Health
    waiting: str
    problem: Problem | None
    simulated: bool
    serial: str
    certificate_id: str


class Finding(View):
    """One difference between a host and its spec, as people are told it."""

    path: str
    wanted: str
    found: str
    severity: str
    effect: Effect
    """`blocks` parks the host; what `warns` or `notes` never does."""
    meaning: str
    """What follows from it for whoever uses the host."""
    remedy: str
    told: str
    """All of it in one line."""


class HostDetail(HostSummary):
    """Everything about a host that a person may see."""

    uuid: str
    bmc_address: str
    bmc_fingerprint: str
    maintenance: str
    paused: str
    """Why a person stopped podyard here; empty: nobody did."""
    quarantine: str
    """Why a person set it apart; empty: nobody did."""
    facts: HardwareFacts | None
    mismatches: tuple[Finding, ...]
    boot_tries: int
    acceptance_rounds: int
    wake_at: datetime


class Why(View):
    """Why a host is where it is."""

    host: str
    state: HostState
    since: datetime
    target: str
    power: PowerState
    power_drift: str
    """What of its power is other than its record says; empty: nothing is."""
    health: Health
    maintenance: str
    paused: str
    quarantine: str
    held: str
    """What holds the whole fleet; empty when nothing does."""
    waiting_for: str
    late_at: datetime | None
    """When its state will have taken too long, by what its model took here before; null: nobody
    waits for it."""
    problem: Problem | None
    tried: tuple[str, ...]
    remedies: tuple[Tried, ...]
    """What was tried because it took too long, with when and what became of it."""
    next_step: str
    """Empty when nothing happens by itself."""
    next_at: datetime | None
    remedy: str
    """What a person must do; empty when podyard goes on by itself."""
    mismatches: tuple[Finding, ...]
    """Where the host differs from its spec; only what blocks stops it."""
    suspended: tuple[SuspendedFor, ...]
    """Why the host's last certificate must not be relied upon; empty when it stands."""
    bmc: tuple[str, ...]
    """Of its BMC: whose its password is, what is being replaced, what is open there."""
    summary: str
    events: tuple[Event, ...]


class TargetBody(Body):
    """What is wanted of a host."""

    target: Literal["enrolled", "ready", "repairing", "retired"]
    why: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""
    """For the event; what `repairing` is for must be said."""


@router.get("/{name}/why")
async def why_host(name: NamePath, deps: Deps, _actor: Reader) -> Why:
    """Why a host is where it is: since when, what was tried, what happens next."""
    return await deps.in_thread(_why, deps, name)


@router.post("/{name}/retry")
async def retry_host(request: Request, name: NamePath, deps: Deps, actor: Writer) -> HostDetail:
    """Forget a host's problem and let it go on from where the hardware is."""
    who = who_of(request, actor)

    def tried_again(host: Host) -> Mapping[str, object]:
        if host.state is HostState.RETIRED:
            _refuse_retired(host)
        return retried(host, deps.clock.now())

    host = await deps.in_thread(_change, deps, name, tried_again, who, "host.retry")
    deps.wake()
    return detail(host)


@router.post("/{name}/target")
async def want_host(
    request: Request, name: NamePath, body: TargetBody, deps: Deps, actor: Writer
) -> HostDetail:
    """Say where a host is wanted: ready, enrolled, retired, or with a person for repair."""
    host = await deps.in_thread(_want, deps, name, body, who_of(request, actor))
    deps.wake()
    return detail(host)


def find_host(deps: ApiDeps, name: str) -> Host:
    """The host of this name."""
    return only(deps.store.find(Host, name=name), what="host", name=name, command="host list")


def _want(deps: ApiDeps, name: str, body: TargetBody, who: Who) -> Host:
    if body.target == "repairing" and not body.why.strip():
        raise Refused(
            422,
            "invalid",
            "a repair needs a reason",
            path="why",
            value=body.why,
            hint="say what is to be done: podyard host repair NAME --why TEXT",
        )

    def targeted(host: Host) -> Mapping[str, object]:
        if host.state is HostState.RETIRED and body.target != "retired":
            _refuse_retired(host)
        maintenance = body.why if body.target == "repairing" else ""
        # A later wish replaces an earlier one.
        return {
            "target": body.target,
            "maintenance": maintenance,
            "paused": "",
            "quarantine": "",
        }

    return _change(deps, name, targeted, who, "host.target", why=body.why)


def _refuse_retired(host: Host) -> None:
    raise Refused(
        409,
        "retired",
        f"host {host.name} is retired, and stays it",
        path="state",
        value=host.state.value,
        hint=f"podyard host forget {host.name}, then podyard pod add-hosts {host.pod}",
    )


def _change(
    deps: ApiDeps,
    name: str,
    fields: Callable[[Host], Mapping[str, object]],
    who: Who,
    kind: str,
    *,
    why: str = "",
) -> Host:
    """Write fields of a host that the loop may be writing at the same time."""
    for _ in range(WRITE_TRIES):
        host = find_host(deps, name)
        now = deps.clock.now()
        changed = fields(host)
        fresh = host.model_copy(update={**changed, "wake_at": now})
        event = Event(
            at=now,
            actor=who.name,
            kind=kind,
            subject=f"host:{host.name}",
            old=host.target if "target" in changed else (host.problem.kind if host.problem else ""),
            new=fresh.target if "target" in changed else "",
            why=why,
        )
        change = Change(replace=(fresh,), events=(event,))
        try:
            deps.store.apply(logged(change, who, now=now, before=(host,), why=why), now=now)
        except StaleWrite:
            continue
        return fresh.model_copy(update={"version": host.version + 1})
    raise StaleWrite(f"host {name} changed {WRITE_TRIES} times while it was to be written")


def _why(deps: ApiDeps, name: str) -> Why:
    host = find_host(deps, name)
    problem = host.problem
    found = held(deps.store, deps.hold_file)
    stopped = _stopped(host, str(found) if found else "")
    remedies = tuple(one for one in host.tried if one.at > host.state_since)
    next_step, next_at = ("", None) if stopped else _next(host, deps.clock.now())
    return Why(
        host=host.name,
        state=host.state,
        since=host.state_since,
        target=host.target,
        power=host.power,
        power_drift=power_drift(host),
        health=host.health,
        maintenance=host.maintenance,
        paused=host.paused,
        quarantine=host.quarantine,
        held=str(found) if found else "",
        waiting_for=_room(deps, host) or host.waiting,
        late_at=_late_at(deps, host),
        problem=problem,
        tried=problem.tried if problem else tuple(one.remedy for one in remedies),
        remedies=remedies,
        next_step=next_step,
        next_at=next_at,
        remedy=stopped or (problem.remedy if problem else ""),
        mismatches=tuple(finding(one) for one in host.mismatches),
        suspended=_suspended(deps, host),
        bmc=tuple(_of_bmc(host)),
        summary=_in_words(host),
        events=_last_events(deps, f"host:{host.name}"),
    )


def _suspended(deps: ApiDeps, host: Host) -> tuple[SuspendedFor, ...]:
    """Of the newest certificate: a host on its way to another one still has none that stands."""
    found = every(deps.store, CertificateRecord, host_id=host.id)
    newest = max(found, key=lambda one: one.issued_at, default=None)
    return newest.suspended if newest is not None else ()


def _stopped(host: Host, fleet: str) -> str:
    """What a person must do before anything happens by itself again; empty: nothing."""
    if host.quarantine:
        return f"podyard host retry {host.name} ends the quarantine ({host.quarantine})"
    if host.paused:
        return f"podyard host resume {host.name} ends the pause ({host.paused})"
    return "podyard hold --release lets the whole fleet go on" if fleet else ""


def _room(deps: ApiDeps, host: Host) -> str:
    """A host that has been due for a while waits for room at its site, which no record says."""
    now = deps.clock.now()
    if not deps.store.due_hosts(now - NOT_AT_ONCE, limit=1, among=(host.id,)):
        return ""
    return why_full(deps.store, host.site, now=now)


def _next(host: Host, now: datetime) -> tuple[str, datetime | None]:
    """What happens next by itself, and when; of a host at rest, its record does not say when."""
    if host.problem is not None:
        return host.problem.next_step, host.problem.next_at
    if host.state is HostState.RETIRED:
        return "", None
    at = host.wake_at if host.wake_at >= now else None
    return f"looks again: {said}" if (said := _waiting(host)) else "looks again", at


def _waiting(host: Host) -> str:
    """What it waits for, where that says more than its state."""
    return "" if host.waiting == host.state.value else host.waiting


def _late_at(deps: ApiDeps, host: Host) -> datetime | None:
    """By what its model took here before. Waiting for people and other hosts does not count."""
    allowed_s = deps.times.here(deps.store, host, now=deps.clock.now())
    since = max(host.counted_from or host.state_since, host.state_since)
    return None if allowed_s is None else since + timedelta(seconds=allowed_s)


def _in_words(host: Host) -> str:
    problem = host.problem
    if host.quarantine:
        return f"quarantined in {host.state}: {host.quarantine}"
    if host.paused:
        return f"paused in {host.state}: {host.paused}"
    if problem is not None and problem.parked:
        return f"parked in {host.state}: {problem.message}"
    if problem is not None:
        return f"in {host.state} with a problem that podyard works on: {problem.message}"
    if said := _waiting(host):
        return f"{host.state}: {said}"
    return str(host.state) if host.state in STABLE else f"{host.state}: at work"


def _of_bmc(host: Host) -> Iterator[str]:
    """What is unusual or being done; nothing of a BMC that a person gave, as it is."""
    done = host.adoption
    if host.bmc.credentials == "factory":
        yield "others know its password: it gets another one"
    if host.rotation:
        yield f"its password is being replaced ({host.rotation})"
    if done.password_set_at is not None:
        yield f"its password is podyard's own since {done.password_set_at:%Y-%m-%d}"
    if host.renewal:
        yield f"its certificate is being replaced ({host.renewal})"
    if done.certificate_until is not None:
        yield f"its certificate is the site's own until {done.certificate_until:%Y-%m-%d}"
    if done.first_sight_at is not None:
        yield (
            f"its certificate was taken at first sight on {done.first_sight_at:%Y-%m-%d}, and "
            f"nobody vouched for it: compare {host.bmc.fingerprint} with the BMC's own console, "
            f"then podyard host bmc {host.name} --fingerprint {host.bmc.fingerprint}"
        )
    yield from done.findings


def _last_events(deps: ApiDeps, subject: str) -> tuple[Event, ...]:
    """The newest few. A host's whole story is some hundred events: one page holds it."""
    found: list[Event] = []
    after = 0
    while page := deps.store.events(after=after, subject=subject):
        found = [*found, *page][-EVENTS_SHOWN:]
        after = page[-1].seq
    return tuple(found)


def finding(mismatch: Mismatch) -> Finding:
    """A mismatch with the words that it leaves to whoever shows it."""
    said = mismatch.model_dump()
    return Finding(**said, effect=mismatch.effect, told=mismatch.told())


def detail(host: Host) -> HostDetail:
    """The page about a host: nothing of its boot token, nothing of its BMC's account."""
    shared = host.model_dump(include={*HostSummary.model_fields, *BESIDE})
    return HostDetail(
        **shared,
        bmc_address=host.bmc.address,
        bmc_fingerprint=host.bmc.fingerprint,
        mismatches=tuple(finding(one) for one in host.mismatches),
        boot_tries=host.boot.tries if host.boot else 0,
        acceptance_rounds=host.acceptance_round,
        wake_at=host.wake_at,
    )
