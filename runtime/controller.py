"""The loop of the runtime: claims first, then every cluster beside the others.

It is level-triggered: each look derives everything anew from records and reports, so a restart
resumes every claim, cluster and deployment where they are. `wake` makes it look sooner and carries
nothing. Claims only touch the store and are decided one look at a time; a cluster's step may wait
for its dashboard, so each cluster has a task of its own and one that hangs holds up nobody. Keys
and routes for the gateway, and usage from it, have tasks of their own for the same reason.

The lease is the composition root's. This loop writes under its fence and ends when it is lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

from inventory.errors import Conflict, FenceLost, StaleWrite, StoreUnavailable
from inventory.restored import watching_only
from inventory.store.protocol import Fence
from runtime.binding import Binding
from runtime.context import ClusterKey, cluster_keys
from runtime.jobkeeping import JobKeeping
from runtime.jobtending import JobTending
from runtime.metering import Metering
from runtime.routes import GatewayState
from runtime.snapshot import load_snapshot
from runtime.tending import Settled, Tending
from runtime.world import World

log = logging.getLogger("podyard.runtime")

LOOKS_APART_S = 0.2  # each job that is queued wakes it: a hundred a second are looked at together
SWEEP_EVERY_S = 30.0  # a full head ends some eight jobs a second: a batch of 500 keeps up
FAILED_PAUSE_S = 5.0  # after a defect or a lost database: long enough not to fill the log


class RuntimeController:
    """Works on claims, clusters and deployments until it is stopped or its lease is lost."""

    def __init__(self, world: World, fence: Fence) -> None:
        self._world = world
        records = asyncio.Lock()
        self._records = records
        self._binding = Binding(world.store, world.keyring, fence)
        self._tending = Tending(world, fence, records)
        self._metering = Metering(
            world.store,
            journal=world.usage_journal,
            cursor=world.usage_cursor,
            batch=world.settings.usage_batch,
        )
        self._jobs = JobTending(world, fence)
        self._ended_jobs = JobKeeping(world, fence)
        self._at_work: dict[ClusterKey, asyncio.Task[None]] = {}
        self._due: dict[ClusterKey, datetime] = {}
        self._looks_asked = 0
        self._wake = asyncio.Event()
        self._publish = asyncio.Event()
        self._meter = asyncio.Event()
        self._queue = asyncio.Event()
        self._sweep = asyncio.Event()
        self._published: GatewayState | None = None
        self._lost: FenceLost | None = None

    def wake(self) -> None:
        """Look at everything now."""
        self._all_due()
        self._wake.set()
        self._queue.set()

    async def run(self) -> None:
        """Run until cancelled. Raises FenceLost when another controller took over."""
        settings = self._world.settings
        beside = [
            asyncio.create_task(
                self._repeat(self._publish_once, self._publish, settings.snapshot_interval_s)
            ),
            asyncio.create_task(
                self._repeat(self._meter_once, self._meter, settings.usage_interval_s)
            ),
            asyncio.create_task(
                self._repeat(self._queue_once, self._queue, settings.jobs_interval_s)
            ),
            asyncio.create_task(self._repeat(self._forget_jobs, self._sweep, SWEEP_EVERY_S)),
        ]
        try:
            while True:
                await self._guarded_tick()
                if self._lost is not None:
                    raise self._lost
                await _wait(self._wake, settings.tick_s)
        finally:
            tasks = [*beside, *self._at_work.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._jobs.close()
            await self._tending.close()

    async def _guarded_tick(self) -> None:
        try:
            await self._tick()
        except FenceLost:
            raise
        except StoreUnavailable as error:  # the database is away: wait, nothing fails for it
            log.warning("the store did not answer", extra={"cause": str(error)})
        except Exception:  # a defect in one look must not end the loop: running clusters go on
            log.exception("claims could not be looked at; this is a defect")

    async def _tick(self) -> None:
        now = self._world.clock.now()
        if await self._world.in_thread(watching_only, self._world.store):
            return  # restored records may not know who has what: what runs goes on as it is
        async with self._records:
            changed = await self._world.in_thread(self._binding.step, now)
        if changed:
            self._all_due()
            self._publish.set()
        keys = await self._world.in_thread(cluster_keys, self._world.store)
        for key in self._tending.known() - keys - self._at_work.keys():
            self._due.pop(key, None)
            await self._tending.forget(key)
        for key in sorted(keys, key=lambda k: (self._due.get(k, now), k)):
            self._start(key, now)

    def _all_due(self) -> None:
        self._looks_asked += 1
        self._due.clear()

    def _start(self, key: ClusterKey, now: datetime) -> None:
        full = len(self._at_work) >= self._world.settings.clusters_at_once
        if full or key in self._at_work or self._due.get(key, now) > now:
            return
        task = asyncio.create_task(self._guarded_step(key), name=f"cluster {key}")
        self._at_work[key] = task
        task.add_done_callback(partial(self._ended, key))

    def _ended(self, key: ClusterKey, task: asyncio.Task[None]) -> None:
        del self._at_work[key]
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, FenceLost):
            self._lost = error
            self._wake.set()

    async def _guarded_step(self, key: ClusterKey) -> None:
        """One step; trouble is logged and tried again, and never reaches another cluster."""
        pause_s, asked = FAILED_PAUSE_S, self._looks_asked
        try:
            settled = await self._tending.step(key)
            pause_s = self._pause_s(settled)
        except (StaleWrite, Conflict) as error:
            log.info("cluster decided again", extra={"cluster": key, "cause": str(error)})
            pause_s = 0.0
        except FenceLost:
            raise
        except Exception:  # a defect in one cluster's step must not stop the others
            log.exception("a cluster's step failed", extra={"cluster": key})
        if asked != self._looks_asked:  # woken after it had read the records
            pause_s = 0.0
        self._due[key] = self._world.clock.now() + timedelta(seconds=pause_s)

    def _pause_s(self, settled: Settled) -> float:
        if settled.changed:
            self._publish.set()
            self._wake.set()  # one change is often the reason for the next
            return 0.0
        settings = self._world.settings
        return settings.probe_interval_s if settled.calm else settings.tick_s

    async def _publish_once(self) -> None:
        """Hand keys and routes to the gateway when they have changed."""
        state = await self._world.in_thread(
            load_snapshot, self._world.store, self._world.secrets, now=self._world.clock.now()
        )
        if state != self._published:
            self._world.gateway.publish(state)
            self._published = state

    async def _meter_once(self) -> None:
        await self._world.in_thread(self._metering.ingest)

    async def _queue_once(self) -> None:
        if not await self._world.in_thread(watching_only, self._world.store):
            await self._jobs.look()
        await asyncio.sleep(LOOKS_APART_S)

    async def _forget_jobs(self) -> None:
        if not await self._world.in_thread(watching_only, self._world.store):
            await self._ended_jobs.sweep()

    async def _repeat(
        self, work: Callable[[], Awaitable[None]], sooner: asyncio.Event, interval_s: float
    ) -> None:
        """Do it for ever, or sooner when told; a failure costs one round."""
        while True:
            try:
                await work()
            except Exception:  # these only read and publish: the last good result goes on serving
                log.exception("a background task of the runtime failed; trying again")
                await asyncio.sleep(FAILED_PAUSE_S)
            await _wait(sooner, interval_s)


async def _wait(event: asyncio.Event, limit_s: float) -> None:
    """Until the event or the limit; the event is taken.

    Not `wait_for`: up to Python 3.11 it loses a cancellation that comes together with the event,
    and the loop would then run on for ever.
    """
    try:
        async with asyncio.timeout(limit_s):
            await event.wait()
    except TimeoutError:
        return
    event.clear()
