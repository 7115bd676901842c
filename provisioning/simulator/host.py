"""One simulated host: power, boot, media, BIOS and firmware, as they behave behind any protocol.

It knows nothing of Redfish. Every change is saved before the call returns and journaled as what
really happened; what takes time runs as a task of the event loop on the hall's clock.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid5

from pods.facts import DriveFact
from provisioning.simulator import hardware, naming
from provisioning.simulator.bootnics import boot_order, boot_port, mac_of, put_in_order, stage
from provisioning.simulator.clock import Clock
from provisioning.simulator.distribution.drawing import Drawing, drawn_watts
from provisioning.simulator.distribution.supplies import dead_supplies
from provisioning.simulator.errors import (
    ActionRefused,
    LaunchRefused,
    MediaRefused,
    MediaUnreachable,
)
from provisioning.simulator.faults import Fault, HostFaults, Past
from provisioning.simulator.hall import BiosValue, HostPlan
from provisioning.simulator.hardware import hardware_document
from provisioning.simulator.journal import Journal
from provisioning.simulator.launcher import HostLauncher, HostPlace
from provisioning.simulator.media import MediaSource, read_boot_document
from provisioning.simulator.state import HostState, write_json, write_secret
from provisioning.simulator.swapping import read_swapped
from provisioning.simulator.timings import Timings

RESET_TYPES = ("On", "ForceOff", "GracefulShutdown", "ForceRestart")
BOOT_TARGETS = ("None", "Pxe", "Cd", "Hdd", "UefiHttp")
BOOT_ENABLED = ("Disabled", "Once", "Continuous")
JOULES_PER_KWH = 3_600_000.0
PUSHED = "pushed"
"""In the place of an image's URL."""


class Inputs(Protocol):
    """What a host hangs on; `distribution.mains` is the real one."""

    def draw(self, host: str, watts: float) -> Mapping[str, float]:
        """It draws so much from now on; what that makes on each feed."""

    def live(self, host: str) -> tuple[str, ...]:
        """The feeds that reach it."""

    def is_dark(self, host: str) -> bool:
        """Whether none does."""

    def coolant_share(self, host: str) -> float:
        """How much of its coolant's designed flow reaches it."""


class Wall:
    """A socket that always has power, for a host that stands alone."""

    def draw(self, host: str, watts: float) -> Mapping[str, float]:  # noqa: ARG002 - a port's
        """Nobody adds it up."""
        return {}

    def live(self, host: str) -> tuple[str, ...]:  # noqa: ARG002 - a port's
        """One that has no name."""
        return ("",)

    def is_dark(self, host: str) -> bool:  # noqa: ARG002 - a port's
        """Never."""
        return False

    def coolant_share(self, host: str) -> float:  # noqa: ARG002 - a port's
        """All of it."""
        return 1.0


@dataclass(frozen=True, slots=True)
class World:
    """What every host of a hall shares."""

    clock: Clock
    timings: Timings
    journal: Journal
    launcher: HostLauncher
    media: MediaSource
    hall_started_at: float = 0.0
    """Of its first start, from which scheduled faults count."""
    inputs: Inputs = field(default_factory=Wall)


@dataclass(slots=True)
class SimulatedHost:
    """The machine behind one BMC."""

    plan: HostPlan
    place: HostPlace
    state: HostState
    state_path: Path
    world: World
    faults: HostFaults = field(init=False)
    on_notice: Callable[[str], None] = lambda _what: None
    """Called when an event came that a fault waited for."""
    _drawing: Drawing = Drawing.STANDBY
    _drawn_since: float | None = None
    """None before this life's first draw: nobody counted while the simulator was away."""
    _off_at: float | None = None
    told: Callable[[str], None] = lambda _what: None
    """Hears of everything that is journaled: the BMC's own log."""
    power_cuts: int = 0
    """How often its feeds died in this life of the simulator."""
    _stale_power: tuple[str, float] | None = None
    _power_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _rising: asyncio.Task[None] | None = None
    _inrush: asyncio.Task[None] | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    _planned: HostPlan = field(init=False)

    def __post_init__(self) -> None:
        """Arm the faults with what they have already fired."""
        self.faults = HostFaults(
            faults=self.plan.faults,
            seed=self.plan.serial,
            past=Past(self.state.fired, self.state.happened, self.world.hall_started_at),
            on_fire=self._fault_fired,
            now=self.world.clock.now,
            since=self.world.clock.since,
        )
        self._planned = self.plan

    # What can be read.

    @property
    def plan_now(self) -> HostPlan:
        """The plan with the faults that are under way, and what a dead feed does to supplies."""
        live, feeds = self.world.inputs.live(self.plan.name), self.plan.feeds
        lost: tuple[Fault, ...] = ()
        if live and "" not in live and len(live) < len(feeds):
            slots = naming.supply_slots(self.plan.host_type, self.plan.model)
            lost = dead_supplies(self.plan.name, slots, feeds, live)
        faults = (*lost, *self.faults.active())
        if faults != self._planned.faults:
            self._planned = replace(self.plan, faults=faults)
        return self._planned

    @property
    def is_dark(self) -> bool:
        """Whether host and BMC have no power."""
        dark = self.faults.planted("power-lost") is not None
        return dark or self.world.inputs.is_dark(self.plan.name)

    @property
    def kwh(self) -> float:
        """What it ever drew, as its BMC counts."""
        return self._joules() / JOULES_PER_KWH

    def _joules(self) -> float:
        since, state = self._drawn_since, self.state
        # By the time of day even where hardware is sped up: who integrates watts finds the same.
        return state.joules + (state.watts * (self.world.clock.now() - since) if since else 0.0)

    @property
    def serial(self) -> str:
        """What the BMC says it is."""
        other = self.faults.planted("identity-changes")
        if other is None or other.word("uuid"):
            return self.plan.reported_serial
        return other.word("serial") or "Z" + self.plan.serial[1:]

    @property
    def uuid(self) -> str:
        """The mainboard's, as the BMC says."""
        other = self.faults.planted("identity-changes")
        if other is None or not other.word("uuid"):
            return self.plan.uuid
        return str(uuid5(UUID(self.plan.uuid), "another mainboard"))

    @property
    def watts(self) -> float:
        """What the BMC reads of the draw."""
        return 0.0 if self.faults.planted("zero-watts") else self.state.watts

    @property
    def power(self) -> str:
        """What the BMC says of the power, which a fault may delay."""
        if self._stale_power is not None and self.world.clock.now() < self._stale_power[1]:
            return self._stale_power[0]
        return self.state.power

    @property
    def drives(self) -> tuple[DriveFact, ...]:
        """The drives that are in it now."""
        swapped = read_swapped(self.place.root.parent)
        fitted = hardware.drives(self.plan_now)
        return tuple(
            drive.model_copy(update={"serial": swapped.get(drive.slot, drive.serial)})
            for drive in fitted
        )

    @property
    def boot_progress(self) -> str:
        """Redfish's BootProgress.LastState."""
        if self.state.booted:
            return "OSRunning"
        return "None" if self.state.power == "Off" else "SystemHardwareInitializationComplete"

    # Power.

    async def reset(self, reset_type: str) -> None:
        """One of `RESET_TYPES`. Asking for what is already so changes nothing."""
        async with self._power_lock:
            if self.is_dark:
                raise ActionRefused(503, "ServiceTemporarilyUnavailable", "5")
            off = self.state.power == "Off"
            match reset_type:
                case "On":
                    if off:
                        self._refuse_while_busy()
                        self._press_power()
                case "ForceOff":
                    if not off:
                        await self._cut_power()
                case "GracefulShutdown":
                    if not off and self.state.power != "PoweringOff":
                        self.journal("os.shutdown")
                        self._begin_shutdown()
                case "ForceRestart":
                    if off:
                        raise ActionRefused(409, "ResourceInStandby")
                    await self._cut_power()
                    self._press_power()
                case _:
                    raise ActionRefused(
                        400, "ActionParameterNotSupported", "ResetType", "ComputerSystem.Reset"
                    )

    def _refuse_while_busy(self) -> None:
        busy = self.faults.planted("busy-after-off")
        if busy is None or self._off_at is None:
            return
        if self.world.clock.since(self._off_at) < busy.number("seconds"):
            self.journal("power.refused")
            raise ActionRefused(409, "ResourceInUse")

    def _press_power(self) -> None:
        self._change_power("PoweringOn")
        self.state.power_ons += 1
        self.save()
        self.journal("power.on")
        if self.faults.planted("dead-on") is not None:
            self._change_power("On")
            self.save()
            return
        self._draw(Drawing.INRUSH)
        self._inrush = self.spawn(self._settle_inrush())
        self._rising = self.spawn(self._rise())

    async def _settle_inrush(self) -> None:
        await self.world.clock.sleep(self.plan.host_type.power.inrush_s)
        self._draw(Drawing.TYPICAL)

    async def _rise(self) -> None:
        await self.world.clock.sleep(self.world.timings.power_on_s)
        self._change_power("On")
        self._apply_bios()
        self._apply_order()
        self.save()
        await self.world.clock.sleep(self.world.timings.boot_s)
        await self._boot()

    def _begin_shutdown(self) -> None:
        self._change_power("PoweringOff")
        self.save()

        async def shut_down() -> None:
            await self.world.clock.sleep(self.world.timings.shutdown_s)
            async with self._power_lock:
                if self.state.power == "PoweringOff":
                    await self._cut_power()

        self.spawn(shut_down())

    async def lose_power(self) -> None:
        """The feed is dead: nothing is asked, nothing is drawn."""
        async with self._power_lock:
            self.power_cuts += 1
            await self._cut_power(what="power.lost", then=Drawing.NOTHING)

    def regain_power(self) -> None:
        """The feed is back, and the host stays off."""
        if self.is_dark:
            return  # another reason for the dark is not over
        self.journal("power.back")
        self._draw(Drawing.STANDBY)

    async def _cut_power(self, *, what: str = "power.off", then: Drawing = Drawing.STANDBY) -> None:
        if any(task.running and task.flashing for task in self.state.tasks):
            self.journal("update.disturbed", by=what)
        for task in (self._rising, self._inrush):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        try:
            await self.world.launcher.kill(self.plan.name)
        except LaunchRefused as error:
            self.journal("power.off.failed", reason=str(error))
            raise ActionRefused(500, "InternalError") from error
        # The boot document holds a single-use token: it ends with the life it was for.
        self._boot_document.unlink(missing_ok=True)
        self._change_power("Off")
        self.state.booted = False
        self.save()
        self._off_at = self.world.clock.now()
        self.journal(what)
        self._draw(then)

    def _change_power(self, power: str) -> None:
        stale = self.faults.planted("stale-power")
        if stale is not None:
            until = self.world.clock.now() + stale.number("seconds")
            self._stale_power = (self.power, until)
        self.state.power = power

    def limit_power(self, watts: float | None) -> None:
        """Hold the draw below a limit from now on; None lifts it."""
        self.state.power_limit_watts = watts
        self.journal("power.limit", watts=watts)
        self.redraw()

    def redraw(self) -> None:
        """Something that bends the draw has changed."""
        self._draw(self._drawing)

    def _draw(self, drawing: Drawing) -> None:
        self._drawing = Drawing.NOTHING if self.is_dark else drawing
        loaded = self._drawing is Drawing.TYPICAL and self.faults.planted("full-load")
        watts = drawn_watts(
            self.plan.host_type.power,
            Drawing.LOADED if loaded else self._drawing,
            limit_watts=self.state.power_limit_watts,
        )
        self.state.joules, self._drawn_since = self._joules(), self.world.clock.now()
        self.state.watts = watts
        shares = self.world.inputs.draw(self.plan.name, watts)
        self.save()
        told = {"shares": dict(shares)} if len(self.plan.feeds) > 1 else {}
        self.journal("draw", watts=watts, **told)

    # Boot.

    @property
    def _boot_document(self) -> Path:
        return self.place.run / "boot.json"

    async def _boot(self) -> None:
        target, enabled = self.state.boot_target, self.state.boot_enabled
        if self.faults.fires("override-ignored"):
            self.journal("boot.failed", media="", reason="the override was ignored; no disk boots")
            return
        await self._boot_from(target=target, enabled=enabled)
        if self.faults.planted("override-sticks") is not None:
            return
        # Only now: a simulator killed before this point must find the override again.
        if (target, "Once") == (self.state.boot_target, self.state.boot_enabled):
            self.set_boot(target="None", enabled="Disabled", by="firmware")

    async def _boot_from(self, *, target: str, enabled: str) -> None:
        if enabled == "Disabled" or (image := self._image(target)) == "":
            return
        if "" in self.state.firmware.values():
            self._fail_boot(image, "half an image of firmware starts nothing")
            return
        nic = self._asking_nic()
        if target == "UefiHttp" and not self._has_lease(nic):
            self._fail_boot(image, f"{nic} ({mac_of(self.plan, nic)}) got no address")
            return
        try:
            document = read_boot_document(await self.fetch(image), url=image)
        except MediaRefused as error:
            self._fail_boot(image, str(error))
            return
        if target == "Cd" and self.faults.fires("no-lease"):
            self._fail_boot(image, "the system runs and its NIC got no address")
            return
        write_json(self._boot_document, document)
        if not document.get("read_drives"):
            self._write_to_drives()
        await self._launch(image)

    def _image(self, target: str) -> str:
        match target:
            case "Cd":
                return self.state.media_image if self.state.media_inserted else ""
            case "UefiHttp":
                return self.state.http_boot_uri
            case _:
                return ""

    def _asking_nic(self) -> str:
        """The first of the order, which some firmware forgets."""
        if self.state.boot_order and self.faults.fires("wrong-nic"):
            self.state.boot_order = []
            self.save()
        return boot_order(self.plan, self.state)[0]

    def _has_lease(self, nic: str) -> bool:
        return nic == boot_port(self.plan) and not self.faults.fires("no-lease")

    def _fail_boot(self, image: str, reason: str) -> None:
        self.journal("boot.failed", media=image, reason=reason)

    def _write_to_drives(self) -> None:
        """A system that runs for somebody's sake writes; only the first time is worth a line."""
        drives = self.drives
        emptied = [one.serial for one in drives if not hardware.drive_of(self.state, one).holds]
        hardware.write_to(self.state, drives)
        if emptied:
            self.journal("drive.written", serials=emptied)

    async def fetch(self, url: str) -> bytes:
        """A medium or an image, unless it breaks off on its way."""
        if self.faults.fires("image-fails", path=url):
            raise MediaUnreachable(f"{url} broke off", hint="check the media server")
        if url == PUSHED:
            return self._pushed.read_bytes()
        return await self.world.media.fetch(url)

    @property
    def _pushed(self) -> Path:
        return self.state_path.with_name("pushed.bin")

    def keep_pushed(self, content: bytes) -> str:
        """Keep an image that came in the request, and say how an update is to call it."""
        write_secret(self._pushed, content)
        return PUSHED

    async def _launch(self, image: str, *, glitch: bool = False) -> None:
        self.write_hardware()
        try:
            await self.world.launcher.boot(self.place)
        except LaunchRefused as error:
            self.journal("boot.failed", media=image, reason=f"{error}; hint: {error.hint}")
            return
        self.state.booted = True
        self.save()
        self.journal("boot", media=image, glitch=glitch)

    def write_hardware(self) -> None:
        """Tell the operating system to be what it will find."""
        document = hardware_document(self.plan_now, self.state, at=self.world.clock.now())
        write_json(self.place.run / "hardware.json", document)
        drives = hardware.drives_read(self.drives, self.state)
        write_json(self.place.run / "drives.json", drives)

    def set_boot(
        self, *, target: str, enabled: str, uri: str | None = None, by: str = "bmc"
    ) -> None:
        """The boot override that the next power-on follows; `uri` is what UefiHttp fetches."""
        kept = self.state.http_boot_uri if uri is None else uri
        now = (self.state.boot_target, self.state.boot_enabled, self.state.http_boot_uri)
        if (target, enabled, kept) == now:
            return
        self.state.boot_target, self.state.boot_enabled = target, enabled
        self.state.http_boot_uri = kept
        self.save()
        self.journal("boot.override", target=target, enabled=enabled, by=by)

    def order_nics(self, slots: Iterable[str]) -> None:
        """Which NIC the firmware asks first."""
        if self.faults.planted("boot-order-late"):
            if stage(self.plan, self.state, slots):
                self.journal("boot.order.staged", nics=list(self.state.boot_order_coming))
        elif put_in_order(self.plan, self.state, slots):
            self.journal("boot.order", nics=list(self.state.boot_order))
        self.save()

    def _apply_order(self) -> None:
        coming, self.state.boot_order_coming = self.state.boot_order_coming, []
        if not coming:
            return
        self.faults.fires("boot-order-late")
        if put_in_order(self.plan, self.state, coming):
            self.journal("boot.order", nics=list(self.state.boot_order))

    # Media and BIOS.

    def insert_media(self, image: str) -> None:
        """Put an image into the virtual CD drive, which must be empty."""
        if self.state.media_inserted:
            raise ActionRefused(400, "ResourceInUse")
        self.state.media_image, self.state.media_inserted = image, True
        self.save()
        self.journal("media.insert", media=image)

    def eject_media(self) -> None:
        """Empty the drive; an empty one stays empty."""
        if not self.state.media_inserted:
            return
        image = self.state.media_image
        self.state.media_image, self.state.media_inserted = "", False
        self.save()
        self.journal("media.eject", media=image)
        if self.state.booted and self.faults.planted("eject-corrupts") is not None:
            self.journal("os.corrupted", media=image)
            self.state.booted = False
            self.save()
            self.spawn(self.world.launcher.kill(self.plan.name))

    def stage_bios(self, attributes: dict[str, BiosValue]) -> None:
        """Settings that the next power-on applies."""
        pending = {**self.state.bios_pending, **attributes}
        current = self.state.bios
        self.state.bios_pending = {k: v for k, v in pending.items() if current.get(k) != v}
        self.save()

    def _apply_bios(self) -> None:
        pending = self.state.bios_pending
        if not pending:
            return
        if self.faults.fires("bios-stuck"):
            self.state.bios_pending = {}
            self.save()
            self.journal("bios.dropped", settings=sorted(pending))
            return
        changes = {k: {"from": self.state.bios.get(k), "to": v} for k, v in pending.items()}
        self.state.bios = {**self.state.bios, **pending}
        self.state.bios_pending = {}
        self.save()
        self.journal("bios.applied", changes=changes)

    # Life of the simulator.

    async def resume(self) -> None:
        """Go on from the saved state: to the host, the simulator's absence was a power glitch."""
        self.write_hardware()
        drawing = Drawing.STANDBY
        match self.state.power:
            case "PoweringOn":
                drawing = Drawing.INRUSH
                self._rising = self.spawn(self._rise())
                self._inrush = self.spawn(self._settle_inrush())
            case "PoweringOff":
                drawing = Drawing.TYPICAL
                self._begin_shutdown()
            case "On":
                # Hosts kept their power: no second inrush, which a feed's budget never foresaw.
                drawing = Drawing.TYPICAL
                self.journal("power.glitch", booted=self.state.booted)
                self._rising = self.spawn(self._return_from_glitch())
            case _:
                pass
        self._draw(drawing)

    async def _return_from_glitch(self) -> None:
        await self.world.clock.sleep(self.world.timings.boot_s)
        if self.state.booted and self._boot_document.exists():
            await self._launch(self.state.media_image, glitch=True)
        elif not self.state.booted:
            await self._boot()

    async def stop(self) -> None:
        """End every task of this host; its processes are the launcher's to end."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that takes time, and remember it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.journal("simulator.bug", reason=repr(error))
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"simulated host {self.plan.name}", "exception": error}
            )

    def save(self) -> None:
        """Make the state durable before anybody hears of it."""
        write_secret(self.state_path, self.state.model_dump_json().encode())

    def journal(self, what: str, **fields: Any) -> None:
        """Record what really happened."""
        at = self.world.clock.now()
        self.world.journal.write(what, at=at, host=self.plan.name, feed=self.plan.feed, **fields)
        self.told(what)
        if self.faults.notice(what):
            self.save()
            self.on_notice(what)

    def _fault_fired(self, kind: str) -> None:
        self.save()
        self.journal("fault.fired", fault=kind)
