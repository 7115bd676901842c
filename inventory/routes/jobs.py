"""Jobs: handing work over to the queue of a cluster, and taking it back.

The queue is for what must not be lost and may have to wait. It takes what it is given at once and
whole, also when the cluster does not exist yet; why a job waits is on its record.
"""

from __future__ import annotations

import json
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import NotFound, StaleWrite
from inventory.job_limits import waiting_limit
from inventory.jobs import PRIORITY_MAX, RETRIES_MAX, TURN, Job, JobState
from inventory.jobsecrets import ENV_VARS, hidden, values_of
from inventory.model import Event
from inventory.refusals import ERRORS, Refused
from inventory.routes.shapes import NAME_FORM, Body, NamePath, View
from inventory.routes.tenants import require_tenant
from inventory.store.protocol import Change

router = APIRouter(prefix="/api/jobs", tags=["jobs"], responses=ERRORS)
Writer = Annotated[Actor, Depends(require(Permission.JOB_WRITE))]

WRITE_TRIES = 5
MANY_MAX = 1000
QUEUED_MAX = 50_000
"""Jobs of one tenant that wait: more would be a loop gone wild, and everybody's database."""
RUNTIME_ENV_BYTES_MAX = 64 * 1024
DAYS_90_S = 90 * 86400
Amount = Annotated[float, Field(ge=0, le=1e6)]
Short = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00]*$")]


class JobBody(Body):
    """A job to queue."""

    tenant: Annotated[str, Field(pattern=r"^$|" + NAME_FORM)] = ""
    cluster: Annotated[str, Field(pattern=NAME_FORM)] = "main"
    entrypoint: Annotated[str, Field(min_length=1, max_length=8192, pattern=r"^[^\x00]*$")]
    """The command, for a shell on a host of the cluster."""
    runtime_env: Annotated[dict[str, Any], Field(max_length=32)] = Field(default_factory=dict)
    """As Ray takes it; folders only by an address (`https://`, `s3://` …). The values of `env_vars`
    are kept sealed and never shown."""
    metadata: Annotated[dict[Short, Short], Field(max_length=64)] = Field(default_factory=dict)
    num_cpus: Amount = 0.0
    num_gpus: Amount = 0.0
    resources: Annotated[dict[Short, Amount], Field(max_length=64)] = Field(default_factory=dict)
    priority: Annotated[int, Field(ge=0, le=PRIORITY_MAX)] = 0
    """Higher ones begin first."""
    retries: Annotated[int, Field(ge=0, le=RETRIES_MAX)] = 0
    """After its own failure; a host that is lost costs none."""
    time_limit_s: Annotated[float, Field(gt=0, le=DAYS_90_S)] | None = None
    after: Annotated[tuple[Short, ...], Field(max_length=100)] = ()
    """Jobs that must have succeeded before."""


class ManyJobs(Body):
    """Jobs to queue together: all of them, or none."""

    jobs: Annotated[tuple[JobBody, ...], Field(min_length=1, max_length=MANY_MAX)]


class QueuedJobs(View):
    """What became of them, in their order."""

    ids: tuple[str, ...]


@router.post("", status_code=201)
async def queue_job(body: JobBody, deps: Deps, actor: Writer) -> Job:
    """Queue a job; it begins when its cluster has a place for it."""
    [job] = await deps.in_thread(_queue, deps, (body,), actor)
    deps.wake()
    return job


@router.post("/many", status_code=201)
async def queue_jobs(body: ManyJobs, deps: Deps, actor: Writer) -> QueuedJobs:
    """Queue many jobs in one step: all of them, or none."""
    jobs = await deps.in_thread(_queue, deps, body.jobs, actor)
    deps.wake()
    return QueuedJobs(ids=tuple(job.id for job in jobs))


@router.post("/{name}/stop")
async def stop_job(name: NamePath, deps: Deps, actor: Writer) -> Job:
    """Stop a job, or take it out of the queue. One that has ended stays as it is."""
    job = await deps.in_thread(_stop, deps, name, actor)
    deps.wake()
    return job


def _queue(deps: ApiDeps, bodies: tuple[JobBody, ...], actor: Actor) -> tuple[Job, ...]:
    now = deps.clock.now()
    begun = f"{int(now.timestamp() * 1000):011x}"
    for tenant in sorted({actor.acting_for(body.tenant) for body in bodies}):
        require_tenant(deps, tenant)
    jobs = tuple(
        Job(
            # Sorted by id they stand in the order in which they came.
            id=f"{begun}{number:03x}{secrets.token_hex(3)}",
            tenant=actor.acting_for(body.tenant),
            asked_by=actor.id,
            created_at=now,
            why=TURN,
            **body.model_dump(exclude={"tenant"}),
        )
        for number, body in enumerate(bodies)
    )
    for tenant in sorted({job.tenant for job in jobs}):
        _require_room(deps, tenant, sum(job.tenant == tenant for job in jobs))
    for number, job in enumerate(jobs):
        _check(job, f"jobs.{number}." if len(jobs) > 1 else "")
    _require_known(deps, jobs)
    events = tuple(_event(deps, actor, "job.queued", job, new=str(job.state)) for job in jobs[:1])
    if len(jobs) > 1:
        events = (events[0].model_copy(update={"why": f"and {len(jobs) - 1} more with it"}),)
    sealed = {
        (job.id, ENV_VARS): deps.secrets.seal(job.id, ENV_VARS, values)
        for job in jobs
        if (values := values_of(job.runtime_env)) is not None
    }
    jobs = tuple(
        job.model_copy(update={"runtime_env": hidden(job.runtime_env)})
        if (job.id, ENV_VARS) in sealed
        else job
        for job in jobs
    )
    deps.store.apply(Change(insert=jobs, events=events, secrets=sealed), now=now)
    return jobs


def _require_room(deps: ApiDeps, tenant: str, more: int) -> None:
    waiting = deps.store.count(Job, tenant=tenant, state=JobState.QUEUED.value)
    if waiting + more > QUEUED_MAX:
        raise Refused(
            429,
            "rate-limited",
            f"{waiting} jobs of tenant {tenant} wait already, {QUEUED_MAX} may",
            path="tenant",
            value=tenant,
            hint="stop some, or wait: podyard job list --state queued",
        )
    limit = waiting_limit(deps.store, tenant)
    if limit is not None and more > limit.room:
        raise Refused(
            429,
            "rate-limited",
            f"quota {limit.quota} lets {limit.most} jobs wait, {limit.held} do, {more} more came",
            path="jobs_queued_max",
            value=str(limit.most),
            hint="stop some, or wait: podyard job list --state queued; an admin raises it: "
            f"podyard tenant quota set {limit.quota} --jobs-queued-max N",
        )


def _check(job: Job, path: str) -> None:
    """Refuse what could never run, before it waits for its turn."""
    try:
        size = len(json.dumps(job.runtime_env))
    except (TypeError, ValueError, RecursionError) as error:
        raise _refused(f"{path}runtime_env", "", "it cannot be written as JSON") from error
    if size > RUNTIME_ENV_BYTES_MAX:
        raise _refused(f"{path}runtime_env", size, f"at most {RUNTIME_ENV_BYTES_MAX} bytes as JSON")
    variables = job.runtime_env.get(ENV_VARS) or {}
    if not isinstance(variables, dict) or not all(isinstance(v, str) for v in variables.values()):
        # Not what was given: a token may stand in it.
        raise _refused(f"{path}runtime_env.env_vars", "…", "each value must be a string")
    modules = job.runtime_env.get("py_modules") or ()
    folders = [job.runtime_env.get("working_dir"), *(modules if isinstance(modules, list) else ())]
    for folder in folders:
        if folder is not None and "://" not in str(folder):
            hint = "give an address that hosts can read; `ray job submit` uploads local folders"
            raise _refused(f"{path}runtime_env", folder, hint)


def _require_known(deps: ApiDeps, jobs: tuple[Job, ...]) -> None:
    """Jobs that others wait for are there, and of the same tenant."""
    names = {name for job in jobs for name in job.after}
    known = deps.store.get_many(Job, names) if names else {}
    for job in jobs:
        for name in job.after:
            if name not in known or known[name].tenant != job.tenant:
                raise _refused("after", name, "name a job of yours: podyard job list")


def _refused(path: str, value: object, hint: str) -> Refused:
    said = str(value)[:200]
    return Refused(422, "invalid", f"{path}={said!r} cannot be", path=path, value=said, hint=hint)


def _find(deps: ApiDeps, name: str, actor: Actor) -> Job:
    job = deps.store.get(Job, name)
    if job is None or not actor.may_see(job.tenant):
        raise NotFound(f"no job {name!r}", hint="see `podyard job list`")
    return job


def _stop(deps: ApiDeps, name: str, actor: Actor) -> Job:
    for _ in range(WRITE_TRIES):
        job = _find(deps, name, actor)
        if job.ended or job.stop_wanted:
            return job
        fresh = job.model_copy(update={"stop_wanted": True, "why": "is to be stopped"})
        event = _event(deps, actor, "job.stopping", job, old=str(job.state))
        try:
            deps.store.apply(Change(replace=(fresh,), events=(event,)), now=deps.clock.now())
        except StaleWrite:
            continue
        return fresh.model_copy(update={"version": job.version + 1})
    raise StaleWrite(f"job {name} changed while it was stopped")


def _event(
    deps: ApiDeps, actor: Actor, kind: str, job: Job, *, old: str = "", new: str = ""
) -> Event:
    # Nothing of the command: tokens stand in commands, and events are kept and sent on.
    return Event(
        at=deps.clock.now(),
        actor=actor.name,
        kind=kind,
        subject=f"job:{job.tenant}/{job.id}",
        old=old,
        new=new,
    )
