"""Carries out what `queueing` decides: reads the records, asks Ray, writes, and only then tells it.

What is to be handed to Ray is written first, under the lease's fence and with the id of the try.
So a controller that dies between the two leaves a job that says it is starting; the next one asks
Ray whether it knows that id, and hands it over if it does not. An answer that is lost changes
nothing: the next look finds out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from pydantic import SecretStr

from inventory.errors import FenceLost, SecretRefused, StaleWrite
from inventory.job_limits import running_limit, top_quota
from inventory.jobs import Job
from inventory.jobsecrets import ENV_VARS, together
from inventory.model import Event
from inventory.store.protocol import Change, Fence
from runtime.claiming import ACTOR
from runtime.cluster import ClusterError, ClusterRefusedError, Node, RayJob
from runtime.context import ClusterKey, Reach, load_cluster
from runtime.joblines import Line, clusters_with_jobs, fronts, going, states_of, to_stop
from runtime.queueing import QueuePlan, QueueSeen, Refusal, decide_jobs, infeasible
from runtime.world import ClusterPort, World

log = logging.getLogger("podyard.runtime")

NO_CLUSTER = "its cluster does not run; hint: claim units for it: podyard claim create"


@dataclass(frozen=True, slots=True)
class Look:
    """What Ray said."""

    known: dict[str, RayJob] | None = None
    nodes: tuple[Node, ...] = ()
    trouble: str = NO_CLUSTER
    gone: bool = False


class JobTending:
    """The queues of all clusters of one controller."""

    def __init__(self, world: World, fence: Fence) -> None:
        self._world = world
        self._fence = fence
        self._ports: dict[ClusterKey, tuple[tuple[Path, str], ClusterPort]] = {}
        self._at_work: dict[ClusterKey, asyncio.Task[None]] = {}
        self._refused: dict[ClusterKey, dict[str, Refusal]] = {}
        """Starts that heads did not make, by submission id. Lost, it is asked and said again."""
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By topmost quota: two clusters below it must not both take the last place of one."""

    async def look(self) -> None:
        """Begin a step for every cluster with jobs; one that hangs holds up nobody else."""
        found = await self._world.in_thread(clusters_with_jobs, self._world.store)
        for key in self._ports.keys() - found.keys() - self._at_work.keys():
            await self._forget(key)
        for key, lines in found.items():
            if key not in self._at_work:
                task = asyncio.create_task(self._guarded(key, lines), name=f"jobs of {key}")
                self._at_work[key] = task
                task.add_done_callback(partial(self._ended, key))

    def _ended(self, key: ClusterKey, _task: asyncio.Task[None]) -> None:
        self._at_work.pop(key, None)

    async def settled(self) -> None:
        """Wait for the steps that were begun."""
        await asyncio.gather(*self._at_work.values(), return_exceptions=True)

    async def close(self) -> None:
        """End all steps and connections."""
        for task in self._at_work.values():
            task.cancel()
        await self.settled()
        for key in tuple(self._ports):
            await self._forget(key)

    async def _guarded(self, key: ClusterKey, lines: tuple[Line, ...]) -> None:
        try:
            await self.step(key, lines)
        except (StaleWrite, FenceLost) as error:  # decided again; a lost lease ends the loop itself
            log.info("jobs decided again", extra={"cluster": str(key), "cause": str(error)})
        except Exception:  # a defect with one cluster's jobs must not stop the others'
            log.exception("a cluster's jobs could not be looked at", extra={"cluster": str(key)})

    async def step(self, key: ClusterKey, lines: tuple[Line, ...]) -> None:
        """One look at one cluster's jobs, and everything that follows from it."""
        in_thread = self._world.in_thread
        reach, asked, quota = await in_thread(self._read, key)
        look = await self._ask(key, reach, asked)
        turn = self._turns.setdefault(quota, asyncio.Lock())
        async with turn:
            plan = await in_thread(self._settle, key, lines, look)
        self._refused.pop(key, None)
        port = self._ports.get(key)
        if port is None:
            return
        for job in plan.stop:
            await self._tell(job, port[1].stop_job(job.submission_id), "stop")
        for job in plan.submit:
            said = await self._begin(job, port[1])
            if said is not None:
                self._refused.setdefault(key, {})[job.submission_id] = said

    async def _begin(self, job: Job, port: ClusterPort) -> Refusal | None:
        """Hand it over with what is sealed of it."""
        try:
            body = await self._world.in_thread(self._submission, job)
        except SecretRefused as error:
            return Refusal(str(error), final=True)
        return await self._tell(job, port.submit_job(body), "begin")

    def _submission(self, job: Job) -> dict[str, Any]:
        sealed = self._world.store.secret(job.id, ENV_VARS)
        return submission(
            job, self._world.secrets.unseal(job.id, ENV_VARS, sealed) if sealed else None
        )

    def _read(self, key: ClusterKey) -> tuple[Reach, tuple[str, ...], str]:
        """Whom to ask, about which tries, and below which quota. Runs in a thread."""
        store = self._world.store
        asked = tuple(job.submission_id for job in going(store, key))
        return self._reach(key), asked, top_quota(store, key.tenant)

    def _reach(self, key: ClusterKey) -> Reach:
        return load_cluster(self._world.store, self._world.secrets, key).reach

    async def _ask(self, key: ClusterKey, reach: Reach, asked: tuple[str, ...]) -> Look:
        if reach.dashboard is None or reach.token is None:
            await self._forget(key)
            return Look(trouble=reach.trouble or NO_CLUSTER, gone=reach.gone)
        wanted = (reach.dashboard, reach.token.get_secret_value())
        kept = self._ports.get(key)
        if kept is None or kept[0] != wanted:
            await self._forget(key)
            kept = (wanted, self._world.connect_cluster(reach.dashboard, reach.token))
            self._ports[key] = kept
        try:
            async with asyncio.timeout(self._world.settings.cluster_deadline_s):
                return Look(await kept[1].ray_jobs(asked), await kept[1].nodes(), "")
        except (ClusterError, OSError, TimeoutError) as error:
            return Look(trouble=f"the cluster's dashboard did not answer: {error}")

    def _settle(self, key: ClusterKey, lines: tuple[Line, ...], look: Look) -> QueuePlan:
        """Decide on fresh records and write. Runs in a thread."""
        store, now = self._world.store, self._world.clock.now()
        at_once = self._world.settings.jobs_at_once

        def ready(job: Job) -> bool:
            due = not job.not_before or job.not_before <= now
            return due and not job.after and not infeasible(look.nodes, job)

        waiting = fronts(store, lines, wanted=at_once, ready=ready)
        waiting = tuple({job.id: job for job in (*waiting, *to_stop(store, key))}.values())
        plan = decide_jobs(
            QueueSeen(
                now=now,
                active=going(store, key),
                waiting=waiting,
                known=look.known,
                trouble=look.trouble,
                gone=look.gone,
                refused=self._refused.get(key, {}),
                nodes=look.nodes,
                before=states_of(store, waiting),
                at_once=at_once,
                limit=running_limit(store, key.tenant),
            )
        )
        if plan != QueuePlan():
            # Also without a change: nothing is sent to a cluster once the lease is lost.
            ended = tuple(job for job in plan.changed if job.ended)
            change = Change(
                replace=plan.changed,
                events=tuple(_event(job, self._world) for job in ended),
                forget_secrets=tuple(job.id for job in ended if job.runtime_env.get(ENV_VARS)),
            )
            store.apply(change, now=now, fence=self._fence)
        return plan

    async def _tell(self, job: Job, asking: Awaitable[None], what: str) -> Refusal | None:
        """Ask once; what was refused. What was not answered, the next look finds out."""
        try:
            await asking
        except ClusterRefusedError as error:
            log.warning("a job was refused", extra={"job": job.id, "cause": str(error)})
            return Refusal(error.said, final=error.status == HTTPStatus.BAD_REQUEST)
        except (ClusterError, OSError, TimeoutError) as error:
            log.warning("a job did not %s", what, extra={"job": job.id, "cause": str(error)})
        return None

    async def _forget(self, key: ClusterKey) -> None:
        kept = self._ports.pop(key, None)
        if kept is not None:
            await kept[1].close()


def submission(job: Job, variables: SecretStr | None) -> dict[str, Any]:
    """The job in the words of Ray's API."""
    environment = together(job.runtime_env, variables) if variables else job.runtime_env
    return {
        "entrypoint": job.entrypoint,
        "submission_id": job.submission_id,
        "runtime_env": environment,
        "metadata": {**job.metadata, "podyard_job": job.id},
        "entrypoint_num_cpus": job.num_cpus,
        "entrypoint_num_gpus": job.num_gpus,
        "entrypoint_resources": dict(job.resources),
    }


def _event(job: Job, world: World) -> Event:
    return Event(
        at=world.clock.now(),
        actor=ACTOR,
        kind="job.ended",
        subject=f"job:{job.tenant}/{job.id}",
        new=str(job.state),
        why=job.why[:500],
    )
