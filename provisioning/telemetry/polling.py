"""The loop that reads: whose turn it is, one round, written down in batches.

It shares nothing with the controller but the records. Each BMC has a session of telemetry's own,
logged in once and used for hours; a host's round has one deadline, and while a BMC does not answer
it waits in a lane with its like. What is read never moves a host: an alarm, or an event of the BMC,
only makes the controller look sooner.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from inventory.errors import InventoryError, StaleWrite, StoreUnavailable
from inventory.model import BmcAccess, Event, Host
from inventory.readings.keeping import NOTE, BmcLine
from inventory.readings.packing import WINDOW_S
from inventory.states import HostState
from inventory.store.protocol import Change
from provisioning.drivers.capabilities import EventStream, LogEntry, LogReader, SensorReader
from provisioning.drivers.protocol import Bmc, PowerMeter
from provisioning.drivers.rounds import Round, RoundReader, named, trimmed
from provisioning.errors import CredentialsRefused, ProvisioningError, Unsupported
from provisioning.telemetry.aging import Aging
from provisioning.telemetry.alarms import Alarm, alarms
from provisioning.telemetry.listening import Intake
from provisioning.telemetry.recording import Recorder
from provisioning.telemetry.roster import Polled, polled
from provisioning.telemetry.schedule import Schedule
from provisioning.telemetry.world import World

log = logging.getLogger("podyard.telemetry")

ROSTER_S = 15.0
"""How often it is looked which hosts are read: one question to the database."""
ROSTER_AGAIN_S = 2.0
"""The least pause between two such looks, however often records change."""
TICK_S = 0.5
"""How often it is looked whose turn it is: at 10,000 hosts some eighty of them each time."""
GAP_ROUNDS = 2.5
"""One late answer is no gap, one that never came is."""
COUNTS_S = 60.0
"""How often what was counted is left for the metrics."""
LOG_OUT_S = 10.0
"""How long ending may take."""
LISTEN_AGAIN_S = 120.0
WAKE_TRIES = 3
_DOUBT = "telemetry"
"""Beside a host's state: its hardware is to be read whole at the next look."""


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
    has_stream: bool = True
    listening: asyncio.Task[None] | None = None
    listen_at: float = 0.0


class Poller:
    """Reads until it is cancelled."""

    def __init__(self, world: World) -> None:
        settings = world.settings
        self._world = world
        self._schedule = Schedule(
            every_s=settings.every_s, longest_s=settings.backoff_s, seed=settings.seed
        )
        self.recorder = Recorder(longest_s=GAP_ROUNDS * settings.every_s)
        self.intake = Intake(settings.events_per_minute, self._look_now)
        self._roster: dict[str, Polled] = {}
        self._known: dict[str, _Known] = {}
        self._at_work: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self.rounds = 0
        self.failures = 0
        self.requests = 0

    def wake(self) -> None:
        """Records changed: there may be other hosts to read."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            await self._resume()
            async with asyncio.TaskGroup() as loops:
                loops.create_task(self._keep_reading())
                loops.create_task(self._keep_writing())
                loops.create_task(Aging(self._world).run())
        except ExceptionGroup as several:
            raise several.exceptions[0] from None
        finally:
            tasks = [*self._at_work.values(), *self._listeners()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._log_out()
            with contextlib.suppress(StoreUnavailable):
                await self.write()

    async def _log_out(self) -> None:
        """A few BMCs at a time, and not for long: a session that is left expires by itself."""
        gate = asyncio.Semaphore(self._world.settings.at_once)

        async def leave(known: _Known) -> None:
            async with gate:
                await self._drop(known)

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOG_OUT_S):
                await asyncio.gather(*(leave(one) for one in self._known.values()))

    async def _resume(self) -> None:
        start = int(self._now()) // WINDOW_S * WINDOW_S
        readings = self._world.readings
        meters = await self._world.in_thread(readings.meters)
        windows = await self._world.in_thread(partial(readings.open_windows, start=start))
        self.recorder.resume(meters, windows)

    async def _keep_reading(self) -> None:
        looked = 0.0
        while True:
            now = self._now()
            pause_s = ROSTER_AGAIN_S if self._wake.is_set() else ROSTER_S
            if not 0 <= now - looked < pause_s:
                self._wake.clear()
                looked = now
                await self._follow()
            self._start_due()
            await self._world.clock.sleep(TICK_S)

    async def _keep_writing(self) -> None:
        counted = 0.0
        while True:
            await self._world.clock.sleep(self._world.settings.flush_s)
            with contextlib.suppress(StoreUnavailable):
                await self.write()
                if abs((now := self._now()) - counted) >= COUNTS_S:
                    counted = now
                    note = self._world.store.write_note
                    await self._world.in_thread(note, NOTE, self._counts())

    def _counts(self) -> str:
        """What went on, for whoever serves the metrics."""
        return json.dumps(
            {
                "rounds": self.rounds,
                "failures": self.failures,
                "requests": self.requests,
                "events": self.intake.taken,
                "dropped": self.intake.dropped,
                "let_go": self.recorder.let_go,
                "late_s": round(self._schedule.late_s(now=self._now()), 1),
            }
        )

    async def write(self) -> None:
        """Write down what was read since the last time."""
        batch = self.recorder.take()
        if not batch.windows and not batch.lines:
            return
        try:
            await self._world.in_thread(self._world.readings.write, batch)
        except StoreUnavailable as error:
            self.recorder.put_back(batch)
            log.warning("readings wait for the database", extra={"cause": str(error)})
            raise
        except Exception:  # readings that no database takes must not stop those that come
            log.exception("readings could not be written; this is a defect")

    async def _follow(self) -> None:
        """Which hosts there are to read now."""
        try:
            self._roster = await self._world.in_thread(polled, self._world.store)
        except StoreUnavailable as error:
            log.warning("the store did not answer", extra={"cause": str(error)})
            return
        for host_id in self._schedule.follow(self._roster, now=self._now()):
            self.recorder.forget(host_id)
            self.intake.forget(host_id)
            known = self._known.pop(host_id, None)
            if known is not None:
                await self._drop(known)

    def _start_due(self) -> None:
        settings = self._world.settings
        suspects = sum(self._schedule.is_suspect(host_id) for host_id in self._at_work)
        due = self._schedule.take(
            now=self._now(),
            room=max(0, settings.at_once - (len(self._at_work) - suspects)),
            suspects_room=max(0, settings.suspects_at_once - suspects),
        )
        for host_id in due:
            known = self._known.setdefault(host_id, _Known())
            task = asyncio.create_task(self._turn(self._roster[host_id], known))
            self._at_work[host_id] = task
            task.add_done_callback(partial(self._ended, host_id))

    def _ended(self, host_id: str, _task: asyncio.Task[None]) -> None:
        self._at_work.pop(host_id, None)

    async def _turn(self, who: Polled, known: _Known) -> None:
        answered = False
        try:
            async with asyncio.timeout(self._world.settings.round_s):
                answered = await self._read(who, known)
        except StoreUnavailable as error:
            answered = True  # the BMC is not to blame
            log.warning("the store did not answer", extra={"cause": str(error)})
        except (ProvisioningError, InventoryError, TimeoutError) as error:
            self.failures += 1
            await self._failed(who, known, error)
        except Exception:  # a defect in reading one host must not stop the others
            self.failures += 1
            log.exception("a round failed; this is a defect", extra={"host": who.name})
            await self._drop(known)
        finally:
            self._schedule.done(who.id, now=self._now(), answered=answered)

    async def _failed(self, who: Polled, known: _Known, error: Exception) -> None:
        if isinstance(error, CredentialsRefused) and known.host is not None:
            known.refused = known.host.bmc
        if not self._schedule.is_suspect(who.id):
            cause = type(error).__name__
            log.info("a host was not read", extra={"host": who.name, "cause": cause})
        await self._drop(known)

    async def _read(self, who: Polled, known: _Known) -> bool:
        """One round; False when there was nothing to ask."""
        bmc = await self._opened(who, known)
        if bmc is None:
            return False
        read = await read_round(bmc)
        at = self._now()
        self.rounds += 1
        self.requests += read.requests
        self.recorder.note(who.id, at, read)
        found = alarms(known.values, read.values)
        known.values = dict(read.values)
        await self._read_log(who, known, bmc, at)
        self._listen(who, known, bmc, at)
        if found:
            await self._alarm(who, found)
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

    async def _drop(self, known: _Known) -> None:
        """Log out: the next round begins anew, with the account as it is by then."""
        if known.listening is not None:
            known.listening.cancel()
            known.listening = None
        bmc, known.bmc = known.bmc, None
        if bmc is not None:
            await bmc.close()

    # -- logs and events

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

    def _listen(self, who: Polled, known: _Known, bmc: Bmc, at: float) -> None:
        if not known.has_stream or known.listening is not None or at < known.listen_at:
            return
        room = self._world.settings.streams - sum(1 for _ in self._listeners())
        if room <= 0 or not isinstance(bmc, EventStream):
            return
        known.listen_at = at + LISTEN_AGAIN_S
        known.listening = asyncio.create_task(self._hear(who, known, bmc))

    async def _hear(self, who: Polled, known: _Known, bmc: EventStream) -> None:
        """Until the BMC hangs up; it is listened to again after a while."""
        try:
            async for _ in bmc.events():
                self.intake.heard(who.id, now=self._now())
        except Unsupported:
            known.has_stream = False
        except ProvisioningError as error:
            cause = type(error).__name__
            log.info("an event stream ended", extra={"host": who.name, "cause": cause})
        finally:
            known.listening = None

    def _listeners(self) -> Iterable[asyncio.Task[None]]:
        return [one.listening for one in self._known.values() if one.listening is not None]

    def _look_now(self, host_id: str) -> None:
        """A BMC said that something happened."""
        known = self._known.get(host_id)
        if known is not None:
            known.log_due = 0.0
            self._schedule.hurry(host_id, now=self._now())

    # -- alarms

    async def _alarm(self, who: Polled, found: tuple[Alarm, ...]) -> None:
        """Tell it once and let the controller read the whole hardware now."""
        why = "; ".join(one.what for one in found)
        log.warning("alarm", extra={"host": who.name, "why": why})
        for _ in range(WAKE_TRIES):
            try:
                await self._world.in_thread(self._bring_forward, who, found)
            except StaleWrite:  # the controller wrote meanwhile
                continue
            return

    def _bring_forward(self, who: Polled, found: tuple[Alarm, ...]) -> None:
        store, now = self._world.store, self._world.clock.now()
        host = store.get(Host, who.id)
        if host is None:
            return
        events = tuple(
            Event(
                at=now,
                actor="telemetry",
                kind="host.alarm",
                subject=f"host:{host.name}",
                new=one.kind,
                why=one.what,
            )
            for one in found
        )
        doubt = host.state is HostState.READY and not host.doubt
        fresh = (host.model_copy(update={"doubt": _DOUBT, "wake_at": now}),) if doubt else ()
        store.apply(Change(replace=fresh, events=events), now=now, fence=self._world.fence)
        store.wake_hosts(now=now, host_id=host.id)

    def _now(self) -> float:
        return self._world.clock.now().timestamp()


async def read_round(bmc: Bmc) -> Round:
    """A round by the best that this driver offers."""
    if isinstance(bmc, RoundReader):
        return await bmc.round()
    values: dict[str, float] = {}
    requests = 0
    if isinstance(bmc, SensorReader):
        values = named(await bmc.sensors())
        requests += 1
    if isinstance(bmc, PowerMeter) and (watts := await bmc.power_draw_watts()) is not None:
        values["power"] = watts
        requests += 1
    return Round(values=trimmed(values), requests=requests)


def lines_of(entries: Iterable[LogEntry], seen_at: float) -> list[BmcLine]:
    """Entries as they are kept. A log that was cleared counts from one again: so the digest."""
    found: list[BmcLine] = []
    for entry in entries:
        at = entry.at.timestamp() if entry.at else None
        said = f"{at}\n{entry.severity}\n{entry.message}"
        digest = hashlib.sha256(said.encode()).hexdigest()[:16]
        found.append(
            BmcLine(
                line=f"{entry.source[:32]}/{entry.id[:40]}/{digest}",
                seen_at=seen_at,
                at=at,
                source=entry.source[:64],
                severity=entry.severity[:32],
                message=entry.message[:1000],
            )
        )
    return found
