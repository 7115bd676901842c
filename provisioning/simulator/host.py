"""One simulated host: power, boot, media, BIOS and firmware, as they behave behind any protocol.

It knows nothing of Redfish. Every change is saved before the call returns and journaled as what
really happened; what takes time runs as a task of the event loop on the hall's clock.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from provisioning.simulator.clock import Clock
from provisioning.simulator.errors import (
    ActionRefused,
    LaunchRefused,
    MediaRefused,
    MediaUnreachable,
)
from provisioning.simulator.faults import HostFaults, Past
from provisioning.simulator.hall import BiosValue, HostPlan
from provisioning.simulator.hardware import erasing, hardware_document
from provisioning.simulator.journal import Journal
from provisioning.simulator.launcher import HostLauncher, HostPlace
from provisioning.simulator.media import MediaSource, read_boot_document
from provisioning.simulator.state import HostState, write_json, write_secret
from provisioning.simulator.timings import Timings

RESET_TYPES = ("On", "ForceOff", "GracefulShutdown", "ForceRestart")
BOOT_TARGETS = ("None", "Pxe", "Cd", "Hdd", "UefiHttp")
BOOT_ENABLED = ("Disabled", "Once", "Continuous")
PUSHED = "pushed"
"""In the place of an image's URL."""


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
    _off_at: float | None = None
    told: Callable[[str], None] = lambda _what: None
    """Hears of everything that is journaled: the BMC's own log."""
    _stale_power: tuple[str, float] | None = None
    _power_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _rising: asyncio.Task[None] | None = None
    _inrush: asyncio.Task[None] | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

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

    # What can be read.

    @property
    def plan_now(self) -> HostPlan:
        """The plan with the faults that are under way."""
        return replace(self.plan, faults=self.faults.active())

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
    def boot_progress(self) -> str:
        """Redfish's BootProgress.LastState."""
        if self.state.booted:
            return "OSRunning"
        return "None" if self.state.power == "Off" else "SystemHardwareInitializationComplete"

    # Power.

    async def reset(self, reset_type: str) -> None:
        """One of `RESET_TYPES`. Asking for what is already so changes nothing."""
        async with self._power_lock:
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
        self._draw(self.plan.host_type.power.inrush_watts)
        self._inrush = self.spawn(self._settle_inrush())
        self._rising = self.spawn(self._rise())

    async def _settle_inrush(self) -> None:
        await self.world.clock.sleep(self.plan.host_type.power.inrush_s)
        self._draw(self.plan.host_type.power.typical_watts)

    async def _rise(self) -> None:
        await self.world.clock.sleep(self.world.timings.power_on_s)
        self._change_power("On")
        self._apply_bios()
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
            await self._cut_power(what="power.lost", watts=0)

    def regain_power(self) -> None:
        """The feed is back, and the host stays off."""
        self.journal("power.back")
        self._draw(self.plan.host_type.power.standby_watts)

    async def _cut_power(self, *, what: str = "power.off", watts: float | None = None) -> None:
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
        self._draw(self.plan.host_type.power.standby_watts if watts is None else watts)

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
        steady = self._inrush is None or self._inrush.done()
        typical = self.plan.host_type.power.typical_watts
        self._draw(typical if self.state.power == "On" and steady else self.state.watts)

    def _draw(self, watts: float) -> None:
        limit = self.state.power_limit_watts
        if limit is not None and watts <= self.plan.host_type.power.typical_watts:
            # The first moment after power-on is over before any limit takes hold.
            watts = min(watts, limit)
        self.state.watts = float(watts)
        self.save()
        self.journal("draw", watts=float(watts))

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
        if enabled == "Disabled" or target != "Cd" or not self.state.media_inserted:
            return
        image = self.state.media_image
        if self.faults.fires("no-lease"):
            self.journal("boot.failed", media=image, reason="the boot NIC got no address")
            return
        try:
            document = read_boot_document(await self.fetch(image), url=image)
        except MediaRefused as error:
            self.journal("boot.failed", media=image, reason=str(error))
            return
        write_json(self._boot_document, document)
        await self._launch(image)

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
        write_json(self.place.run / "drives.json", erasing(self.plan_now))

    def set_boot(self, *, target: str, enabled: str, by: str = "bmc") -> None:
        """The boot override that the next power-on follows."""
        if (target, enabled) == (self.state.boot_target, self.state.boot_enabled):
            return
        self.state.boot_target, self.state.boot_enabled = target, enabled
        self.save()
        self.journal("boot.override", target=target, enabled=enabled, by=by)

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
        match self.state.power:
            case "PoweringOn":
                self.state.watts = float(self.plan.host_type.power.inrush_watts)
                self._rising = self.spawn(self._rise())
                self._inrush = self.spawn(self._settle_inrush())
            case "PoweringOff":
                self._begin_shutdown()
            case "On":
                # Hosts kept their power: no second inrush, which a feed's budget never foresaw.
                self.state.watts = float(self.plan.host_type.power.typical_watts)
                self.save()
                self.journal("power.glitch", booted=self.state.booted)
                self._rising = self.spawn(self._return_from_glitch())
            case _:
                pass
        self.journal("draw", watts=self.state.watts)

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
        write_json(self.state_path, self.state.model_dump(mode="json"))

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
