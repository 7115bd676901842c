"""How long jobs are remembered that have ended: so many of each cluster, and for so many days.

A queue that runs for a year ends millions. What is forgotten goes from the records and from the
head that ran it, which would keep it in memory for ever. A job that another one still waits for
stays: whether it succeeded decides whether that one begins.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from inventory.errors import FenceLost, StaleWrite
from inventory.jobs import BEHIND, ENDED, GOING, Job
from inventory.store.protocol import PAGE_MAX, Change, Fence, Store
from inventory.store.reading import every
from runtime.cluster import ClusterError, ClusterRefusedError
from runtime.context import ClusterKey, Reach, load_cluster
from runtime.world import ClusterPort, World

log = logging.getLogger("podyard.runtime")

BATCH = 500
"""Of one cluster in one look: removing them takes some 20 ms of the database's time."""
ASKED_AT_ONCE = 8
CLUSTERS_AT_ONCE = 4
"""A head that answers slowly holds up three others at most, and the loop's end no longer."""
HEAD_LIMIT_S = 60.0
"""What a head is given to forget a batch: it takes 10 ms for each when it is idle."""


class JobKeeping:
    """Forgets jobs of all clusters of one controller."""

    def __init__(self, world: World, fence: Fence) -> None:
        self._world = world
        self._fence = fence

    async def sweep(self) -> int:
        """One batch of each cluster that has too many or too old ones; how many went."""
        places = asyncio.Semaphore(CLUSTERS_AT_ONCE)

        async def one(key: ClusterKey, ended: int) -> int:
            async with places:
                return await self._sweep(key, ended)

        found = await self._world.in_thread(self._ended)
        async with asyncio.TaskGroup() as sweeping:
            tasks = [sweeping.create_task(one(key, ended)) for key, ended in found.items()]
        return sum(task.result() for task in tasks)

    async def _sweep(self, key: ClusterKey, ended: int) -> int:
        try:
            jobs = await self._world.in_thread(self._superfluous, key, ended)
            if not jobs:
                return 0
            await self._tell(key, jobs)
            return await self._world.in_thread(self._remove, key, jobs)
        except (StaleWrite, FenceLost) as error:  # looked at again; the loop sees a lost lease
            log.info("jobs stay for now", extra={"cluster": str(key), "cause": str(error)})
            return 0

    def _ended(self) -> dict[ClusterKey, int]:
        found: dict[ClusterKey, int] = {}
        for (cluster, state), count in self._world.store.tally(Job, "cluster", "state").items():
            if state in ENDED:
                tenant, _, name = cluster.partition("/")
                key = ClusterKey(tenant, name)
                found[key] = found.get(key, 0) + count
        return found

    def _superfluous(self, key: ClusterKey, ended: int) -> tuple[Job, ...]:
        """The oldest first. Runs in a thread. FenceLost: another controller forgets them."""
        store, settings = self._world.store, self._world.settings
        store.apply(Change(), now=self._world.clock.now(), fence=self._fence)
        before = self._world.clock.now() - timedelta(days=settings.jobs_kept_days)
        too_many = min(BATCH, max(0, ended - settings.jobs_kept))
        found = superfluous(_oldest(store, key), too_many=too_many, before=before)
        if not found:
            return ()
        needed = _waited_for(store, key.tenant)
        if not needed:
            return found
        free = (job for job in _oldest(store, key, more=len(needed)) if job.id not in needed)
        return superfluous(free, too_many=too_many, before=before)

    async def _tell(self, key: ClusterKey, jobs: tuple[Job, ...]) -> None:
        """The head's memory is its own: one that does not answer keeps what it has."""
        reach = await self._world.in_thread(self._reach, key)
        if reach.dashboard is None or reach.token is None:
            return
        port = self._world.connect_cluster(reach.dashboard, reach.token)
        names = iter([name for job in jobs for name in job.submission_ids])
        try:
            async with asyncio.timeout(HEAD_LIMIT_S), asyncio.TaskGroup() as asking:
                for _ in range(ASKED_AT_ONCE):
                    asking.create_task(_forget(port, names))
        except TimeoutError:
            log.warning("a head did not forget all of its jobs", extra={"cluster": str(key)})
        finally:
            await port.close()

    def _reach(self, key: ClusterKey) -> Reach:
        return load_cluster(self._world.store, self._world.secrets, key).reach

    def _remove(self, key: ClusterKey, jobs: tuple[Job, ...]) -> int:
        """How many went. A head took its time: somebody may have come to wait for one of them."""
        needed = _waited_for(self._world.store, key.tenant)
        gone = tuple(job for job in jobs if job.id not in needed)
        change = Change(remove=gone)
        self._world.store.apply(change, now=self._world.clock.now(), fence=self._fence)
        return len(gone)


def superfluous(ended: Iterable[Job], *, too_many: int, before: datetime) -> tuple[Job, ...]:
    """Those that need not be remembered, of jobs that have ended, the oldest first."""
    return tuple(
        job
        for number, job in enumerate(ended)
        if number < too_many or (job.ended_at is not None and job.ended_at < before)
    )[:BATCH]


def _oldest(store: Store, key: ClusterKey, *, more: int = 0) -> list[Job]:
    limit = min(PAGE_MAX, BATCH + more)
    found = [
        job
        for state in sorted(ENDED)
        for job in store.find(Job, cluster=str(key), state=state.value, limit=limit)
    ]
    return sorted(found, key=lambda job: job.id)


def _waited_for(store: Store, tenant: str) -> frozenset[str]:
    """Jobs that others of the tenant wait for, or would again if they were tried again."""
    lines = (turn for (turn,) in store.tally(Job, "turn") if turn.startswith(f"{tenant}/"))
    behind = (turn for turn in lines if turn.split(" ")[1].endswith((BEHIND, GOING)))
    return frozenset(
        name for turn in behind for job in every(store, Job, turn=turn) for name in job.after
    )


async def _forget(port: ClusterPort, names: Iterable[str]) -> None:
    for name in names:
        try:
            await port.forget_job(name)
        except ClusterRefusedError as error:  # about this one: Ray keeps what it says still runs
            log.info("a head refused to forget a job", extra={"job": name, "cause": str(error)})
        except (ClusterError, OSError) as error:  # it would not answer for the others either
            log.info("a head did not forget a job", extra={"job": name, "cause": str(error)})
            return
