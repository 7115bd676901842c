"""The Redfish driver: the port's verbs, each handed to the noun that knows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from inventory.states import PowerState
from pods.erasing import EraseMethod
from pods.facts import HardwareFacts
from provisioning.drivers.capabilities import (
    BmcAccount,
    BmcCertificate,
    BmcEvent,
    BmcRole,
    Indicator,
    LogEntry,
    PasswordPolicy,
    PowerLimit,
    SensorReading,
    Subscription,
)
from provisioning.drivers.credentials import Credentials, Trust
from provisioning.drivers.driveerase import DriveReading
from provisioning.drivers.ear import DEAF, Ear
from provisioning.drivers.protocol import BiosState, BmcIdentity, BootSource, Media, TaskReading
from provisioning.drivers.redfish import (
    accounts,
    bios,
    boot,
    bootorder,
    certificates,
    drives,
    events,
    firmware,
    indicator,
    ipmi_lan,
    logs,
    media,
    power,
    powerlimit,
    restarting,
    sensors,
)
from provisioning.drivers.redfish.address import Endpoint
from provisioning.drivers.redfish.answers import Json, text
from provisioning.drivers.redfish.crawl import read_payloads
from provisioning.drivers.redfish.inventory import hardware_facts, serial_of
from provisioning.drivers.redfish.resources import Resources
from provisioning.drivers.redfish.rounds import Rounds
from provisioning.drivers.redfish.session import RedfishSession
from provisioning.drivers.redfish.transport import KEEPALIVE_S
from provisioning.drivers.redfish.wear import read_wear
from provisioning.drivers.redfish.whole import read_whole
from provisioning.drivers.rounds import Round, Wear
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
        self._rounds = Rounds(resources)
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
        keepalive_s: float = KEEPALIVE_S,
        ear: Ear = DEAF,
    ) -> Self:
        """Describe the BMC at `redfish+https://host:port[/redfish/v1/Systems/ID]`.

        `expected_serial` chooses the System where a service has several. `keepalive_s`: how long
        a connection waits for the next request, for whoever asks every few seconds.
        """
        endpoint = Endpoint.parse(address)
        trust = Trust.parse(address=endpoint.label, fingerprint=fingerprint, ca_file=ca_file)
        session = RedfishSession(
            endpoint=endpoint,
            credentials=credentials,
            trust=trust,
            deadline_s=deadline_s,
            keepalive_s=keepalive_s,
            ear=ear,
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

    def one_look(self) -> AbstractContextManager[None]:
        """Until it ends, each resource is read once, whichever verbs need it."""
        return self._session.one_look()

    async def identity(self) -> BmcIdentity:
        """Log in if need be and say which host this is."""
        root = await self._session.root()
        system = (await self._resources.system()).body
        manager = await self._resources.manager(system)
        return BmcIdentity(
            serial=serial_of(system),
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

    async def shut_down(self) -> None:
        """Converge: ask for GracefulShutdown unless it is off already."""
        await power.shut_down(self._resources)

    async def boot_source(self) -> BootSource:
        """The override in force."""
        cd_target = (await self._resources.habits()).cd_target
        return boot.boot_source((await self._resources.system()).body, cd_target=cd_target)

    async def set_boot_source(self, source: BootSource) -> None:
        """Converge."""
        await boot.set_boot_source(self._resources, source)

    async def boot_nics(self) -> tuple[str, ...]:
        """MAC addresses in the order in which the firmware asks them."""
        return await bootorder.boot_nics(self._resources)

    async def put_boot_nic_first(self, mac: str) -> None:
        """Converge: this one is asked before all others."""
        await bootorder.put_boot_nic_first(self._resources, mac)

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

    async def drives(self) -> tuple[DriveReading, ...]:
        """Every drive, with what erases it."""
        return await drives.drives(self._resources)

    async def erase_drive(self, serial: str, method: EraseMethod) -> str:
        """Destructive: begin to erase one drive, return the task's path. Single try."""
        return await drives.erase_drive(self._resources, serial, method)

    async def erase_tasks(self) -> tuple[TaskReading, ...]:
        """Every task that may be an erase."""
        return await drives.erase_tasks(self._resources)

    async def power_draw_watts(self) -> float | None:
        """Watts drawn now; None when the BMC has no reading."""
        return await power.power_draw_watts(self._resources)

    async def restart_manager(self) -> None:
        """Restart the BMC; its host runs on. Single try."""
        await restarting.restart_manager(self._resources)

    async def push_firmware(self, component: str, image: Path) -> str:
        """Destructive: send the image itself, return the task's path. Single try."""
        return await firmware.push_firmware(self._resources, component, image)

    async def sensors(self) -> tuple[SensorReading, ...]:
        """Every sensor's reading now."""
        return await sensors.sensors(self._resources)

    async def round(self) -> Round:
        """Everything that moves, in as few requests as this BMC lets it be."""
        return await self._rounds.read()

    async def wear(self) -> Wear:
        """What parts count of their errors and their wear."""
        return await read_wear(self._resources)

    async def power_limit(self) -> PowerLimit:
        """The limit in force and its bounds."""
        return await powerlimit.power_limit(self._resources)

    async def set_power_limit(self, watts: float | None) -> None:
        """Converge: None lifts the limit."""
        await powerlimit.set_power_limit(self._resources, watts)

    async def indicator(self) -> Indicator:
        """How the light shines."""
        return await indicator.indicator(self._resources)

    async def set_indicator(self, wanted: Indicator) -> None:
        """Converge."""
        await indicator.set_indicator(self._resources, wanted)

    async def log_entries(self) -> tuple[LogEntry, ...]:
        """The newest entries of every log, oldest first."""
        return await logs.log_entries(self._resources)

    async def accounts(self) -> tuple[BmcAccount, ...]:
        """Everybody who may log in."""
        return await accounts.accounts(self._resources)

    async def password_policy(self) -> PasswordPolicy:
        """The bounds of a password's length."""
        return await accounts.password_policy(self._resources)

    async def create_account(self, username: str, password: SecretStr, role: BmcRole) -> BmcAccount:
        """Add somebody. Single try."""
        return await accounts.create_account(self._resources, username, password, role)

    async def set_account_password(self, username: str, password: SecretStr) -> None:
        """Replace a password. Single try."""
        await accounts.set_account_password(self._resources, username, password)

    async def delete_account(self, username: str) -> None:
        """Converge."""
        await accounts.delete_account(self._resources, username)

    async def ipmi_over_lan(self) -> bool | None:
        """Whether the BMC listens to it."""
        return await ipmi_lan.ipmi_over_lan(self._resources)

    async def close_ipmi_over_lan(self) -> None:
        """Converge: it listens no more."""
        await ipmi_lan.close_ipmi_over_lan(self._resources)

    async def certificates(self) -> tuple[BmcCertificate, ...]:
        """What HTTPS presents."""
        return await certificates.certificates(self._resources)

    async def request_certificate(self, common_name: str) -> str:
        """A signing request for a key that stays in the BMC."""
        return await certificates.request_certificate(self._resources, common_name)

    async def install_certificate(self, pem: str) -> None:
        """Present this from now on; pin it before talking to the BMC again."""
        await certificates.install_certificate(self._resources, pem)

    async def subscriptions(self) -> tuple[Subscription, ...]:
        """Everybody who is told of events."""
        return await events.subscriptions(self._resources)

    async def subscribe(self, destination: str, context: str) -> Subscription:
        """Converge: one subscription of this destination and context."""
        return await events.subscribe(self._resources, destination, context)

    async def unsubscribe(self, uri: str) -> None:
        """Converge."""
        await events.unsubscribe(self._resources, uri)

    def events(self) -> AsyncIterator[BmcEvent]:
        """Events as they come, until the BMC hangs up or the caller stops."""
        return events.events(self._resources)

    async def close(self) -> None:
        """Log out and close. Safe to call twice; never raises."""
        await self._session.close()
