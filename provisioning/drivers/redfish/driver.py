"""The Redfish driver: the port's verbs, each handed to the noun that knows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from inventory.states import PowerState
from pods.facts import HardwareFacts
from provisioning.drivers.credentials import Credentials, Trust
from provisioning.drivers.protocol import BiosState, BmcIdentity, BootSource, Media, TaskReading
from provisioning.drivers.redfish import bios, boot, firmware, media, power
from provisioning.drivers.redfish.address import Endpoint
from provisioning.drivers.redfish.answers import Json, text
from provisioning.drivers.redfish.crawl import read_payloads
from provisioning.drivers.redfish.inventory import hardware_facts
from provisioning.drivers.redfish.resources import Resources
from provisioning.drivers.redfish.session import RedfishSession
from provisioning.drivers.redfish.whole import read_whole
from provisioning.errors import BmcUnreachable

DEADLINE_S = 15.0
"""One exchange. Healthy BMCs answer in 0.1-4 s; one that reboots does not answer at all."""
FACTS_DEADLINES = 8
"""`facts` is some 40 reads, three at a time: eight deadlines are 9 s a read at the worst."""

WHOLE_DEADLINES = 100
"""`resources` is up to some 1,400 reads, three at a time: 0.7 s a read at 15 s a deadline."""


class RedfishBmc:
    """One BMC spoken to over Redfish. Nothing is sent before the first verb."""

    def __init__(
        self,
        *,
        resources: Resources,
        deadline_s: float,
        clock: Callable[[], datetime],
    ) -> None:
        self._resources = resources
        self._session = resources.session
        self._deadline_s = deadline_s
        self._clock = clock

    @classmethod
    def connect(
        cls,
        address: str,
        credentials: Credentials,
        *,
        fingerprint: str | None,
        ca_file: Path | None,
        deadline_s: float = DEADLINE_S,
        expected_serial: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Self:
        """Describe the BMC at `redfish+https://host:port[/redfish/v1/Systems/ID]`.

        `expected_serial` chooses the System where a service has several.
        """
        endpoint = Endpoint.parse(address)
        trust = Trust.parse(address=endpoint.label, fingerprint=fingerprint, ca_file=ca_file)
        session = RedfishSession(
            endpoint=endpoint, credentials=credentials, trust=trust, deadline_s=deadline_s
        )
        resources = Resources(
            session=session, system_path=endpoint.system_path, expected_serial=expected_serial
        )
        return cls(resources=resources, deadline_s=deadline_s, clock=clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def identity(self) -> BmcIdentity:
        """Log in if need be and say which host this is."""
        root = await self._session.root()
        system = (await self._resources.system()).body
        manager = await self._resources.manager(system)
        return BmcIdentity(
            serial=text(system.get("SerialNumber")),
            uuid=text(system.get("UUID")).lower(),
            manufacturer=text(system.get("Manufacturer")),
            model=text(system.get("Model")),
            bmc_firmware=text(manager.get("FirmwareVersion")),
            redfish_version=text(root.get("RedfishVersion")),
        )

    async def facts(self) -> HardwareFacts:
        """Read the whole hardware."""
        limit_s = FACTS_DEADLINES * self._deadline_s
        try:
            async with asyncio.timeout(limit_s):
                payloads = await read_payloads(self._resources)
        except TimeoutError:
            raise BmcUnreachable(
                f"{self._session.label}: reading the hardware took over {limit_s:g} s",
                hint="this BMC is slow or busy; raise its deadline if it always is",
            ) from None
        return hardware_facts(payloads, observed_at=self._clock())

    async def resources(self) -> dict[str, Json]:
        """Every resource, by its path."""
        limit_s = WHOLE_DEADLINES * self._deadline_s
        try:
            async with asyncio.timeout(limit_s):
                return await read_whole(self._resources)
        except TimeoutError:
            raise BmcUnreachable(
                f"{self._session.label}: reading every resource took over {limit_s:g} s",
                hint="this BMC is slow or busy; raise its deadline if it always is",
            ) from None

    async def power(self) -> PowerState:
        """The power state as the BMC tells it; it may be seconds old."""
        return power.power_state((await self._resources.system()).body)

    async def power_on(self) -> None:
        """Converge: ask for On unless it is on already."""
        await power.power_on(self._resources)

    async def power_off(self) -> None:
        """Converge: ask for ForceOff unless it is off already."""
        await power.power_off(self._resources)

    async def boot_source(self) -> BootSource:
        """The override in force."""
        return boot.boot_source((await self._resources.system()).body)

    async def set_boot_source(self, source: BootSource) -> None:
        """Converge."""
        await boot.set_boot_source(self._resources, source)

    async def media(self) -> Media:
        """What is inserted."""
        return await media.media(self._resources)

    async def insert_media(self, image: str) -> None:
        """Converge: insert this URL, ejecting another one first."""
        await media.insert_media(self._resources, image)

    async def eject_media(self) -> None:
        """Converge."""
        await media.eject_media(self._resources)

    async def bios(self) -> BiosState:
        """Current and pending attributes."""
        return await bios.bios(self._resources)

    async def set_bios(self, attributes: dict[str, str | int | bool]) -> None:
        """Converge: stage these for the next boot."""
        await bios.set_bios(self._resources, attributes)

    async def firmware(self) -> dict[str, str]:
        """Component to version."""
        return await firmware.firmware(self._resources)

    async def update_firmware(self, component: str, image: str) -> str:
        """Destructive: start one update, return the task's path. Single try."""
        return await firmware.update_firmware(self._resources, component, image)

    async def update_tasks(self) -> tuple[TaskReading, ...]:
        """Every update task that the BMC still knows."""
        return await firmware.update_tasks(self._resources)

    async def power_draw_watts(self) -> float | None:
        """Watts drawn now; None when the BMC has no reading."""
        return await power.power_draw_watts(self._resources)

    async def close(self) -> None:
        """Log out and close. Safe to call twice; never raises."""
        await self._session.close()
