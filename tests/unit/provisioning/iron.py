"""The hardware of one host, in this process: what it keeps outlives every controller.

Its journal says what was really done to it, and is the judge of every test that has one. No time
passes by itself: a clock is moved by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from inventory.states import PowerState
from pods.erasing import DriveRead
from pods.facts import HardwareFacts
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
from tests.make import NOW, lab, make_facts
from tests.unit.provisioning.hands import Hands

FLASH_S = 8.0
WANTED_VERSION = {item.component: item.version for item in lab().firmware["lab-cpu"]}


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
        for name in ("facts", "boot_source", "media", "update_tasks", "power_on"):
            setattr(self, name, getattr(iron, name))

    async def identity(self) -> BmcIdentity:
        """Who it is."""
        return await self._iron.identity()

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


def as_left(iron: Iron) -> dict[str, Any]:
    """What the hardware is, whatever media and boots were called."""
    return {
        "power": iron.power,
        "media": bool(iron.image),
        "source": iron.source,
        "firmware": iron.firmware,
        "bios": iron.bios,
        "staged": iron.staged,
    }
