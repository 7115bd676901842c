"""The poller in virtual time, against BMCs that answer, stay silent, refuse or flood."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from inventory.model import Host
from inventory.readings.asked import answer
from inventory.readings.keeping import Batch, Newest
from inventory.readings.packing import DAY_S, Window
from inventory.states import HostState, PowerState
from inventory.store.protocol import Change, Fence
from inventory.store.sql import SqlStore
from provisioning.bench.virtual_time import BEGINNING, VirtualClock, VirtualLoop, inline, run
from provisioning.drivers.capabilities import BmcEvent, LogEntry
from provisioning.drivers.rounds import Round, Wear
from provisioning.errors import CredentialsRefused
from provisioning.telemetry import polling
from provisioning.telemetry.aging import Aging
from provisioning.telemetry.polling import Poller
from provisioning.telemetry.roster import Polled, polled
from provisioning.telemetry.settings import TelemetrySettings
from provisioning.telemetry.world import World
from tests.migrated import fresh_store
from tests.unit.inventory.records import make_host

START = int(BEGINNING.timestamp())
FENCE = Fence("telemetry", "t", 1)


@dataclass
class FakeBmc:
    """Says what it is told to say, and counts who asks."""

    log: list[LogEntry] = field(default_factory=list)
    values: dict[str, float] = field(default_factory=lambda: {"power": 6000.0})
    dead: bool = False
    refuses: bool = False
    burst: int = 0
    rounds: int = 0
    opened: int = 0
    closed: int = 0
    logs_read: int = 0
    wears: int = 0
    wear_hangs: bool = False

    async def round(self) -> Round:
        self.rounds += 1
        if self.refuses:
            raise CredentialsRefused("no", status=401, hint="correct the account")
        if self.dead:
            await asyncio.sleep(3600)
        await asyncio.sleep(0.3)
        return Round(values=dict(self.values), requests=1)

    async def wear(self) -> Wear:
        self.wears += 1
        if self.wear_hangs:
            await asyncio.sleep(10**6)
        return Wear(values={"ecc.gpu-0": float(self.wears)}, requests=3)

    async def log_entries(self) -> tuple[LogEntry, ...]:
        self.logs_read += 1
        return tuple(self.log)

    async def events(self) -> AsyncIterator[BmcEvent]:
        for number in range(self.burst):
            yield BmcEvent(id=str(number), message_id="x", message="said")
        await asyncio.sleep(10**6)

    async def close(self) -> None:
        self.closed += 1


class Bed:
    """Some ready hosts, and the poller that reads them."""

    def __init__(self, folder: Path, hosts: int, **settings: Any) -> None:
        self.store: SqlStore = fresh_store(folder)
        made = [
            make_host(n, state=HostState.READY, power=PowerState.ON) for n in range(1, hosts + 1)
        ]
        self.store.apply(Change(insert=tuple(made)), now=BEGINNING)
        self.hosts = {host.name: host for host in made}
        self.bmcs = {host.id: FakeBmc() for host in made}
        self.settings = TelemetrySettings(**{"flush_s": 60.0, **settings})
        self.poller: Poller | None = None

    def bmc(self, name: str) -> FakeBmc:
        return self.bmcs[self.hosts[name].id]

    def run(self, seconds: float, after_s: float = 0.0) -> Poller:
        """Let it read for so long; everything it does is over afterwards."""

        async def main(loop: VirtualLoop) -> Poller:
            await asyncio.sleep(after_s)
            fence = self.store.take_lease(
                "telemetry", "t", now=BEGINNING, until=BEGINNING.replace(year=2030), alone=True
            )
            poller = Poller(self.world(loop, fence or FENCE))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(seconds):
                    await poller.run()
            return poller

        return run(main)

    def world(self, loop: VirtualLoop, fence: Fence = FENCE) -> World:
        async def open_bmc(host: Host) -> Any:
            bmc = self.bmcs[host.id]
            bmc.opened += 1
            return bmc

        return World(
            store=self.store,
            readings=self.store.readings,
            clock=VirtualClock(loop),
            open_bmc=open_bmc,
            in_thread=inline,
            settings=self.settings,
            fence=fence,
        )

    def power(self, name: str, seconds: int) -> list[float | None]:
        found = answer(
            self.store.readings,
            self.hosts[name].id,
            since=START,
            until=START + seconds,
            step_s=0,
            wanted=("power",),
        )
        return [value for column in found.columns for value in column.mean]


def test_every_host_is_read_once_a_minute_over_one_session(tmp_path: Path) -> None:
    bed = Bed(tmp_path, 8)

    poller = bed.run(1800)

    assert {bmc.opened for bmc in bed.bmcs.values()} == {1}
    assert {bmc.closed for bmc in bed.bmcs.values()} == {1}
    assert all(29 <= bmc.rounds <= 31 for bmc in bed.bmcs.values())
    wears = sum(bmc.wears for bmc in bed.bmcs.values())
    assert poller.requests == poller.rounds + 3 * wears
    told = bed.power("r1-h3", 1800)
    assert len(told) >= 29
    assert set(told) == {6000.0}


@pytest.mark.parametrize(("per_host_s", "looks"), [(0.0, 30), (1.0, 8), (60.0, 4)])
def test_a_larger_fleet_is_listed_less_often_while_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, per_host_s: float, looks: int
) -> None:
    """Records of a fleet on its way up change all the time; a list of it costs by its size."""
    monkeypatch.setattr(polling, "ROSTER_PER_HOST_S", per_host_s)
    looked: list[float] = []
    bed = Bed(tmp_path, 8)

    async def main(loop: VirtualLoop) -> None:
        fence = bed.store.take_lease(
            "telemetry", "t", now=BEGINNING, until=BEGINNING.replace(year=2030), alone=True
        )
        poller = Poller(bed.world(loop, fence or FENCE))

        def counted(store: SqlStore) -> dict[str, Polled]:
            looked.append(loop.time())
            return polled(store)

        monkeypatch.setattr(polling, "polled", counted)
        reading = asyncio.ensure_future(poller.run())
        while loop.time() < 60.0:
            poller.wake()
            await asyncio.sleep(0.5)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    run(main)
    assert abs(len(looked) - looks) <= 1


def test_what_wears_is_read_now_and_then_beside_the_rounds(tmp_path: Path) -> None:
    bed = Bed(tmp_path, 12, wear_every_s=900)

    poller = bed.run(3600)

    assert {bmc.wears for bmc in bed.bmcs.values()} == {4}
    assert poller.requests == poller.rounds + 3 * 12 * 4
    window = bed.store.readings.windows(bed.hosts["r1-h1"].id, since=START, until=START + 3600)
    told = [one for w in window for one in w.columns.get("ecc.gpu-0", []) if one is not None]
    assert told == [1, 2, 3, 4]


def test_counters_that_hang_cost_no_reading_of_the_round(tmp_path: Path) -> None:
    bed = Bed(tmp_path, 1, wear_every_s=900)
    bed.bmc("r1-h1").wear_hangs = True

    bed.run(1800)

    assert len(bed.power("r1-h1", 1800)) >= 25


def test_silent_bmcs_cost_the_others_nothing(tmp_path: Path) -> None:
    bed = Bed(tmp_path, 20, at_once=4, suspects_at_once=2, round_s=20)
    for name in ("r1-h1", "r1-h2", "r1-h3", "r1-h4", "r1-h5", "r1-h6"):
        bed.bmc(name).dead = True

    bed.run(1800)

    healthy = [bmc for bmc in bed.bmcs.values() if not bmc.dead]
    assert min(bmc.rounds for bmc in healthy) >= 28
    assert all(bmc.rounds <= 6 for bmc in bed.bmcs.values() if bmc.dead)


def test_a_refused_account_is_not_tried_again_until_it_is_another_one(tmp_path: Path) -> None:
    bed = Bed(tmp_path, 1)
    bmc = bed.bmc("r1-h1")
    bmc.refuses = True

    bed.run(2 * 3600)

    assert bmc.rounds == 1


def test_an_outage_is_a_gap_in_the_readings_and_in_the_energy(tmp_path: Path) -> None:
    bed = Bed(tmp_path, 1)
    host = bed.hosts["r1-h1"]
    bed.run(600)
    counted = bed.store.readings.meters()[host.id].joules
    bed.run(600, after_s=4200)

    assert None in bed.power("r1-h1", 4800)
    meter = bed.store.readings.meters()[host.id]
    assert meter.gaps == 1
    assert meter.gap_s > 3500
    assert meter.joules - counted < 620 * 6000


def test_a_leak_is_told_once_and_has_the_whole_host_looked_at(tmp_path: Path) -> None:
    bed = Bed(tmp_path, 1)
    bed.bmc("r1-h1").values = {"power": 6000.0, "leak.a": 2.0}

    bed.run(900)

    told = [event for event in bed.store.events() if event.kind == "host.alarm"]
    assert [(event.new, event.why) for event in told] == [("leak", "leak detector a sees liquid")]
    host = bed.store.get(Host, bed.hosts["r1-h1"].id)
    assert host is not None
    assert host.doubt == "telemetry"


def test_a_flood_of_events_brings_rounds_forward_within_the_rate(tmp_path: Path) -> None:
    bed = Bed(tmp_path, 2, events_per_minute=10)
    bed.bmc("r1-h1").burst = 5000

    poller = bed.run(600)

    assert poller.intake.taken == 10
    assert poller.intake.dropped == 4990
    assert bed.bmc("r1-h1").rounds <= 13
    assert bed.bmc("r1-h1").logs_read == 2


def test_lines_of_a_log_are_kept_once(tmp_path: Path) -> None:
    bed = Bed(tmp_path, 1, log_every_s=60)
    bed.bmc("r1-h1").log = [
        LogEntry(id="1", at=None, severity="OK", message="<script>", source="Sel")
    ]

    bed.run(1200)

    (line,) = bed.store.readings.lines(bed.hosts["r1-h1"].id, limit=10)
    assert (line.message, line.source) == ("<script>", "Sel")


@pytest.mark.parametrize(
    ("state", "power", "sessions"),
    [
        (HostState.READY, PowerState.OFF, 1),
        (HostState.BOOTING, PowerState.ON, 1),
        (HostState.MATCHING, PowerState.OFF, 0),
        (HostState.PREPARING, PowerState.ON, 0),
        (HostState.REGISTERING, PowerState.ON, 0),
        (HostState.RETIRED, PowerState.ON, 0),
    ],
)
def test_who_is_read(tmp_path: Path, state: HostState, power: PowerState, sessions: int) -> None:
    bed = Bed(tmp_path, 1)
    host = bed.hosts["r1-h1"]
    fresh = host.model_copy(update={"state": state, "power": power})
    bed.store.apply(Change(replace=(fresh,)), now=BEGINNING)

    bed.run(150)

    assert bed.bmc("r1-h1").opened == sessions


def test_a_day_that_is_over_is_rolled_up_and_old_readings_go(tmp_path: Path) -> None:
    bed = Bed(tmp_path, 1)
    host, readings = bed.hosts["r1-h1"].id, bed.store.readings
    for hour in range(4 * 24):
        window = Window(start=START + hour * 3600)
        window.add(0, {"power": 60_000 + hour})
        readings.write(Batch(windows=[(host, window, Newest(float(window.start)))]))

    async def sweep(loop: VirtualLoop) -> None:
        await asyncio.sleep(4 * DAY_S - 60)
        await Aging(bed.world(loop)).sweep()

    run(sweep)

    assert len(readings.days(host, since=0, until=10**6)) == 3
    windows = readings.windows(host, since=0, until=2**40)
    assert windows[0].start == START + 2 * DAY_S
    found = answer(
        readings, host, since=START, until=START + 4 * DAY_S, step_s=DAY_S, wanted=("power",)
    )
    assert found.columns[0].least == (6000.0, 6002.4, 6004.8, 6007.2)
    assert found.gaps == ()


def test_a_rollup_that_is_too_old_is_gone(tmp_path: Path) -> None:
    bed = Bed(tmp_path, 1, rollup_days=2)
    host, readings = bed.hosts["r1-h1"].id, bed.store.readings
    window = Window(start=START)
    window.add(0, {"power": 1})
    readings.write(Batch(windows=[(host, window, Newest(float(START)))]))

    async def sweep(loop: VirtualLoop) -> None:
        await asyncio.sleep(5 * DAY_S)
        await Aging(bed.world(loop)).sweep()

    run(sweep)

    assert readings.windows(host, since=0, until=2**40) == []
    assert readings.days(host, since=0, until=10**6) == {}
