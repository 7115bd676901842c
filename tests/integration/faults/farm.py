"""A hall of real HTTPS BMCs and the controller that brings it up, in one process and no time.

Everything between the controller and the hardware is real: driver, TLS, bytes, and the service of
the simulator with its faults. Around it stands what the faults are not about: agents that enrol and
measure by writing what the agent door would write, and a person who approves the plan. The judge is
the hall's journal and the host's record.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from inventory.agents import AcceptanceReport, BootDocument, ObservedState
from inventory.model import AgentSeen, BmcAccess, Event, Host, PlanApproval, Pod
from inventory.places import PowerFeed
from inventory.placing import Present, link_domain, places_of
from inventory.planning import hosts_not_inspected, plan_of
from inventory.secrets import SecretBox
from inventory.states import HostState
from inventory.store.memory import MemoryStore
from inventory.store.protocol import Change, Store
from inventory.store.reading import every
from pods import catalogue
from pods.acceptance import Measurement
from pods.erasing import DriveRead
from pods.firmware import image_bytes
from pods.keys import SigningKey
from pods.power import PowerPhase, reserved_watts
from pods.spec import PodSpec
from provisioning.bench.virtual_time import HardwareClock, inline, run_on
from provisioning.bmcs import BmcPool
from provisioning.boot.asking import note_asked
from provisioning.boot.media import BootDoor
from provisioning.controller import Controller
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.protocol import Bmc
from provisioning.drivers.redfish.driver import RedfishBmc
from provisioning.faultpoints import FaultPoints
from provisioning.pacing import Pacing
from provisioning.planned import planned_of
from provisioning.settings import ProvisioningSettings
from provisioning.simulator.errors import MediaUnreachable
from provisioning.simulator.hall import HallPlan
from provisioning.simulator.hardware import accelerator_ratios
from provisioning.simulator.journal import Entry, read_journal
from provisioning.simulator.launcher import HostPlace
from provisioning.simulator.process import Hall, HallSettings
from provisioning.simulator.widening import widened
from provisioning.world import PlayResult, World
from runtime.hardware import read_drives
from runtime.measuring import by_part
from tests.integration.faults.skipping import JumpingClock, SkippingLoop

POD = "field"
LIMIT_S = 2 * 3600.0
LOOKS_S = 2.0
SILENT_S = 300.0
"""Who says nothing for so long joins a later plan."""
AGENT_STARTS_S = 2.0
MEASURES_S = 10.0
CALLS_S = 20.0
"""Between two calls of an agent that has nothing to say; real ones call twice as often."""
LEASE = timedelta(days=30)


@dataclass
class Told:
    """What is left of a bring-up for the tests to judge."""

    hosts: dict[str, Host]
    journal: list[Entry]
    events: list[Event]
    seconds: dict[str, float]
    """From the beginning to the moment in which a host was ready or parked."""
    plan_seconds: float = 0.0

    def of(self, name: str, *whats: str) -> list[Entry]:
        """One host's lines of the journal."""
        return [e for e in self.journal if e["host"] == name and (not whats or e["what"] in whats)]

    def fired(self, name: str) -> set[str]:
        """The faults that struck a host."""
        return {e["fault"] for e in self.of(name, "fault.fired")}


@dataclass
class StoreMedia:
    """What the boot door would serve, without the door."""

    store: Store
    spec: PodSpec
    clock: JumpingClock

    async def fetch(self, url: str) -> bytes:
        """A boot document or a firmware image."""
        name = url.rpartition("/")[2]
        if name.endswith(".iso"):
            host = next(iter(self.store.find(Host, media_id=name.removesuffix(".iso"))), None)
            if host is None or host.boot is None:
                raise MediaUnreachable(f"{url} is gone", hint="the controller makes another")
            note_asked(self.store, host.id, host.boot.media_id, now=self.clock.now())
            document = BootDocument(
                host=host.name,
                serial=host.serial,
                controller="127.0.0.1:1",
                ca_pem="",
                token="t",
                read_drives=host.boot is not None and host.boot.purpose == "read-drives",
            )
            return document.model_dump_json().encode()
        for items in self.spec.firmware.values():
            for item in items:
                if item.image == name:
                    return image_bytes(item)
        raise MediaUnreachable(f"{url} is not there", hint="name an image of the spec")


@dataclass
class Agents:
    """What runs on hosts that booted."""

    store: Store
    clock: JumpingClock
    spec: PodSpec
    ratios: dict[str, float] = field(default_factory=dict)
    parts: dict[str, dict[str, float]] = field(default_factory=dict)
    wake: Callable[[], None] = lambda: None
    isolated: bool = True
    _lives: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _boots: dict[str, int] = field(default_factory=dict)

    async def start(self) -> None:
        """Nothing to make ready."""

    async def boot(self, place: HostPlace) -> None:
        """The operating system runs, and its agent calls in a moment."""
        await self.kill(place.name)
        document = json.loads((place.run / "boot.json").read_bytes())
        self._boots[place.name] = self._boots.get(place.name, 0) + 1
        read = None
        if document["read_drives"]:
            read = read_drives(place.run)
        self._lives[place.name] = asyncio.ensure_future(
            self._live(document["host"], place.name, read)
        )

    async def kill(self, name: str) -> None:
        """The host lost its power."""
        if (life := self._lives.pop(name, None)) is not None:
            life.cancel()

    async def attach(self, name: str, *, network: str, address: str) -> None:
        """No networks here."""

    async def detach(self, name: str) -> None:
        """No networks here."""

    async def stop(self) -> None:
        """The end."""
        for name in list(self._lives):
            await self.kill(name)

    async def _live(self, host_name: str, name: str, read: tuple[DriveRead, ...] | None) -> None:
        await self.clock.sleep(AGENT_STARTS_S)
        host = self._host(host_name)
        if host.boot is None:
            return
        media_id = host.boot.media_id
        observed = ObservedState(
            generation=0,
            boot_id=f"{name}-{self._boots[name]}",
            physical_host=name,
            agent_version="test",
            simulated=True,
            isolated=True,
            drives_read=read,
        )
        self._say(host, media_id, observed)
        said_at = self.loop_time()
        while True:
            await self.clock.sleep(LOOKS_S)
            host = self._host(host_name)
            order = host.acceptance_order if host.state is HostState.ACCEPTING else ""
            known = observed.acceptance.order_id if observed.acceptance else ""
            if order and order != known:
                await self.clock.sleep(MEASURES_S)
                report = self._report(order, name)
                observed = observed.model_copy(update={"acceptance": report})
                self._say(host, media_id, observed)
            elif self.loop_time() - said_at >= CALLS_S:
                said_at = self.loop_time()
                self._say(host, media_id, observed, news=False)

    def _report(self, order: str, name: str) -> AcceptanceReport:
        ratio = self.ratios.get(name, 1.0)
        wholes = [
            Measurement(test=floor.test, value=ratio, reference=1.0, unit="relative")
            for floor in self.spec.acceptance.floors
        ]
        parts = [one for whole in wholes for one in by_part(whole, self.parts.get(name, {}))]
        return AcceptanceReport(order_id=order, finished=True, measurements=(*wholes, *parts))

    def _host(self, name: str) -> Host:
        (found,) = self.store.find(Host, name=name)
        return found

    @staticmethod
    def loop_time() -> float:
        """Seconds on the loop's clock."""
        return asyncio.get_running_loop().time()

    def _say(
        self, host: Host, media_id: str, observed: ObservedState, *, news: bool = True
    ) -> None:
        now, before = self.clock.now(), self.store.get(AgentSeen, host.id)
        fresh = AgentSeen(
            host_id=host.id,
            media_id=media_id,
            certificate_serial=observed.boot_id,
            enrolled_at=now,
            seen_at=now,
            observed=observed,
            version=before.version if before else 1,
        )
        self.store.apply(
            Change(insert=(fresh,)) if before is None else Change(replace=(fresh,)), now=now
        )
        if news:
            self.store.wake_hosts(now=now, host_id=host.id)
            self.wake()


class Playing:
    """The base playbook, which the faults of BMCs are not about."""

    async def configure(self, host: Host, variables: dict[str, str]) -> PlayResult:
        """Converged."""
        return PlayResult(ok=bool(host.name and variables), changed=1)


Meanwhile = Callable[["Farm"], Any]


@dataclass
class Farm:
    """One hall, one controller, one bring-up."""

    directory: Path
    spec: PodSpec
    plan: HallPlan
    settings: ProvisioningSettings
    loop: SkippingLoop
    meanwhile: Meanwhile | None = None
    until: Callable[[Farm], bool] | None = None
    """When it is over; else when every host is ready or parked."""
    clock: JumpingClock = field(init=False)
    store: MemoryStore = field(init=False)
    agents: Agents = field(init=False)
    hall: Hall = field(init=False)
    pacing: Pacing = field(init=False)
    passwords: dict[str, SecretStr] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    loop_news: dict[str, datetime] = field(default_factory=dict)
    approved_at: float = 0.0

    def __post_init__(self) -> None:
        self.clock = JumpingClock(self.loop)
        self.store = MemoryStore()
        most, first = self.settings.hosts_at_once, self.settings.hosts_at_first
        self.pacing = Pacing(most=most, first=first)
        ratios = {host.name: host.clock_ratio for host in self.plan.hosts}
        parts = {host.name: accelerator_ratios(host) for host in self.plan.hosts}
        self.agents = Agents(self.store, self.clock, self.spec, ratios, parts)
        settings = HallSettings(
            state=self.directory / "hall",
            clock=HardwareClock(self.loop),
            media=StoreMedia(self.store, self.spec, self.clock),
            launcher=self.agents,
        )
        self.hall = Hall(plan=self.plan, settings=settings)

    async def run(self) -> Told:
        """Bring it up, and tell."""
        await self.hall.start()
        try:
            self._enrol()
            await self._bring_up()
        finally:
            await self.hall.stop()
        journal = read_journal(self.hall.directory / "journal.jsonl")
        return Told(self.hosts(), journal, self._events(), self.seconds, self.approved_at)

    def hosts(self) -> dict[str, Host]:
        """Every record by name."""
        return {host.name: host for host in every(self.store, Host)}

    def journal(self) -> list[Entry]:
        """What was really done so far."""
        return read_journal(self.hall.directory / "journal.jsonl")

    def _events(self) -> list[Event]:
        found: list[Event] = []
        while page := self.store.events(after=found[-1].seq if found else 0):
            found += page
        return found

    def _enrol(self) -> None:
        now = self.clock.now()
        pod = Pod(
            name=POD,
            site="here",
            spec=self.spec.identity,
            spec_digest=self.spec.digest(),
            spec_document=self.spec.model_dump(mode="json"),
            simulated=True,
            created_at=now,
        )
        told = self.hall.describe()["hosts"]
        records = [self._record(*both) for both in zip(self.plan.hosts, told, strict=True)]
        ids = {record.slot: record.id for record in records}
        places = places_of(self.spec, pod, present=Present(), host_ids=ids)
        feeds = [one for one in places if isinstance(one, PowerFeed)]
        self.store.apply(Change(insert=(pod, *records, *feeds)), now=now)

    def _record(self, plan: Any, told: dict[str, Any]) -> Host:
        self.passwords[plan.name] = SecretStr(told["password"])
        now = self.clock.now()
        spots = self.spec.slots()
        slot = next(one for rack, one in spots if (rack.name, one.slot) == (plan.rack, plan.slot))
        return Host(
            id=plan.uuid,
            name=plan.name,
            pod=POD,
            slot=plan.slot,
            rack=plan.rack,
            position=plan.unit,
            feed=plan.feed,
            feed_b=slot.feed_b or "",
            link_domain=link_domain(
                self.spec, slot.host_type, rack=plan.rack, pod=POD, host=plan.name
            ),
            host_type=slot.host_type,
            simulated=True,
            state_since=now,
            target="ready",
            serial=told["serial"],
            bmc=BmcAccess(
                address=told["bmc"], fingerprint=told["fingerprint"], username=told["username"]
            ),
            wake_at=now,
            reserved_watts=int(reserved_watts(plan.host_type.power, PowerPhase.STANDBY)),
        )

    async def _bring_up(self) -> None:
        fence = self.store.take_lease(
            "provisioning", "farm", now=self.clock.now(), until=self.clock.now() + LEASE, alone=True
        )
        assert fence is not None
        controller = Controller(self._world(), fence)
        self.agents.wake = controller.wake
        work = [controller.run(), self._approve()]
        if self.meanwhile is not None:
            work.append(self.meanwhile(self))
        tasks = [asyncio.ensure_future(one) for one in work]
        try:
            await self._watch(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self, tasks: Sequence[asyncio.Future[Any]]) -> None:
        while self.loop.time() < LIMIT_S:
            await self.clock.sleep(LOOKS_S)
            for task in tasks:
                if task.done():
                    task.result()
            rest = [host for host in self.hosts().values() if not rests(host)]
            resting = self.hosts().keys() - {host.name for host in rest}
            for name in resting - self.seconds.keys():
                self.seconds[name] = self.loop.time()
            if self.until is not None and self.until(self):
                return
            if self.until is None and not rest:
                return
        raise AssertionError(f"after {LIMIT_S:.0f} s still under way: {self._under_way()}")

    def _under_way(self) -> dict[str, Any]:
        return {
            host.name: (host.state, host.waiting, host.problem)
            for host in self.hosts().values()
            if not rests(host)
        }

    async def _approve(self) -> None:
        """A person who waits until every host was looked at, or was silent for long.

        Once in a while they look again, for whoever spoke only after that.
        """
        while self.loop.time() < SILENT_S:
            await self.clock.sleep(LOOKS_S)
            if not hosts_not_inspected(list(self.hosts().values())):
                break
        self.approve_plan()
        while True:
            await self.clock.sleep(SILENT_S)
            if self._unplanned():
                self.approve_plan()

    def _unplanned(self) -> list[str]:
        """Who is fit and in no plan."""
        pod = self.store.get(Pod, POD)
        planned = planned_of(pod.plan if pod else None).hosts
        return [
            host.name
            for host in self.hosts().values()
            if host.state is HostState.MATCHING and host.name not in planned
        ]

    def approve_plan(self) -> None:
        """What `podyard pod up` writes."""
        pod, now = self.store.get(Pod, POD), self.clock.now()
        assert pod is not None
        plan = plan_of(pod, self.spec, list(self.hosts().values()))
        approval = PlanApproval(by="test", plan_digest=plan.digest, at=now)
        running = {"plan": plan, "bring_up": "running", "approval": approval}
        self.store.apply(Change(replace=(pod.model_copy(update=running),)), now=now)
        self.store.wake_hosts(now=now, pod=POD)
        self.approved_at = self.loop.time()

    def want(self, target: str) -> None:
        """What `podyard host want` writes, for every host."""
        now = self.clock.now()
        for host in self.hosts().values():
            wanted = host.model_copy(update={"target": target, "wake_at": now})
            self.store.apply(Change(replace=(wanted,)), now=now)
        self.agents.wake()

    def _world(self) -> World:
        return World(
            store=self.store,
            secrets=SecretBox(hashlib.sha256(b"farm").digest()),
            clock=self.clock,
            bmcs=BmcPool(self._open, self._password),
            door=BootDoor("https://door.invalid", "127.0.0.1:1", ca_pem=""),
            player=Playing(),
            signing_key=_key("production"),
            simulated_key=_key("simulated"),
            settings=self.settings,
            faults=FaultPoints(),
            in_thread=inline,
            pacing=self.pacing,
            loop_news=self.loop_news,
        )

    async def _open(self, host: Host, password: SecretStr) -> Bmc:
        # Not by `choose`: facts must carry this loop's time, not the machine's.
        return RedfishBmc.connect(
            host.bmc.address,
            Credentials(username=host.bmc.username, password=password),
            fingerprint=host.bmc.fingerprint,
            deadline_s=self.settings.bmc_deadline_s,
            expected_serial=host.serial,
            ca_file=None,
            clock=self.clock.now,
            ear=self.pacing.ear(host),
        )

    async def _password(self, host: Host) -> SecretStr:
        return self.passwords[host.name]


def rests(host: Host) -> bool:
    """Ready without a problem, or only a person can move it."""
    if host.problem is not None:
        return host.problem.parked
    return host.state is HostState.READY


def _key(purpose: Any) -> SigningKey:
    seed = hashlib.sha256(f"farm {purpose}".encode()).digest()
    return SigningKey(Ed25519PrivateKey.from_private_bytes(seed), purpose=purpose)


def roomy(spec: PodSpec, **changes: Any) -> PodSpec:
    """The same design with watts for everybody and no brake: these hosts are meant to fail."""
    feeds = {
        name: feed.model_copy(update={"rated_amps": feed.rated_amps * 100})
        for name, feed in spec.feeds.items()
    }
    brave = spec.bring_up.model_copy(update={"stop_share": 1.0})
    return spec.model_copy(update={"feeds": feeds, "bring_up": brave, **changes})


def lab(hosts: int) -> PodSpec:
    """So many lab hosts."""
    return roomy(widened(catalogue.load("lab-4"), hosts=hosts))


def bring_up(
    directory: Path,
    spec: PodSpec,
    faults: Sequence[Any],
    *,
    seed: int = 7,
    meanwhile: Meanwhile | None = None,
    until: Callable[[Farm], bool] | None = None,
    **settings: Any,
) -> Told:
    """One bring-up from the first look to the last host's rest."""
    plan = HallPlan.from_spec(spec, seed=seed, faults=faults)
    quick = ProvisioningSettings(**{"update_allowed_s": 300.0, **settings})

    async def main(loop: SkippingLoop) -> Told:
        return await Farm(directory, spec, plan, quick, loop, meanwhile, until).run()

    return run_on(SkippingLoop(), main)
