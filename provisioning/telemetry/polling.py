"""The loop that reads: whose turn it is, one round, written down in batches.

It shares nothing with the controller but the records. Where several services share a database, each
reads the hosts that it has in hand and writes what it read of those. Each BMC has a session of
telemetry's own, logged in once and used for hours; a host's round has one deadline, and while a BMC
does not answer it waits in a lane with its like. What is read never moves a host: an alarm, or an
event of the BMC, only makes the controller look sooner.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial

from inventory.errors import FenceLost, InventoryError, StoreUnavailable
from inventory.model import BmcAccess, Host
from inventory.readings.keeping import Share
from inventory.readings.packing import WINDOW_S
from provisioning.drivers.capabilities import LogReader
from provisioning.drivers.protocol import Bmc
from provisioning.drivers.rounds import WearReader
from provisioning.errors import CredentialsRefused, ProvisioningError, Unsupported
from provisioning.telemetry.aging import Aging
from provisioning.telemetry.alarms import alarms
from provisioning.telemetry.hearing import Hearing
from provisioning.telemetry.raising import raise_alarm
from provisioning.telemetry.reading import lines_of, read_round
from provisioning.telemetry.recording import Recorder
from provisioning.telemetry.roster import Polled, polled
from provisioning.telemetry.schedule import Schedule
from provisioning.telemetry.world import World

log = logging.getLogger("podyard.telemetry")

ROSTER_S = 15.0
"""How often it is looked which hosts are read: one question to the database."""
ROSTER_AGAIN_S = 2.0
"""The least pause between two such looks, however often records change."""
ROSTER_PER_HOST_S = 0.003
"""And for each host that is read: a look costs some microseconds of each, and thousands of hosts
on their way up change records all the time."""
TICK_S = 0.5
"""How often it is looked whose turn it is: at 10,000 hosts some eighty of them each time."""
GAP_ROUNDS = 2.5
"""One late answer is no gap, one that never came is."""
COUNTS_S = 60.0
"""How often what was counted is left for the metrics."""
LOG_OUT_S = 10.0
"""How long ending may take."""
WEAR_SPREAD_S = 600.0
"""Counters are some tens of reads: after a start, BMCs are asked for theirs over this time."""


@dataclass(slots=True)
class _Known:
    """What is kept of one host between rounds."""

    host: Host | None = None
    """Without its facts: ten thousand of them would fill the memory."""
    bmc: Bmc | None = None
    refused: BmcAccess | None = None
    """The account that its BMC refused: not tried again until it is another one."""
    values: dict[str, float] = field(default_factory=dict)
    log_due: float = 0.0
    has_log: bool = True
    wear_due: float = 0.0
    """Zero until the first round said that it answers."""
    has_wear: bool = True


class Poller:
    """Reads until it is cancelled."""

    def __init__(self, world: World) -> None:
        settings = world.settings
        self._world = world
        self._schedule = Schedule(
            every_s=settings.every_s, longest_s=settings.backoff_s, seed=settings.seed
        )
        self.recorder = Recorder(longest_s=GAP_ROUNDS * settings.every_s)
        self.hearing = Hearing(world, self._look_now)
        self.intake = self.hearing.intake
        self._roster: dict[str, Polled] = {}
        self._share = Share()
        self._known: dict[str, _Known] = {}
        self._at_work: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self.rounds = 0
        self.failures = 0
        self.requests = 0

    def wake(self) -> None:
        """Records changed: there may be other hosts to read."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled. FenceLost when its lease is another one's."""
        try:
            async with asyncio.TaskGroup() as loops:
                loops.create_task(self._keep_reading())
                loops.create_task(self._keep_writing())
                loops.create_task(Aging(self._world, lambda: self._share.is_first).run())
        except ExceptionGroup as several:
            raise several.exceptions[0] from None
        finally:
            tasks = list(self._at_work.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._log_out()
            await self.hearing.close()
            with contextlib.suppress(StoreUnavailable, FenceLost):
                await self.write()

    async def _log_out(self) -> None:
        """A few BMCs at a time, and not for long: a session that is left expires by itself."""
        gate = asyncio.Semaphore(self._world.settings.at_once)

        async def leave(host_id: str, known: _Known) -> None:
            async with gate:
                await self.hearing.forget(host_id, known.bmc)
                await self._drop(host_id, known)

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOG_OUT_S):
                await asyncio.gather(*(leave(*one) for one in self._known.items()))

    async def _keep_reading(self) -> None:
        looked = 0.0
        while True:
            now = self._now()
            pause_s = self._roster_again_s() if self._wake.is_set() else ROSTER_S
            if not 0 <= now - looked < pause_s:
                self._wake.clear()
                looked = now
                await self._follow()
            self._start_due()
            await self._world.clock.sleep(TICK_S)

    def _roster_again_s(self) -> float:
        return min(ROSTER_S, max(ROSTER_AGAIN_S, ROSTER_PER_HOST_S * len(self._roster)))

    async def _keep_writing(self) -> None:
        counted = 0.0
        while True:
            await self._world.clock.sleep(self._world.settings.flush_s)
            with contextlib.suppress(StoreUnavailable):
                await self.write()
                if abs((now := self._now()) - counted) >= COUNTS_S:
                    counted = now
                    await self._leave_counts()

    async def _leave_counts(self) -> None:
        """For whoever serves the metrics, in the order of `inventory.readings.metrics`."""
        intake, hearing = self.intake, self.hearing
        said = json.dumps(
            [
                self.rounds,
                self.failures,
                self.requests,
                intake.taken,
                intake.dropped,
                intake.forged,
                intake.replayed,
                self.recorder.let_go,
                round(self._schedule.late_s(now=self._now()), 1),
                hearing.streams,
                hearing.subscriptions,
            ]
        )
        note = partial(self._world.readings.note_counts, now=self._world.clock.now())
        await self._world.in_thread(note, self._world.fence, said)

    async def write(self) -> None:
        """Write down what was read since the last time."""
        async with self._writing:  # or an older batch could be written over a newer one
            batch = self.recorder.take()
            if not batch.windows and not batch.lines:
                return
            write = partial(
                self._world.readings.write, fence=self._world.fence, now=self._world.clock.now()
            )
            try:
                await self._world.in_thread(write, batch)
            except StoreUnavailable as error:
                self.recorder.put_back(batch)
                log.warning("readings wait for the database", extra={"cause": str(error)})
                raise
            except FenceLost:  # they are another worker's hosts by now
                raise
            except Exception:  # readings that no database takes must not stop those that come
                log.exception("readings could not be written; this is a defect")

    # -- whose turn it is

    async def _follow(self) -> None:
        try:
            roster = await self._world.in_thread(polled, self._world.store)
            share = partial(self._world.readings.share, now=self._world.clock.now())
            self._share = await self._world.in_thread(share, self._world.fence, roster.keys())
            self._roster = {one: roster[one] for one in self._share.hosts}
            await self._take_up(self._roster.keys() - self._known.keys())
            for host_id in self._schedule.follow(self._roster, now=self._now()):
                await self._leave(host_id)
            if self._share.moving:
                await self.write()  # before another one begins where this one ended
                let_go = self._world.readings.let_go
                await self._world.in_thread(let_go, self._world.fence, self._share.moving)
        except StoreUnavailable as error:
            log.warning("the store did not answer", extra={"cause": str(error)})

    async def _take_up(self, fresh: Collection[str]) -> None:
        """Go on where the last worker ended."""
        if not fresh:
            return
        readings, call = self._world.readings, self._world.in_thread
        start = int(self._now()) // WINDOW_S * WINDOW_S
        meters = await call(readings.meters, fresh)
        windows = await call(partial(readings.open_windows, start=start), fresh)
        self.recorder.resume(meters, windows)
        for host_id in fresh:
            self._known[host_id] = _Known()

    async def _leave(self, host_id: str) -> None:
        """It is read no more, or by another worker."""
        if (task := self._at_work.pop(host_id, None)) is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self.recorder.forget(host_id)
        known = self._known.pop(host_id, None)
        await self.hearing.forget(host_id, known.bmc if known else None)
        if known is not None:
            await self._drop(host_id, known)

    def _start_due(self) -> None:
        settings = self._world.settings
        suspects = sum(self._schedule.is_suspect(host_id) for host_id in self._at_work)
        due = self._schedule.take(
            now=self._now(),
            room=max(0, settings.at_once - (len(self._at_work) - suspects)),
            suspects_room=max(0, settings.suspects_at_once - suspects),
        )
        for host_id in due:
            task = asyncio.create_task(self._turn(self._roster[host_id], self._known[host_id]))
            self._at_work[host_id] = task
            task.add_done_callback(partial(self._ended, host_id))

    def _ended(self, host_id: str, task: asyncio.Task[None]) -> None:
        if self._at_work.get(host_id) is task:
            del self._at_work[host_id]

    # -- one host

    async def _turn(self, who: Polled, known: _Known) -> None:
        answered = False
        try:
            async with asyncio.timeout(self._world.settings.round_s):
                answered = await self._read(who, known)
            if answered:
                await self._read_wear(who, known)
        except StoreUnavailable as error:
            answered = True  # the BMC is not to blame
            log.warning("the store did not answer", extra={"cause": str(error)})
        except (ProvisioningError, InventoryError, TimeoutError) as error:
            self.failures += 1
            await self._failed(who, known, error)
        except Exception:  # a defect in reading one host must not stop the others
            self.failures += 1
            log.exception("a round failed; this is a defect", extra={"host": who.name})
            await self._drop(who.id, known)
        finally:
            self._schedule.done(who.id, now=self._now(), answered=answered)

    async def _failed(self, who: Polled, known: _Known, error: Exception) -> None:
        if isinstance(error, CredentialsRefused) and known.host is not None:
            known.refused = known.host.bmc
        if not self._schedule.is_suspect(who.id):
            cause = type(error).__name__
            log.info("a host was not read", extra={"host": who.name, "cause": cause})
        await self._drop(who.id, known)

    async def _read(self, who: Polled, known: _Known) -> bool:
        """One round; False when there was nothing to ask."""
        bmc = await self._opened(who, known)
        if bmc is None or known.host is None:
            return False
        read = await read_round(bmc)
        at = self._now()
        self.rounds += 1
        self.requests += read.requests
        self.recorder.note(who.id, at, read)
        found = alarms(known.values, read.values)
        known.values = dict(read.values)
        await self._read_log(who, known, bmc, at)
        await self.hearing.attend(known.host, bmc, at=at)
        if found:
            await raise_alarm(self._world, who, found)
        return True

    async def _opened(self, who: Polled, known: _Known) -> Bmc | None:
        if known.bmc is not None:
            return known.bmc
        host = await self._world.in_thread(self._world.store.get, Host, who.id)
        if host is None or host.bmc == known.refused:
            return None
        known.host = host.model_copy(
            update={"facts": None, "mismatches": (), "conformance": None, "boot": None}
        )
        known.bmc = await self._world.open_bmc(known.host)
        return known.bmc

    async def _drop(self, host_id: str, known: _Known) -> None:
        """Log out: the next round begins anew, with the account as it is by then."""
        self.hearing.hang_up(host_id)
        bmc, known.bmc = known.bmc, None
        if bmc is not None:
            await bmc.close()

    async def _read_log(self, who: Polled, known: _Known, bmc: Bmc, at: float) -> None:
        """In its turn, or because something happened. Whatever it says, the round was read."""
        if not known.has_log or at < known.log_due or not isinstance(bmc, LogReader):
            return
        known.log_due = at + self._world.settings.log_every_s
        try:
            entries = await bmc.log_entries()
        except Unsupported:
            known.has_log = False
            return
        self.recorder.note_lines(who.id, lines_of(entries, at))

    async def _read_wear(self, who: Polled, known: _Known) -> None:
        """Counters of errors and wear, now and then, beside the round that was just read."""
        bmc, every_s, at = known.bmc, self._world.settings.wear_every_s, self._now()
        if not known.has_wear or not isinstance(bmc, WearReader):
            return
        if not known.wear_due:
            known.wear_due = at + self._schedule.share(who.id) * min(every_s, WEAR_SPREAD_S)
        if at < known.wear_due:
            return
        known.wear_due = at + every_s
        try:
            async with asyncio.timeout(self._world.settings.round_s):
                found = await bmc.wear()
        except Unsupported:
            known.has_wear = False
            return
        self.requests += found.requests
        self.recorder.note_beside(who.id, found.values)

    def _look_now(self, host_id: str) -> None:
        """A BMC said that something happened."""
        known = self._known.get(host_id)
        if known is not None:
            known.log_due = 0.0
            self._schedule.hurry(host_id, now=self._now())

    def _now(self) -> float:
        return self._world.clock.now().timestamp()
