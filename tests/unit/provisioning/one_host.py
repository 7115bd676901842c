"""One host in a drawer: its hardware, its agent, its records, and controllers that die over it.

Everything is in this process and no time passes by itself, so a whole bring-up takes a second and
the same choices give the same story. What the hardware keeps (`Iron`) outlives every controller,
and its journal is the judge of what was really done.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr

from inventory.agents import ObservedState
from inventory.errors import FenceLost
from inventory.model import AgentSeen, Host, Intent
from inventory.secrets import SecretBox
from inventory.states import HostState, PowerState
from inventory.store.memory import MemoryStore
from inventory.store.protocol import Change
from pods.erasing import DriveRead
from pods.facts import HardwareFacts
from pods.keys import SigningKey
from pods.plan import PlannedHost, plan_bring_up
from provisioning.bmcs import BmcPool
from provisioning.boot.media import BootDoor
from provisioning.controller import Controller
from provisioning.drivers.protocol import (
    BiosState,
    BmcIdentity,
    BootEnabled,
    BootSource,
    BootTarget,
    Media,
    TaskPhase,
    TaskReading,
)
from provisioning.errors import Ambiguous, BmcUnreachable
from provisioning.faultpoints import FaultPoints
from provisioning.settings import ProvisioningSettings
from provisioning.world import PlayResult, World
from tests.make import NOW, lab, make_facts, make_host, make_pod, make_report

FLASH_S = 8.0
BOOT_S = 3.0
LEASE = timedelta(days=30)
WANTED_VERSION = {item.component: item.version for item in lab().firmware["lab-cpu"]}


class Crash(BaseException):
    """The controller dies here: no handler of the product may catch it."""


class Points(FaultPoints):
    """Fault points that raise instead of killing this process."""

    def __init__(self, die_at: int = 0) -> None:
        super().__init__()
        self.visited = 0
        self.die_at = die_at
        self.names: list[str] = []

    def reach(self, point: str, detail: str = "") -> None:
        """One more point; the chosen one is the last."""
        del detail
        self.visited += 1
        self.names.append(point)
        if self.visited == self.die_at:
            raise Crash(point)


@dataclass
class Hands:
    """A clock that is moved by hand."""

    at: datetime = NOW

    def now(self) -> datetime:
        """The time."""
        return self.at

    async def sleep(self, delay_s: float) -> None:
        """Time passes."""
        self.at += timedelta(seconds=delay_s)


@dataclass
class Flash:
    """One update, as the BMC keeps it."""

    uri: str
    component: str
    version: str
    done_at: datetime


@dataclass
class Iron:
    """A host and its BMC. `fates` say what becomes of the next exchanges that change something."""

    clock: Hands
    power: PowerState = PowerState.OFF
    image: str = ""
    source: BootSource = field(
        default_factory=lambda: BootSource(target=BootTarget.NONE, enabled=BootEnabled.DISABLED)
    )
    firmware: dict[str, str] = field(default_factory=lambda: {"BIOS": "2.3.0", "BMC": "1.8.0"})
    bios: dict[str, Any] = field(
        default_factory=lambda: {**make_facts().bios, "HyperThreading": "Enabled"}
    )
    staged: dict[str, Any] = field(default_factory=dict)
    flashes: list[Flash] = field(default_factory=list)
    journal: list[str] = field(default_factory=list)
    fates: list[str] = field(default_factory=list)
    """`lost`: done, and the answer does not come; `unsent`: nothing arrives. Else it goes well."""
    deaf: int = 0
    """So many reads get no answer."""
    boots: int = 0
    on_since: datetime = NOW
    serial: str = "S1"
    stuck: bool = False
    """It takes no settings, though it says that it does, until it was restarted."""

    def settle(self) -> None:
        """What the hardware finished by now."""
        for one in self.flashes:
            if self.clock.at >= one.done_at and self.firmware[one.component] != one.version:
                self.firmware[one.component] = one.version

    def flashing(self) -> bool:
        """Whether an update is under way."""
        return any(self.clock.at < one.done_at for one in self.flashes)

    # Reads

    def _hear(self) -> None:
        self.settle()
        if self.deaf > 0:
            self.deaf -= 1
            raise BmcUnreachable("no answer")

    async def identity(self) -> BmcIdentity:
        """Who it is."""
        self._hear()
        return BmcIdentity(
            serial=self.serial, uuid="u-1", manufacturer="Podyard", model="L", bmc_firmware="1.8.0"
        )

    async def facts(self) -> HardwareFacts:
        """What is built in."""
        self._hear()
        return make_facts(firmware=dict(self.firmware), bios=dict(self.bios), serial=self.serial)

    async def power_state(self) -> PowerState:
        """On or off."""
        self._hear()
        return self.power

    async def boot_source(self) -> BootSource:
        """What the next boot follows."""
        self._hear()
        return self.source

    async def media(self) -> Media:
        """What is inserted."""
        self._hear()
        return Media(image=self.image, inserted=bool(self.image))

    async def bios_state(self) -> BiosState:
        """In force and staged."""
        self._hear()
        return BiosState(current=dict(self.bios), pending=dict(self.staged))

    async def versions(self) -> dict[str, str]:
        """Component to version."""
        self._hear()
        return dict(self.firmware)

    async def update_tasks(self) -> tuple[TaskReading, ...]:
        """Every task."""
        self._hear()
        return tuple(
            TaskReading(
                uri=one.uri,
                phase=TaskPhase.RUNNING if self.clock.at < one.done_at else TaskPhase.DONE,
            )
            for one in self.flashes
        )

    def drives_read(self) -> tuple[DriveRead, ...] | None:
        """What its agent reads of its drives; None where it has none to read."""
        return None

    # Changes

    def _change(self, what: str, act: Callable[[], None]) -> None:
        fate = self.fates.pop(0) if self.fates else "well"
        if fate == "unsent":
            raise BmcUnreachable(f"{what}: nothing arrived")
        act()
        if fate == "lost":
            raise Ambiguous(f"{what}: the answer did not come")

    async def power_on(self) -> None:
        """On, with what is inserted."""

        def on() -> None:
            if self.power is PowerState.ON:
                return
            self.journal.append("power on")
            self.power, self.on_since = PowerState.ON, self.clock.at
            self.boots += 1
            self.bios |= self.staged
            self.staged = {}

        self._change("power on", on)

    async def power_off(self) -> None:
        """Off; in the middle of a flash that costs the host."""

        def off() -> None:
            if self.power is PowerState.OFF:
                return
            self.journal.append("power off")
            if self.flashing():
                self.journal.append("CUT: power off in the middle of a flash")
            self.power = PowerState.OFF

        self._change("power off", off)

    async def set_boot_source(self, source: BootSource) -> None:
        """What the next boot follows."""
        self._change("boot source", lambda: setattr(self, "source", source))

    async def insert_media(self, image: str) -> None:
        """A medium."""
        self._change("insert", lambda: setattr(self, "image", image))

    async def eject_media(self) -> None:
        """None."""
        self._change("eject", lambda: setattr(self, "image", ""))

    async def set_bios(self, attributes: dict[str, Any]) -> None:
        """Staged for the next boot."""
        self._change("bios", lambda: None if self.stuck else self.staged.update(attributes))

    async def update_firmware(self, component: str, image: str) -> str:
        """One flash."""
        del image
        uri = f"/task/{len(self.flashes) + 1}"

        def flash() -> None:
            self.journal.append(f"flash {component} of {self.serial}")
            if self.flashing():
                self.journal.append("CUT: a flash in the middle of a flash")
            done = self.clock.at + timedelta(seconds=FLASH_S)
            self.flashes.append(Flash(uri, component, WANTED_VERSION[component], done))

        self._change("flash", flash)
        return uri

    async def restart_manager(self) -> None:
        """The BMC starts again; its host runs on."""

        def restart() -> None:
            self.journal.append("restart BMC")
            if self.flashing():
                self.journal.append("CUT: the BMC restarted in the middle of a flash")
            self.stuck = False

        self._change("restart", restart)


class IronBmc:
    """The driver's port to one piece of iron."""

    def __init__(self, iron: Iron) -> None:
        self._iron = iron
        for name in ("identity", "facts", "boot_source", "media", "update_tasks", "power_on"):
            setattr(self, name, getattr(iron, name))

    async def power(self) -> PowerState:
        """On or off."""
        return await self._iron.power_state()

    async def power_off(self) -> None:
        """Off."""
        await self._iron.power_off()

    async def set_boot_source(self, source: BootSource) -> None:
        """What the next boot follows."""
        await self._iron.set_boot_source(source)

    async def insert_media(self, image: str) -> None:
        """A medium."""
        await self._iron.insert_media(image)

    async def eject_media(self) -> None:
        """None."""
        await self._iron.eject_media()

    async def bios(self) -> BiosState:
        """In force and staged."""
        return await self._iron.bios_state()

    async def set_bios(self, attributes: dict[str, Any]) -> None:
        """Staged."""
        await self._iron.set_bios(attributes)

    async def firmware(self) -> dict[str, str]:
        """Component to version."""
        return await self._iron.versions()

    async def update_firmware(self, component: str, image: str) -> str:
        """One flash."""
        return await self._iron.update_firmware(component, image)

    async def restart_manager(self) -> None:
        """Restart the BMC."""
        await self._iron.restart_manager()

    async def close(self) -> None:
        """Nothing to close."""


@dataclass
class Player:
    """A playbook that always works."""

    runs: int = 0

    async def configure(self, _host: Host, _variables: dict[str, str]) -> PlayResult:
        """Run it."""
        self.runs += 1
        return PlayResult(ok=True, changed=0)


@dataclass
class Drawer:
    """The whole: iron, records, and the controller of the moment."""

    clock: Hands
    iron: Iron
    store: MemoryStore
    keys: SigningKey
    box: SecretBox
    player: Player = field(default_factory=Player)
    points: Points = field(default_factory=Points)
    crashes: int = 0
    hold_file: Path | None = None
    mute: bool = False
    """Its agent says nothing more."""
    open_bmc: Callable[[Any], Any] = IronBmc
    lives: int = 0
    controller: Controller = field(init=False)

    def __post_init__(self) -> None:
        """The first controller."""
        self.start()

    def start(self, die_at: int = 0) -> None:
        """A controller with a lease of its own; whoever was there before has lost his."""
        self.lives += 1
        self.points = Points(die_at)
        later = self.clock.at + self.lives * LEASE
        fence = self.store.take_lease(
            "provisioning", f"life {self.lives}", now=self.clock.at, until=later, alone=True
        )
        assert fence is not None
        self.controller = self._controller(fence)

    def _controller(self, fence: Any) -> Controller:
        async def opened(_host: Host, _password: SecretStr) -> Any:
            return self.open_bmc(self.iron)

        async def password(_host: Host) -> SecretStr:
            return SecretStr("x")

        async def here(call: Any, /, *args: Any, **kwargs: Any) -> Any:
            return call(*args, **kwargs)

        world = World(
            store=self.store,
            secrets=self.box,
            clock=self.clock,
            bmcs=BmcPool(opened, password),
            door=BootDoor("https://127.0.0.1:1", "127.0.0.1:1", ""),
            player=self.player,
            signing_key=self.keys,
            simulated_key=self.keys,
            settings=ProvisioningSettings(),
            faults=self.points,
            in_thread=cast("Any", here),
            hold_file=self.hold_file,
        )
        return Controller(world, fence)

    def host(self) -> Host:
        """The record."""
        found = self.store.get(Host, "host-1")
        assert found is not None
        return found

    def wish(self, **fields: Any) -> Host:
        """What a person writes."""
        fresh = self.host().model_copy(update={**fields, "wake_at": self.clock.at})
        self.store.apply(Change(replace=(fresh,)), now=self.clock.at)
        return self.host()

    def intents(self) -> list[Intent]:
        """What was written down before it was done."""
        return self.store.find(Intent, host_id="host-1")

    def kinds(self) -> Counter[str]:
        """How many events of each kind there were."""
        return Counter(event.kind for event in self.store.events(limit=1000))

    def step(self) -> None:
        """One step when it is due; a controller that dies or lost its lease is replaced."""
        host = self.host()
        self.clock.at = max(self.clock.at, host.wake_at)
        self.iron.settle()
        self._agent(host)
        try:
            asyncio.run(self._one())
        except Crash:
            self.crashes += 1
            self.start()
        except FenceLost:
            self.start()

    async def _one(self) -> None:
        await self.controller._look_for_hold()
        await self.controller._guarded_step(self.host())

    def run(self, until: Callable[[Host], bool], *, steps: int = 400) -> Host:
        """Steps until it is so; a host that never gets there is a failure."""
        for _ in range(steps):
            if until(self.host()):
                return self.host()
            self.step()
        host = self.host()
        raise AssertionError(f"after {steps} steps {host.state}: {host.waiting}, {host.problem}")

    def _agent(self, host: Host) -> None:
        """It speaks when the host runs from a medium of ours for long enough."""
        iron, now = self.iron, self.clock.at
        up = iron.power is PowerState.ON and (now - iron.on_since).total_seconds() >= BOOT_S
        if not up or self.mute or "/media/" not in iron.image:
            return
        media_id = iron.image.rpartition("/")[2].removesuffix(".iso")
        ordered = host.acceptance_order
        observed = ObservedState(
            generation=0,
            boot_id=f"boot-{iron.boots}",
            physical_host="machine-1",
            agent_version="0",
            simulated=True,
            isolated=True,
            acceptance=make_report(order_id=ordered) if ordered else None,
            drives_read=iron.drives_read(),
        )
        known = self.store.get(AgentSeen, host.id)
        seen = AgentSeen(
            host_id=host.id,
            media_id=media_id,
            certificate_serial="1",
            enrolled_at=now,
            seen_at=now,
            observed=observed,
            version=known.version if known else 1,
        )
        change = Change(replace=(seen,)) if known else Change(insert=(seen,))
        self.store.apply(change, now=now)


def ended(host: Host) -> bool:
    """Ready, or with a person."""
    parked = host.problem is not None and host.problem.parked
    return host.state is HostState.READY or parked


@contextmanager
def drawer(folder: Path, **host: Any) -> Iterator[Drawer]:
    """A host that is behind in firmware and BIOS, with an approved plan that lists the update."""
    clock = Hands()
    iron = Iron(clock)
    store = MemoryStore()
    facts = make_facts(firmware=dict(iron.firmware), bios=dict(iron.bios))
    planned = [PlannedHost(name="r1-h1", slot="r1-h1", facts=facts)]
    plan = plan_bring_up(lab(), pod="lab", hosts=planned)
    pod = make_pod(plan=plan, bring_up="running")
    fresh = {"facts": None, "uuid": "", **host}
    store.apply(Change(insert=(pod, make_host(**fresh))), now=NOW)
    keys = folder / "simulated.key"
    key = (
        SigningKey.load(keys, purpose="simulated")
        if keys.exists()
        else SigningKey.generate(keys, purpose="simulated")
    )
    try:
        yield Drawer(clock, iron, store, key, SecretBox.open(folder / "secrets.key"))
    finally:
        store.close()
