"""A bring-up of thousands of hosts in virtual time, by the controller that serves real ones.

Controller, deciders, guarded actions, admission and records run unchanged; what is virtual is the
time, the wire and the hardware. Nothing in it asks a clock or a random source of the machine, so
a seed names a run, and the digest of the hall's journal proves that it was the same run.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from inventory.model import BootPurpose, BootRecord, Host
from inventory.roster import Alone
from inventory.secrets import SecretBox
from inventory.states import HostState
from inventory.store.memory import MemoryStore
from inventory.store.protocol import Change, Fence
from pods.erasing import EraseMethod
from pods.keys import SigningKey
from provisioning.bench.agents import Agents
from provisioning.bench.bmc import InProcessBmc, VirtualBmc
from provisioning.bench.design import (
    HOSTS_PER_POD,
    Fleet,
    PodDesign,
    design,
    host_record,
    pod_record,
)
from provisioning.bench.host import NOWHERE, CatalogueMedia, HeardJournal, NoLauncher, VirtualHost
from provisioning.bench.judge import Judge, Limits
from provisioning.bench.people import Person
from provisioning.bench.virtual_time import HardwareClock, VirtualClock, VirtualLoop, inline, run
from provisioning.bench.weather import WEATHER, Dice
from provisioning.bmcs import BmcPool
from provisioning.boot.media import TOKEN_VALID, BootDoor, Medium, hash_token
from provisioning.controller import Controller
from provisioning.drivers.protocol import Bmc
from provisioning.faultpoints import FaultPoints
from provisioning.settings import ProvisioningSettings
from provisioning.simulator.host import World as HallWorld
from provisioning.simulator.timings import Timings
from provisioning.world import PlayResult, World

LIMIT_S = 48 * 3600.0
"""Virtual: a bring-up that takes two days will not end by itself."""
CONFIGURE_S = (5.0, 15.0)
CONFIGURE_FAILS = 0.01
UPDATE_ALLOWED_S = 180.0
"""Hardware here takes seconds where real one takes minutes, and the allowed time shrinks alike."""
LEASE = timedelta(days=30)
TELLS_EVERY_S = 5.0
"""Virtual."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to run."""

    hosts: int
    seed: int = 1
    faults: str = "field"
    black_holed: float = 0.0
    """Share of the hosts whose BMC answers nothing, ever."""
    controllers: int = 1
    """How many share the fleet, pod by pod, each in a process of its own with records of its own.
    Fewer where there are fewer pods: nothing of a run depends on the machine that it runs on."""
    pod_hosts: int = HOSTS_PER_POD


@dataclass(frozen=True, slots=True)
class Part:
    """One controller's share of a fleet: every so manieth pod."""

    number: int = 0
    of: int = 1

    def share(self, limit: int) -> int:
        """Its share of what the whole site may do at once: shares never add up to more."""
        return max(1, limit // self.of)


class WatchedStore(MemoryStore):
    """A store that tells when a host came to rest."""

    def __init__(self, rests: Callable[[Host], None]) -> None:
        super().__init__()
        self._rests = rests
        self.writes = 0

    def apply(self, change: Change, *, now: datetime, fence: Fence | None = None) -> None:
        """As every store; then whoever waits hears of it."""
        super().apply(change, now=now, fence=fence)
        self.writes += 1
        for record in change.replace:
            if type(record) is Host:
                self._rests(record)


class InMemory(Alone):
    """Every due host is this controller's; those at work are not even looked at."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self._memory = store

    def due(
        self,
        now: datetime,
        *,
        room: int,
        busy: Collection[str],
        rested: Collection[str],  # noqa: ARG002 - there is nobody to let go of them for
        holding: Collection[str] = (),  # noqa: ARG002 - there is room for everybody
    ) -> list[Host]:
        """The longest due first."""
        return self._memory.due_besides(busy, now=now, limit=room)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeededDoor(BootDoor):
    """Media whose names and tokens follow from the seed: they protect nothing here."""

    seed: str
    _made: itertools.count[int] = field(default_factory=itertools.count)

    def make_medium(
        self,
        *,
        now: datetime,
        tries: int,
        purpose: BootPurpose = "",
        silence: str = "",
        disk_gib: int = 0,
        erase: tuple[EraseMethod, ...] = (),
    ) -> Medium:
        """As the real one, without a random source."""
        drawn = hashlib.sha256(f"{self.seed}/{next(self._made)}".encode()).hexdigest()
        media_id, token = drawn[:32], drawn[32:]
        record = BootRecord(
            media_id=media_id,
            media_url=f"{self.base_url}/boot/v1/media/{media_id}.iso",
            token_hash=hash_token(token),
            expires_at=now + TOKEN_VALID,
            tries=tries,
            purpose=purpose,
            silence=silence,
            disk_gib=disk_gib,
            erase=erase,
        )
        return Medium(record, SecretStr(token))


@dataclass(slots=True)
class VirtualPlayer:
    """The base playbook: it takes a while, and fails now and then."""

    clock: VirtualClock
    seed: int
    _runs: Counter[str] = field(default_factory=Counter)
    """By host."""

    async def configure(
        self,
        host: Host,
        variables: dict[str, str],  # noqa: ARG002 - it configures nothing
    ) -> PlayResult:
        """Converges, as the real one does."""
        self._runs[host.name] += 1
        luck = random.Random(f"{self.seed}/{host.name}/run/{self._runs[host.name]}")  # noqa: S311 - a seed names a run
        await self.clock.sleep(luck.uniform(*CONFIGURE_S))
        if luck.random() < CONFIGURE_FAILS:
            return PlayResult(ok=False, changed=0, task="install packages", output="mirror away")
        return PlayResult(ok=True, changed=7)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    hosts: int
    ready: int
    parked: int
    virtual_s: float


@dataclass(frozen=True, slots=True)
class Run:
    """How a run ended."""

    said: dict[str, Any]
    ready_at_s: list[float]
    """When each host that is ready got there, in order."""


@dataclass(slots=True)
class Bench:
    """One run."""

    wish: Wish
    loop: VirtualLoop
    fleet: Fleet
    settings: ProvisioningSettings
    part: Part = Part()
    heard: Callable[[Progress], None] = lambda _progress: None
    """Told now and then how far it is."""
    clock: VirtualClock = field(init=False)
    judge: Judge = field(init=False)
    store: WatchedStore = field(init=False)
    agents: Agents = field(init=False)
    hosts: dict[str, VirtualHost] = field(default_factory=dict)
    bmcs: dict[str, VirtualBmc] = field(default_factory=dict)
    ready_at_s: dict[str, float] = field(default_factory=dict)
    parked: dict[str, str] = field(default_factory=dict)
    """Host to the kind of its problem."""
    helped: int = 0
    _specs: dict[str, Any] = field(default_factory=dict)
    _broken: dict[str, str] = field(default_factory=dict)
    _waited_for: set[str] = field(default_factory=set)
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Build the hall and the records."""
        self.clock = VirtualClock(self.loop)
        self.judge = Judge(
            self.fleet.budgets,
            Limits(
                rack=self.settings.destructive_per_rack,
                feed=self.settings.destructive_per_feed,
                site=max(
                    self.settings.destructive_per_site,
                    int(self.settings.destructive_share_of_site * sum(1 for _ in self.fleet.hosts)),
                ),
            ),
            {plan.name: (plan.rack, plan.feed) for _, plan in self.fleet.hosts},
        )
        self.store = WatchedStore(self._rests)
        self.agents = Agents(
            store=self.store,
            clock=self.clock,
            wake=lambda: None,
            seed=self.wish.seed,
            ids={},
            floors={pod.name: pod.spec.acceptance.floors for pod in self.fleet.pods},
        )
        for pod in self.fleet.pods:
            self._build_pod(pod)
        self._black_hole()

    def _build_pod(self, pod: PodDesign) -> None:
        now = self.clock.now()
        hall = HallWorld(
            clock=HardwareClock(self.loop),
            timings=Timings(),
            journal=HeardJournal(NOWHERE, hear=self.judge.hear),
            launcher=NoLauncher(self.agents.stop),
            media=CatalogueMedia.of(pod.spec),
        )
        records = []
        for plan in pod.hall.hosts:
            host = VirtualHost.build(plan, hall)
            host.booted = self.agents.start
            dice = Dice(WEATHER[self.wish.faults], seed=self.wish.seed, host=plan.name)
            self.hosts[plan.name] = host
            self.bmcs[plan.name] = VirtualBmc(host, dice, self.settings.bmc_deadline_s)
            self._specs[plan.name] = pod.spec
            host.journal("draw", watts=host.state.watts)
            record = host_record(pod, plan, now=now)
            self.agents.ids[plan.name] = record.id
            records.append(record)
        self._broken.update(pod.broken)
        self._waited_for.update(plan.name for plan in pod.hall.hosts)
        made = Change(insert=(pod_record(pod, now=now), *records))
        self.store.apply(made, now=now)

    def _black_hole(self) -> None:
        canaries = {pod.hall.hosts[0].name for pod in self.fleet.pods}
        names = [name for name in self.hosts if name not in canaries]
        count = round(self.wish.black_holed * len(self.hosts))
        source = random.Random(f"{self.wish.seed}/black-holed/{self.part.number}")  # noqa: S311 - a seed names a run
        for name in source.sample(names, count):
            self.bmcs[name].black_holed = True
            self._waited_for.discard(name)

    def _rests(self, host: Host) -> None:
        """A record was written: does its host rest now?"""
        if host.state is HostState.READY:
            if host.name not in self.ready_at_s:
                self.ready_at_s[host.name] = self.loop.time()
                self.judge.called_ready(
                    self.hosts[host.name],
                    self._specs[host.name],
                    accepted=host.name in self.agents.accepted,
                    broken=self._broken.get(host.name, ""),
                )
            self._settled(host.name)
        elif host.problem is not None and host.problem.parked:
            self.parked[host.name] = host.problem.kind
            self._settled(host.name)
        elif host.name in self.parked:
            del self.parked[host.name]
            self._waited_for.add(host.name)

    @property
    def unsettled(self) -> int:
        """Hosts that are neither ready nor parked."""
        return len(self._waited_for)

    def _settled(self, name: str) -> None:
        self._waited_for.discard(name)
        if not self._waited_for:
            self._over.set()

    async def run(self) -> None:
        """Until every host is ready or parked."""
        until = self.clock.now() + LEASE
        fence = self.store.take_lease(
            "provisioning", "bench", now=self.clock.now(), until=until, alone=True
        )
        if fence is None:
            raise RuntimeError("a new store gave its lease to nobody")
        controller = Controller(self._world(), fence, InMemory(self.store))
        self.agents.wake = controller.wake
        holed = frozenset(name for name, bmc in self.bmcs.items() if bmc.black_holed)
        people = [
            Person(self.store, self.clock, pod, holed, self.judge.person_said_retry)
            for pod in self.fleet.pods
        ]
        tasks = [asyncio.ensure_future(controller.run()), asyncio.ensure_future(self._tell())]
        tasks += [asyncio.ensure_future(person.run()) for person in people]
        over = asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait({*tasks, over}, timeout=LIMIT_S, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            self.helped = sum(person.helped for person in people)
            over.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.agents.stop_all()
            for host in self.hosts.values():
                await host.stop()

    async def _tell(self) -> None:
        """In virtual time, so that who listens changes nothing of the run."""
        while True:
            ready, parked = len(self.ready_at_s), len(self.parked)
            self.heard(Progress(len(self.hosts), ready, parked, self.loop.time()))
            await self.clock.sleep(TELLS_EVERY_S)

    def _world(self) -> World:
        return World(
            store=self.store,
            secrets=SecretBox(hashlib.sha256(b"bench").digest()),
            clock=self.clock,
            bmcs=BmcPool(self._open_bmc, _no_password),
            door=SeededDoor(
                "https://bench.invalid",
                "bench.invalid:443",
                "",
                seed=f"{self.wish.seed}/{self.part.number}",
            ),
            player=VirtualPlayer(self.clock, self.wish.seed),
            signing_key=_key("production"),
            simulated_key=_key("simulated"),
            settings=self.settings,
            faults=FaultPoints(),
            in_thread=inline,
            new_id=(f"{number:016x}" for number in itertools.count(1)).__next__,
        )

    async def _open_bmc(self, host: Host, _password: SecretStr) -> Bmc:
        return InProcessBmc(self.bmcs[host.name])


async def _no_password(_host: Host) -> SecretStr:
    return SecretStr("virtual")


def _key(purpose: Any) -> SigningKey:
    seed = hashlib.sha256(f"bench {purpose}".encode()).digest()
    return SigningKey(Ed25519PrivateKey.from_private_bytes(seed), purpose=purpose)


def bring_up_part(
    wish: Wish, part: Part, heard: Callable[[Progress], None] = lambda _progress: None
) -> Run:
    """Run one controller with its share of the fleet, and say how it went."""
    fleet = design(
        wish.hosts,
        seed=wish.seed,
        faults=wish.faults != "none",
        pod_hosts=wish.pod_hosts,
        part=part.number,
        parts=part.of,
    )
    defaults = ProvisioningSettings.model_construct()
    settings = ProvisioningSettings.model_construct(
        hosts_at_once=100_000,
        update_allowed_s=UPDATE_ALLOWED_S,
        destructive_per_site=part.share(defaults.destructive_per_site),
    )

    async def main(loop: VirtualLoop) -> Run:
        bench = Bench(wish, loop, fleet, settings, part, heard)
        await bench.run()
        return Run(_said(bench), sorted(bench.ready_at_s.values()))

    return run(main)


def _said(bench: Bench) -> dict[str, Any]:
    judge = bench.judge
    return {
        "hosts": len(bench.hosts),
        "ready": len(bench.ready_at_s),
        "parked": len(bench.parked),
        "lost": bench.unsettled,
        "double_destructive": judge.double_destructive,
        "false_ready": judge.false_ready,
        "over_budget": judge.over_budget,
        "over_limits": judge.over_limits,
        "journal_digest": judge.digest,
        "virtual_seconds": round(bench.loop.time(), 1),
        "parked_for": dict(Counter(bench.parked.values()).most_common()),
        "black_holed": sum(bmc.black_holed for bmc in bench.bmcs.values()),
        "pods": len(bench.fleet.pods),
        "feeds": len(judge.budgets),
        "fullest_feed": round(judge.peak_share, 4),
        "flashes": judge.done["firmware.update.start"],
        "flashes_at_once": dict(judge.at_once),
        "journal_lines": judge.lines,
        "exchanges": sum(bmc.exchanges for bmc in bench.bmcs.values()),
        "sessions_left": sum(bmc.sessions for bmc in bench.bmcs.values()),
        "writes": bench.store.writes,
        "helped": bench.helped,
        "bugs": judge.bugs,
        "findings": judge.findings,
    }
