"""Which jobs of one cluster begin, which are over, and why the others wait.

Pure: jobs, what Ray says of those that it was given, and the cluster's hosts in; changed jobs and
at most a few orders to Ray out. A job is marked as starting before Ray is asked, under an id that
names the try; so whatever was asked by a controller that died is found again by that id, and asking
a second time starts nothing twice.

Ray's word is not always the truth: a job whose driver was on a head that died stays RUNNING there
for ever. So a try whose driver's host is gone is not believed to run, and the job is tried again.
Losing hosts is not the job's fault and costs none of its retries; only that it is lost again and
again, which a job that brings its host down also is, has a limit. The same goes for a start that
the head refuses: it gives its place to others, says why, and is tried again a limited number of
times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from inventory.job_limits import JobLimit
from inventory.jobs import TURN, Job, JobState
from runtime.cluster import Node, RayJob

AGAIN_FIRST_S = 2.0
AGAIN_LAST_S = 60.0
"""Pauses before a job that failed is tried again double between these."""
LOSSES_MAX = 10
BY_QUOTA = "waits because quota "
LOST = "its host or the cluster's head was lost"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A start that the head did not make."""

    why: str
    final: bool
    """What was asked for is wrong: asking again changes nothing."""


@dataclass(frozen=True, slots=True)
class QueueSeen:
    """Everything that a cluster's jobs are decided by."""

    now: datetime
    active: tuple[Job, ...]
    """Starting and running."""
    waiting: tuple[Job, ...]
    """Queued ones in their order, as many as could matter now; and all that shall stop."""
    known: Mapping[str, RayJob] | None
    """What Ray says, by submission id; None: it was not or could not be asked."""
    trouble: str
    """Why it could not."""
    gone: bool
    """There is no cluster any more, or none yet: nothing of it runs anywhere."""
    refused: Mapping[str, Refusal]
    """What the head answered, by submission id, to a start that it did not make."""
    nodes: tuple[Node, ...]
    before: Mapping[str, JobState | None]
    """State of every job that a waiting one waits for; None: there is no such job."""
    at_once: int
    limit: JobLimit | None = None
    """What its tenant's quota says, of all the tenant's clusters; None: nothing."""


@dataclass(frozen=True, slots=True)
class QueuePlan:
    """What must be written, and what Ray must be told afterwards."""

    changed: tuple[Job, ...] = ()
    submit: tuple[Job, ...] = ()
    stop: tuple[Job, ...] = ()


@dataclass(slots=True)
class _Draft:
    changed: list[Job] = field(default_factory=list)
    submit: list[Job] = field(default_factory=list)
    stop: list[Job] = field(default_factory=list)

    def keep(self, old: Job, **changes: object) -> Job:
        """The job as it is from now on; recorded only when something differs."""
        fresh = old.model_copy(update=changes)
        if fresh != old:
            self.changed.append(fresh)
        return fresh


def decide_jobs(seen: QueueSeen) -> QueuePlan:
    """One look, one plan. The same look gives the same plan."""
    draft = _Draft()
    going = [job for job in seen.active if _go_on(seen, job, draft)]
    _begin(seen, going, draft)
    return QueuePlan(tuple(draft.changed), tuple(draft.submit), tuple(draft.stop))


def _go_on(seen: QueueSeen, job: Job, draft: _Draft) -> bool:
    """Settle a job that Ray was given; True while it takes up a place."""
    if seen.known is None and seen.gone:
        return _lost(seen, job, draft)
    if seen.known is None:
        if not job.stop_wanted:  # else it says why it is stopped, and its end is told by that
            draft.keep(job, why=seen.trouble or job.why)
        return True
    ray = seen.known.get(job.submission_id)
    if ray is None and job.state is JobState.STARTING:
        return _unheard(seen, job, draft)
    if ray is not None and _forgotten(seen, ray):
        draft.stop.append(job)  # else Ray might begin it after all, beside the next try
        return _lost(seen, job, draft)
    if ray is None or _orphaned(seen, ray):
        return _lost(seen, job, draft)
    match ray.status:
        case "SUCCEEDED":
            draft.keep(job, state=JobState.SUCCEEDED, why="", ended_at=seen.now)
            return False
        case "STOPPED":
            return _stopped(seen, job, draft)
        case "FAILED":
            return _failed(seen, job, ray, draft)
        case _:
            _running(seen, job, ray, draft)
            return True


def _unheard(seen: QueueSeen, job: Job, draft: _Draft) -> bool:
    """It was asked to be started, and Ray never heard of it."""
    if job.stop_wanted:
        return _stopped(seen, job, draft)
    refusal = seen.refused.get(job.submission_id)
    if refusal is not None:
        return _refused(seen, job, refusal, draft)
    draft.submit.append(job)
    return True


def _running(seen: QueueSeen, job: Job, ray: RayJob, draft: _Draft) -> None:
    over = _over_limit(seen, job)
    if job.stop_wanted or over:
        draft.stop.append(job)
    if over and not job.stop_wanted:
        draft.keep(job, stop_wanted=True, why=f"it ran longer than {job.time_limit_s:g} s")
        return
    why = job.why if job.stop_wanted else (ray.message if ray.status == "PENDING" else "")
    began = job.started_at or seen.now
    draft.keep(job, state=JobState.RUNNING, why=why, started_at=began)


def _over_limit(seen: QueueSeen, job: Job) -> bool:
    if job.time_limit_s is None or job.started_at is None:
        return False
    return (seen.now - job.started_at).total_seconds() > job.time_limit_s


def _orphaned(seen: QueueSeen, ray: RayJob) -> bool:
    """It runs, says Ray; but the host of its driver is gone, and its driver with it."""
    if ray.status not in {"PENDING", "RUNNING"} or not ray.node_id or not seen.nodes:
        return False
    return ray.node_id not in {node.node_id for node in seen.nodes if node.alive}


def _forgotten(seen: QueueSeen, ray: RayJob) -> bool:
    """It is to begin, says Ray; but a head that was lost took it, and the new one begins nothing.

    Ray itself gives such a job up after a quarter of an hour. Both moments are by one clock: a
    cluster's head stays on its host, and a head on another host is a younger one by far.
    """
    if ray.status != "PENDING" or ray.node_id or not ray.asked_ms:
        return False
    return any(node.started_ms > ray.asked_ms for node in seen.nodes if node.alive and node.is_head)


def _lost(seen: QueueSeen, job: Job, draft: _Draft) -> bool:
    if job.stop_wanted:
        return _stopped(seen, job, draft)
    losses = job.tries - job.failures
    if losses > LOSSES_MAX:
        why = f"{LOST} {losses} times while it ran; hint: see whether it brings them down"
        draft.keep(job, state=JobState.FAILED, why=why, ended_at=seen.now)
    else:
        why = f"{LOST}; it is tried again"
        draft.keep(job, state=JobState.QUEUED, why=why, started_at=None)
    return False


def _refused(seen: QueueSeen, job: Job, refusal: Refusal, draft: _Draft) -> bool:
    """The head said no, and does not know the try: it is not begun twice by another one."""
    losses = job.tries - job.failures
    if refusal.final or losses > LOSSES_MAX:
        often = "" if refusal.final else f" {losses} times"
        why = f"Ray refused to start it{often}: {refusal.why}"
        draft.keep(job, state=JobState.FAILED, why=why, ended_at=seen.now)
        return False
    draft.keep(
        job,
        state=JobState.QUEUED,
        started_at=None,
        not_before=seen.now + timedelta(seconds=_pause_s(losses)),
        why=f"Ray refused to start it, tried again: {refusal.why}",
    )
    return False


def _pause_s(times: int) -> float:
    return min(AGAIN_LAST_S, AGAIN_FIRST_S * 2.0 ** min(max(times, 1) - 1, 10))


def _stopped(seen: QueueSeen, job: Job, draft: _Draft) -> bool:
    """Stopped as asked; or by its limit, which is a failure; or by somebody with Ray's own API."""
    limited = job.why.startswith("it ran longer")
    state = JobState.FAILED if limited else JobState.STOPPED
    why = job.why if limited else ("" if job.stop_wanted else "stopped through Ray's own API")
    draft.keep(job, state=state, why=why, ended_at=seen.now)
    return False


def _failed(seen: QueueSeen, job: Job, ray: RayJob, draft: _Draft) -> bool:
    if job.stop_wanted:
        return _stopped(seen, job, draft)
    if ray.lost_host:
        return _lost(seen, job, draft)
    failures = job.failures + 1
    said = ray.message.strip()[-500:] or "it failed without a word"
    if failures > job.retries:
        draft.keep(job, state=JobState.FAILED, why=said, failures=failures, ended_at=seen.now)
        return False
    draft.keep(
        job,
        state=JobState.QUEUED,
        failures=failures,
        started_at=None,
        not_before=seen.now + timedelta(seconds=_pause_s(failures)),
        why=f"failed {failures} of {job.retries + 1} times, tried again: {said}",
    )
    return False


def _begin(seen: QueueSeen, going: Sequence[Job], draft: _Draft) -> None:
    """Give free places away: priority first, then whoever has the fewest, then the oldest."""
    held = Counter(job.asked_by for job in going)
    places = seen.at_once - len(going)
    free = places if seen.limit is None else min(places, seen.limit.room)
    ready: list[Job] = []
    for job in seen.waiting:
        if job.stop_wanted:
            draft.keep(job, state=JobState.STOPPED, why="", ended_at=seen.now)
        elif (failed := _cannot(seen, job)) is not None:
            draft.keep(job, state=JobState.FAILED, why=failed, ended_at=seen.now)
        elif why := _waits(seen, job):
            draft.keep(job, why=why)
        else:
            ready.append(job)
    while ready and free > 0:
        job = min(ready, key=lambda one: (-one.priority, held[one.asked_by], one.id))
        ready.remove(job)
        held[job.asked_by] += 1
        free -= 1
        draft.submit.append(
            draft.keep(job, state=JobState.STARTING, tries=job.tries + 1, why="", not_before=None)
        )
        places -= 1
    _say_of_quota(seen.limit if places > 0 else None, ready, draft)


def _say_of_quota(limit: JobLimit | None, left: Sequence[Job], draft: _Draft) -> None:
    """Tell those that had a place but for their tenant's quota; and take back what is past."""
    for job in left:
        if limit is not None:
            hint = f"podyard tenant quota set {limit.quota} --jobs-running-max N"
            why = f"{BY_QUOTA}{limit.quota} lets {limit.most} jobs run at once; hint: {hint}"
            draft.keep(job, why=why)
        elif job.why.startswith(BY_QUOTA):
            draft.keep(job, why=TURN)


def _cannot(seen: QueueSeen, job: Job) -> str | None:
    """Why it will never begin: something that it waits for did not succeed."""
    for name in job.after:
        match seen.before.get(name):
            case None:
                return f"job {name}, which it waits for, is not on record"
            case JobState.FAILED | JobState.STOPPED as state:
                return f"job {name}, which it waits for, {_ended(state)}"
            case _:
                continue
    return None


def _ended(state: JobState) -> str:
    return "was stopped" if state is JobState.STOPPED else "failed"


def _waits(seen: QueueSeen, job: Job) -> str:
    """What it waits for apart from its turn, in words; '' when it could begin."""
    unfinished = [one for one in job.after if seen.before.get(one) is not JobState.SUCCEEDED]
    if unfinished:
        return f"waits for job {', '.join(unfinished[:3])}"
    if seen.known is None:
        return seen.trouble or "its cluster does not answer yet"
    if job.not_before is not None and seen.now < job.not_before:
        return job.why or f"waits until {job.not_before:%Y-%m-%d %H:%M:%S} UTC"
    return infeasible(seen.nodes, job)


def infeasible(nodes: Sequence[Node], job: Job) -> str:
    """No host of the cluster could hold its entrypoint even if it were idle."""
    wanted = {"CPU": job.num_cpus, "GPU": job.num_gpus, **job.resources}
    wanted = {name: amount for name, amount in wanted.items() if amount > 0}
    alive = [node for node in nodes if node.alive]
    if not wanted or not alive:
        return ""
    if any(all(n.resources.get(k, 0.0) >= v for k, v in wanted.items()) for n in alive):
        return ""
    for name, amount in sorted(wanted.items()):
        most = max(node.resources.get(name, 0.0) for node in alive)
        if most < amount:
            return (
                f"it asks for {amount:g} {name} and no host of the cluster has more than "
                f"{most:g}; hint: claim units that have it, or ask for less"
            )
    asked = ", ".join(f"{amount:g} {name}" for name, amount in sorted(wanted.items()))
    return f"no single host of the cluster has {asked}; hint: ask for less"
