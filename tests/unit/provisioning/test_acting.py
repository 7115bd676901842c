"""What the controller writes around an act that cannot be undone, on the real store.

The BMC is scripted by hand here because only its answers matter; what BMCs really do is tried on
the simulated hall.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest
from pydantic import SecretStr

from inventory.errors import FenceLost, StaleWrite
from inventory.holding import NOTE
from inventory.model import Host, Intent
from inventory.states import HostState
from inventory.store.protocol import Change, Fence
from inventory.store.sql import SqlStore
from pods.plan import PlannedHost, plan_bring_up
from pods.planned import Plan
from provisioning.acting import Acting
from provisioning.bmcs import BmcPool
from provisioning.boot.media import BootDoor
from provisioning.context import Context
from provisioning.drivers.protocol import BmcIdentity, TaskPhase, TaskReading
from provisioning.errors import BmcBusy
from provisioning.faultpoints import FaultPoints
from provisioning.lifecycle.actions import RecordWritten, ReservePower, UpdateFirmware
from provisioning.livepod import LivePod
from provisioning.poddesign import design_of
from provisioning.rooms import UNSEEN_MAX
from provisioning.settings import ProvisioningSettings
from provisioning.world import World
from tests.make import NOW, lab, make_boot, make_host, make_pod, make_seen, make_wanted
from tests.unit.provisioning.hands import Hands

ACTION = UpdateFirmware(lab().firmware["lab-cpu"][0])
OLD = {"BIOS": "2.3.0"}


@dataclass
class FlashingBmc:
    """Counts updates. `meanwhile` happens while it says who it is."""

    clock: Hands
    flashes: int = 0
    meanwhile: list[Any] = field(default_factory=list)
    reads: dict[str, str] = field(default_factory=lambda: dict(OLD))
    closed: int = 0

    async def identity(self) -> BmcIdentity:
        """The lab host's."""
        for happening in self.meanwhile:
            happening()
        return BmcIdentity(serial="S1", uuid="u-1", manufacturer="", model="", bmc_firmware="")

    async def firmware(self) -> dict[str, str]:
        """Behind, unless it is said otherwise."""
        return self.reads

    async def update_firmware(self, component: str, image: str) -> str:
        """One more flash."""
        assert component in image.upper()
        self.flashes += 1
        return "/task/1"

    async def update_tasks(self) -> tuple[TaskReading, ...]:
        """None."""
        return ()

    async def close(self) -> None:
        """One session less."""
        self.closed += 1


@dataclass
class Stage:
    """A store with one host, a lease, and the hands that act."""

    store: SqlStore
    clock: Hands
    bmc: FlashingBmc
    acting: Acting
    fence: Fence
    turned_away: list[str] = field(default_factory=list)
    """Whom the image server has no place for."""

    def host(self) -> Host:
        """The record as it is."""
        found = self.store.get(Host, "host-1")
        assert found is not None
        return found

    def intents(self) -> list[Intent]:
        """What was written down."""
        return self.store.find(Intent, host_id="host-1")

    def update(self, *tasks: TaskReading) -> None:
        """One pass over an update that is wanted."""
        context = Context(
            pod=make_pod(),
            spec=lab(),
            wanted=make_wanted(),
            agent=None,
            intents=tuple(self.intents()),
            units=(),
        )
        seen = make_seen(now=self.clock.now(), firmware=OLD, tasks=tasks)
        asyncio.run(self.acting.perform(self.host(), ACTION, seen, context, reason="behind"))

    def context(self, around: LivePod | None = None) -> Context:
        """Of the host, in a pod of which everything or nothing is known."""
        return Context(
            pod=make_pod(plan=lab_plan()),
            spec=lab(),
            wanted=make_wanted(),
            agent=None,
            intents=(),
            units=(),
            around=around,
        )

    def waits_on(self, around: LivePod) -> bool:
        """Whether it goes on waiting without a question to its BMC."""
        return asyncio.run(self.acting.waits_on(self.host(), self.context(around)))

    def reserve(self, watts: int, around: LivePod | None = None) -> Host:
        """Ask for watts; the record afterwards."""
        context = self.context(around)
        asked = self.acting.perform(
            self.host(), ReservePower(watts), make_seen(), context, reason="power-on"
        )
        asyncio.run(asked)
        return self.host()

    def add_peer(self, slot: str, **fields: Any) -> None:
        """Another host of the pod."""
        peer = make_host(id=slot, name=slot, slot=slot, serial=slot, **fields)
        self.store.apply(Change(insert=(peer,)), now=NOW)


def lab_plan() -> Plan:
    """Wave by wave: r1-h1, then r1-h2 and r1-h3, then r1-h4."""
    hosts = [PlannedHost(name=slot.slot, slot=slot.slot) for _, slot in lab().slots()]
    return plan_bring_up(lab(), pod="lab", hosts=hosts)


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A host in preparing, its controller's lease valid for a minute."""
    store, clock = SqlStore.open("sqlite://"), Hands()
    store.apply(Change(insert=(make_host(state=HostState.PREPARING),)), now=NOW)
    until = NOW + timedelta(minutes=1)
    fence = store.take_lease("provisioning", "me", now=NOW, until=until, alone=False)
    assert fence is not None
    bmc = FlashingBmc(clock)
    turned_away: list[str] = []

    async def opened(_host: Host, _password: SecretStr) -> Any:
        return bmc

    async def password(_host: Host) -> SecretStr:
        return SecretStr("x")

    async def here(call: Any, /, *args: Any, **kwargs: Any) -> Any:
        return call(*args, **kwargs)

    world = World(
        store=store,
        secrets=cast("Any", None),
        clock=clock,
        bmcs=BmcPool(opened, password),
        door=BootDoor("https://127.0.0.1:1", "127.0.0.1:1", ""),
        player=cast("Any", None),
        signing_key=cast("Any", None),
        simulated_key=cast("Any", None),
        settings=ProvisioningSettings(),
        faults=FaultPoints(),
        in_thread=cast("Any", here),
        image_turned_away=lambda host_id: host_id in turned_away,
    )
    yield Stage(store, clock, bmc, Acting(world, fence), fence, turned_away)
    store.close()


def test_the_intent_is_written_and_the_task_noted(stage: Stage) -> None:
    stage.update()

    (intent,) = stage.intents()
    assert (intent.state, intent.arguments["task"], stage.bmc.flashes) == ("open", "/task/1", 1)


def test_a_lease_that_was_lost_while_the_host_said_who_it_is_stops_the_act(stage: Stage) -> None:
    def taken_over() -> None:
        later = NOW + timedelta(minutes=2)
        until = later + timedelta(minutes=1)
        assert stage.store.take_lease("provisioning", "other", now=later, until=until, alone=False)

    stage.bmc.meanwhile.append(taken_over)

    with pytest.raises(FenceLost):
        stage.update()
    assert stage.bmc.flashes == 0


def test_a_wish_that_came_meanwhile_stops_the_act(stage: Stage) -> None:
    def wanted_elsewhere() -> None:
        fresh = stage.host().model_copy(update={"target": "enrolled"})
        stage.store.apply(Change(replace=(fresh,)), now=NOW)

    stage.bmc.meanwhile.append(wanted_elsewhere)

    with pytest.raises(StaleWrite):
        stage.update()
    assert stage.bmc.flashes == 0


def test_a_process_that_was_paused_too_long_does_not_act(stage: Stage) -> None:
    def paused() -> None:
        stage.clock.at += timedelta(seconds=30)

    stage.bmc.meanwhile.append(paused)

    with pytest.raises(BmcBusy):
        stage.update()
    assert stage.bmc.flashes == 0


def test_a_failed_update_is_parked_in_the_same_change(stage: Stage) -> None:
    """Between two changes a restart would find no open intent, and flash again."""
    stage.update()
    failed = TaskReading(uri="/task/1", phase=TaskPhase.FAILED, message="bad image")
    stage.clock.at += timedelta(seconds=1)

    stage.update(failed)

    (intent,) = stage.intents()
    problem = stage.host().problem
    assert intent.state == "failed"
    assert problem is not None
    assert problem.parked
    assert stage.bmc.flashes == 1


def test_a_task_that_was_seen_running_and_is_gone_is_never_flashed_again(stage: Stage) -> None:
    stage.update()
    running = TaskReading(uri="/task/1", phase=TaskPhase.RUNNING, percent=40)
    stage.update(running)
    stage.clock.at += timedelta(seconds=59)

    stage.update()

    assert stage.bmc.flashes == 1
    assert stage.host().problem is None


def purge(stage: Stage) -> None:
    """As long passes as an update may take; the BMC answered meanwhile, and shows no task."""
    (intent,) = stage.intents()
    long_ago = (stage.clock.now() - timedelta(hours=1)).isoformat()
    facts = {"touched_at": long_ago, "looked_at": stage.clock.now().isoformat()}
    arguments = {**intent.arguments, **facts}
    old = intent.model_copy(update={"arguments": arguments})
    stage.store.apply(Change(replace=(old,)), now=NOW)
    stage.update()


def test_a_purged_task_is_followed_by_one_more_try_in_a_fresh_session(stage: Stage) -> None:
    stage.update()
    purge(stage)

    (intent,) = stage.intents()
    assert (intent.state, intent.arguments["retried"], stage.bmc.flashes) == ("open", True, 2)
    assert stage.bmc.closed == 1

    purge(stage)

    problem = stage.host().problem
    assert problem is not None
    assert problem.parked
    assert "BIOS is still 2.3.0, not 2.4.1" in problem.message
    assert stage.bmc.flashes == 2


def test_a_second_try_that_a_crash_cut_short_is_not_begun_again(stage: Stage) -> None:
    def killed() -> None:
        raise KeyboardInterrupt

    stage.update()
    stage.bmc.meanwhile.append(killed)
    with pytest.raises(KeyboardInterrupt):
        purge(stage)
    stage.bmc.meanwhile.clear()
    purge(stage)

    problem = stage.host().problem
    assert problem is not None
    assert problem.parked
    assert stage.bmc.flashes == 1


def test_a_fresh_session_that_reads_the_new_version_is_believed(stage: Stage) -> None:
    stage.update()
    stage.bmc.reads = {"BIOS": "2.4.1"}

    purge(stage)

    assert stage.bmc.flashes == 1
    assert stage.host().problem is None


def test_a_hold_lets_no_second_try_begin_and_costs_it_nothing(stage: Stage) -> None:
    stage.update()
    stage.store.write_note(NOTE, '{"reason": "smoke"}')
    purge(stage)

    assert stage.bmc.flashes == 1
    assert stage.intents()[0].state == "open"
    assert "hold" in stage.host().waiting

    stage.store.write_note(NOTE, "")
    purge(stage)
    assert stage.bmc.flashes == 2


def test_a_try_that_our_image_server_had_no_place_for_is_not_counted(stage: Stage) -> None:
    """A BMC that is told to come back says that the image never arrived."""
    lost = TaskReading(uri="/task/1", phase=TaskPhase.FAILED, nothing_written=True)
    stage.turned_away.append("host-1")
    for _ in range(5):
        stage.update()
        stage.update(lost)
    assert stage.host().problem is None
    asked = stage.bmc.flashes

    stage.turned_away.clear()
    for _ in range(3):
        stage.update(lost)
    assert stage.bmc.flashes == asked + 2
    problem = stage.host().problem
    assert problem is not None
    assert problem.parked


def test_a_component_that_went_back_is_named_beside_the_one_that_lied(stage: Stage) -> None:
    other = lab().firmware["lab-cpu"][1]
    stage.update()
    (intent,) = stage.intents()
    step = UpdateFirmware(other).step
    done = intent.model_copy(update={"id": "done", "step": step, "state": "done"})
    stage.store.apply(Change(insert=(done,)), now=NOW)
    stage.clock.at += timedelta(seconds=30)

    stage.update(TaskReading(uri="/task/1", phase=TaskPhase.DONE))

    problem = stage.host().problem
    assert problem is not None
    assert "BIOS is still 2.3.0, not 2.4.1" in problem.message
    assert f"{other.component} is unknown again, not {other.version}" in problem.message


def test_watts_that_the_feed_has_are_on_record_before_anything_draws_them(stage: Stage) -> None:
    assert (stage.reserve(1200).reserved_watts, stage.host().waiting) == (1200, "")


def test_a_full_feed_makes_a_host_wait_and_says_by_how_many_watts(stage: Stage) -> None:
    for n in (2, 3, 4):
        stage.add_peer(f"r1-h{n}", state=HostState.READY, reserved_watts=1000)

    host = stage.reserve(1200)

    assert host.reserved_watts == 20
    assert host.waiting == (
        "waiting for power: feed a carries 3000 W of 3680 W; r1-h1 needs 1200 W, "
        "520 W more than is left"
    )


def note_all(pod: LivePod, hosts: list[Host]) -> None:
    """As if they had just been read, and there were no others."""
    pod.read(hosts, there={host.id for host in hosts}, at=NOW)


def test_who_waits_for_watts_goes_on_waiting_without_a_question_to_its_bmc(stage: Stage) -> None:
    pod = make_pod(plan=lab_plan())
    around = LivePod(pod, design_of(pod))
    peers = []
    for name in ("r1-h2", "r1-h3", "r1-h4"):
        stage.add_peer(name, state=HostState.READY, reserved_watts=1000)
        peers.append(stage.store.find(Host, name=name)[0])
    note_all(around, [stage.host(), *peers])
    assert not stage.waits_on(around), "it asked for nothing yet"
    waiting = stage.reserve(1200, around)
    assert waiting.waiting.startswith("waiting for power: feed a carries 3000 W")

    stage.clock.at = NOW + timedelta(seconds=30)
    assert stage.waits_on(around)
    assert stage.host().version == waiting.version + 1
    assert stage.host().wake_at == NOW + timedelta(seconds=90)

    stage.clock.at = NOW + timedelta(seconds=40)
    gone = peers[0].model_copy(update={"reserved_watts": 20, "version": 2})
    still = LivePod(pod, design_of(pod))
    note_all(still, [stage.host(), gone, *peers[1:]])
    assert not stage.waits_on(still), "there is room: its BMC is asked, and the store"
    stage.clock.at = NOW + timedelta(seconds=45)
    assert stage.waits_on(around)


def test_a_host_that_was_not_seen_for_minutes_is_looked_at_again(stage: Stage) -> None:
    pod = make_pod(plan=lab_plan())
    around = LivePod(pod, design_of(pod))
    stage.add_peer("r1-h2", state=HostState.READY, reserved_watts=3000)
    note_all(around, [stage.host(), *stage.store.find(Host, name="r1-h2")])
    stage.reserve(1200, around)
    for seconds in (15, 30, 45):
        stage.clock.at = NOW + timedelta(seconds=seconds)
        assert stage.waits_on(around)
    until = NOW + timedelta(hours=1)
    assert stage.store.renew_lease(stage.fence, now=stage.clock.at, until=until)
    stage.clock.at = NOW + UNSEEN_MAX
    assert not stage.waits_on(around)


def test_a_host_waits_for_one_of_an_earlier_wave_on_its_feed(stage: Stage) -> None:
    mine = stage.host()
    stage.store.apply(
        Change(replace=(mine.model_copy(update={"name": "r1-h4", "slot": "r1-h4"}),)), now=NOW
    )
    stage.add_peer("r1-h2", state=HostState.PREPARING)

    host = stage.reserve(1200)

    assert host.reserved_watts == 20
    assert "wave 3 starts after r1-h2 (wave 2, preparing)" in host.waiting


def test_watts_are_given_back_without_asking(stage: Stage) -> None:
    stage.add_peer("r1-h2", state=HostState.READY, reserved_watts=9000)
    assert stage.reserve(0).reserved_watts == 0


def test_two_pods_on_one_feed_are_added_up(stage: Stage) -> None:
    other = make_pod(name="other", plan=None)
    stage.store.apply(Change(insert=(make_pod(plan=lab_plan()), other)), now=NOW)
    strangers = [
        make_host(
            id=f"o{n}", name=f"o{n}", slot=f"r1-h{n}", serial=f"o{n}", pod="other",
            state=HostState.READY, reserved_watts=1000,
        )
        for n in range(1, 4)
    ]  # fmt: skip
    stage.store.apply(Change(insert=tuple(strangers)), now=NOW)
    refused = stage.reserve(1200)
    assert refused.reserved_watts == 20
    assert "feed a carries 3000 W of 3680 W" in refused.waiting
    stage.store.apply(Change(remove=(strangers[0],)), now=NOW)
    assert stage.reserve(1200).reserved_watts == 1200


def test_recording_twice_that_a_disk_is_written_ends_the_same(stage: Stage) -> None:
    """The second run is one whose record was lost: the same tries, whatever stands there."""
    written = make_boot(purpose="deploy", tries=1)
    stage.store.apply(
        Change(replace=(stage.host().model_copy(update={"boot": written}),)), now=stage.clock.now()
    )
    ends = []
    for _ in range(2):
        done = stage.acting.perform(
            stage.host(), RecordWritten(1), make_seen(), stage.context(), reason="image is on vda"
        )
        asyncio.run(done)
        ends.append(stage.host().boot)
    assert ends[0] == ends[1]
    assert ends[0] is not None
    assert (ends[0].purpose, ends[0].tries, ends[0].powered_at) == ("disk", 1, None)
