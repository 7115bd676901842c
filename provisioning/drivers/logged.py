"""A log line for every call to a BMC: which host, which verb, how long, how it ended.

Never a value: arguments and answers hold image URLs with boot tokens and text written by strangers,
so even an error is logged by its class alone. Wrapping keeps a driver's abilities visible: a driver
that cannot flash does not seem to after being wrapped, because the wrapper's class is put together
from the protocols that the driver satisfies.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from inventory.states import PowerState
from pods.erasing import EraseMethod
from pods.facts import HardwareFacts
from provisioning.drivers.agentstart import AgentStarter
from provisioning.drivers.capabilities import (
    AccountDriver,
    BmcAccount,
    BmcCertificate,
    BmcEvent,
    BmcRole,
    Capability,
    CertificateDriver,
    CipherDriver,
    Ciphers,
    EventSource,
    EventStream,
    FirmwarePusher,
    Indicator,
    IndicatorDriver,
    IpmiLanDriver,
    LogEntry,
    LogReader,
    PasswordPolicy,
    PasswordPolicyReader,
    PowerLimit,
    PowerLimiter,
    SensorReader,
    SensorReading,
    Subscription,
)
from provisioning.drivers.driveerase import DriveEraser, DriveReading
from provisioning.drivers.onelook import LooksOnce
from provisioning.drivers.protocol import (
    BiosDriver,
    BiosState,
    Bmc,
    BmcIdentity,
    BootSource,
    FirmwareDriver,
    ManagerReset,
    Media,
    MediaDriver,
    PowerMeter,
    ResourceReader,
    ShutdownDriver,
    TaskReading,
)

T = TypeVar("T")
Around = Callable[[str, Awaitable[Any]], Awaitable[Any]]
"""Awaits a call of this name."""


def logged(
    bmc: Bmc,
    *,
    host: str,
    logger: logging.Logger | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    around: Around | None = None,
) -> Bmc:
    """`bmc` with every call logged; it satisfies exactly the protocols that `bmc` does.

    `around` awaits each call by itself, or refuses to.
    """
    abilities = tuple(part for protocol, part in _PARTS if isinstance(bmc, protocol))
    journal = _Journal(
        host=host,
        logger=logger or logging.getLogger("provisioning.bmc"),
        monotonic=monotonic,
        around=around,
    )
    return _wrapper(abilities)(bmc, journal)


class _Journal:
    """Where calls are timed and written down."""

    def __init__(
        self,
        *,
        host: str,
        logger: logging.Logger,
        monotonic: Callable[[], float],
        around: Around | None,
    ) -> None:
        self._host = host
        self._logger = logger
        self._monotonic = monotonic
        self._around = around

    async def record(self, verb: str, call: Awaitable[T]) -> T:
        """Await `call`, then log how it went; what it raises passes on."""
        began = self._monotonic()
        outcome = "ok"
        try:
            return await (self._around(verb, call) if self._around else call)
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except Exception as error:
            # Any error at all: its class is what the line is for.
            outcome = type(error).__name__
            raise
        finally:
            self._write(verb, outcome, round((self._monotonic() - began) * 1000))

    def _write(self, verb: str, outcome: str, elapsed_ms: int) -> None:
        level = logging.INFO if outcome == "ok" else logging.WARNING
        fields = {"host": self._host, "verb": verb, "ms": elapsed_ms, "outcome": outcome}
        self._logger.log(level, "bmc call", extra=fields)


class _LoggedBmc:
    """The part that every wrapper has."""

    def __init__(self, inner: Any, journal: _Journal) -> None:
        self._inner = inner
        self._journal = journal
        self.without: frozenset[Capability] = getattr(inner, "without", frozenset())

    async def identity(self) -> BmcIdentity:
        return await self._journal.record("identity", self._inner.identity())

    async def facts(self) -> HardwareFacts:
        return await self._journal.record("facts", self._inner.facts())

    async def power(self) -> PowerState:
        return await self._journal.record("power", self._inner.power())

    async def power_on(self) -> None:
        await self._journal.record("power_on", self._inner.power_on())

    async def power_off(self) -> None:
        await self._journal.record("power_off", self._inner.power_off())

    async def boot_source(self) -> BootSource:
        return await self._journal.record("boot_source", self._inner.boot_source())

    async def set_boot_source(self, source: BootSource) -> None:
        await self._journal.record("set_boot_source", self._inner.set_boot_source(source))

    async def close(self) -> None:
        await self._journal.record("close", self._inner.close())


class _LoggedOneLook(_LoggedBmc):
    def one_look(self) -> AbstractContextManager[None]:
        # It asks the BMC nothing by itself.
        look: AbstractContextManager[None] = self._inner.one_look()
        return look


class _LoggedMedia(_LoggedBmc):
    async def media(self) -> Media:
        return await self._journal.record("media", self._inner.media())

    async def insert_media(self, image: str) -> None:
        await self._journal.record("insert_media", self._inner.insert_media(image))

    async def eject_media(self) -> None:
        await self._journal.record("eject_media", self._inner.eject_media())


class _LoggedBios(_LoggedBmc):
    async def bios(self) -> BiosState:
        return await self._journal.record("bios", self._inner.bios())

    async def set_bios(self, attributes: dict[str, str | int | bool]) -> None:
        await self._journal.record("set_bios", self._inner.set_bios(attributes))


class _LoggedFirmware(_LoggedBmc):
    async def firmware(self) -> dict[str, str]:
        return await self._journal.record("firmware", self._inner.firmware())

    async def update_firmware(self, component: str, image: str) -> str:
        call = self._inner.update_firmware(component, image)
        return await self._journal.record("update_firmware", call)

    async def update_tasks(self) -> tuple[TaskReading, ...]:
        return await self._journal.record("update_tasks", self._inner.update_tasks())


class _LoggedShutdown(_LoggedBmc):
    async def shut_down(self) -> None:
        await self._journal.record("shut_down", self._inner.shut_down())


class _LoggedAgentStart(_LoggedBmc):
    async def start_agent(self, document: bytes) -> None:
        await self._journal.record("start_agent", self._inner.start_agent(document))


class _LoggedManagerReset(_LoggedBmc):
    async def restart_manager(self) -> None:
        await self._journal.record("restart_manager", self._inner.restart_manager())


class _LoggedPowerMeter(_LoggedBmc):
    async def power_draw_watts(self) -> float | None:
        return await self._journal.record("power_draw_watts", self._inner.power_draw_watts())


class _LoggedSensors(_LoggedBmc):
    async def sensors(self) -> tuple[SensorReading, ...]:
        return await self._journal.record("sensors", self._inner.sensors())


class _LoggedPowerLimit(_LoggedBmc):
    async def power_limit(self) -> PowerLimit:
        return await self._journal.record("power_limit", self._inner.power_limit())

    async def set_power_limit(self, watts: float | None) -> None:
        await self._journal.record("set_power_limit", self._inner.set_power_limit(watts))


class _LoggedIndicator(_LoggedBmc):
    async def indicator(self) -> Indicator:
        return await self._journal.record("indicator", self._inner.indicator())

    async def set_indicator(self, wanted: Indicator) -> None:
        await self._journal.record("set_indicator", self._inner.set_indicator(wanted))


class _LoggedLogs(_LoggedBmc):
    async def log_entries(self) -> tuple[LogEntry, ...]:
        return await self._journal.record("log_entries", self._inner.log_entries())


class _LoggedAccounts(_LoggedBmc):
    async def accounts(self) -> tuple[BmcAccount, ...]:
        return await self._journal.record("accounts", self._inner.accounts())

    async def create_account(self, username: str, password: SecretStr, role: BmcRole) -> BmcAccount:
        call = self._inner.create_account(username, password, role)
        return await self._journal.record("create_account", call)

    async def set_account_password(self, username: str, password: SecretStr) -> None:
        call = self._inner.set_account_password(username, password)
        await self._journal.record("set_account_password", call)

    async def delete_account(self, username: str) -> None:
        await self._journal.record("delete_account", self._inner.delete_account(username))


class _LoggedCertificates(_LoggedBmc):
    async def certificates(self) -> tuple[BmcCertificate, ...]:
        return await self._journal.record("certificates", self._inner.certificates())

    async def request_certificate(self, common_name: str) -> str:
        call = self._inner.request_certificate(common_name)
        return await self._journal.record("request_certificate", call)

    async def install_certificate(self, pem: str) -> None:
        await self._journal.record("install_certificate", self._inner.install_certificate(pem))


class _LoggedEvents(_LoggedBmc):
    async def subscriptions(self) -> tuple[Subscription, ...]:
        return await self._journal.record("subscriptions", self._inner.subscriptions())

    async def subscribe(self, destination: str, context: str) -> Subscription:
        call = self._inner.subscribe(destination, context)
        return await self._journal.record("subscribe", call)

    async def unsubscribe(self, uri: str) -> None:
        await self._journal.record("unsubscribe", self._inner.unsubscribe(uri))


class _LoggedEventStream(_LoggedBmc):
    def events(self) -> AsyncIterator[BmcEvent]:
        # A stream has no end that a line could time; whoever follows it logs what it saw.
        stream: AsyncIterator[BmcEvent] = self._inner.events()
        return stream


class _LoggedFirmwarePush(_LoggedBmc):
    async def push_firmware(self, component: str, image: Path) -> str:
        call = self._inner.push_firmware(component, image)
        return await self._journal.record("push_firmware", call)


class _LoggedCiphers(_LoggedBmc):
    async def ciphers(self) -> Ciphers:
        return await self._journal.record("ciphers", self._inner.ciphers())

    async def close_weak_ciphers(self) -> None:
        await self._journal.record("close_weak_ciphers", self._inner.close_weak_ciphers())


class _LoggedIpmiLan(_LoggedBmc):
    async def ipmi_over_lan(self) -> bool | None:
        return await self._journal.record("ipmi_over_lan", self._inner.ipmi_over_lan())

    async def close_ipmi_over_lan(self) -> None:
        await self._journal.record("close_ipmi_over_lan", self._inner.close_ipmi_over_lan())


class _LoggedPasswordPolicy(_LoggedBmc):
    async def password_policy(self) -> PasswordPolicy:
        return await self._journal.record("password_policy", self._inner.password_policy())


class _LoggedResourceReader(_LoggedBmc):
    async def resources(self) -> dict[str, dict[str, Any]]:
        return await self._journal.record("resources", self._inner.resources())


class _LoggedDriveEraser(_LoggedBmc):
    async def drives(self) -> tuple[DriveReading, ...]:
        return await self._journal.record("drives", self._inner.drives())

    async def erase_drive(self, serial: str, method: EraseMethod) -> str:
        return await self._journal.record("erase_drive", self._inner.erase_drive(serial, method))

    async def erase_tasks(self) -> tuple[TaskReading, ...]:
        return await self._journal.record("erase_tasks", self._inner.erase_tasks())


_PARTS: tuple[tuple[type[Any], type[_LoggedBmc]], ...] = (
    (LooksOnce, _LoggedOneLook),
    (MediaDriver, _LoggedMedia),
    (BiosDriver, _LoggedBios),
    (FirmwareDriver, _LoggedFirmware),
    (ShutdownDriver, _LoggedShutdown),
    (AgentStarter, _LoggedAgentStart),
    (ManagerReset, _LoggedManagerReset),
    (PowerMeter, _LoggedPowerMeter),
    (ResourceReader, _LoggedResourceReader),
    (SensorReader, _LoggedSensors),
    (PowerLimiter, _LoggedPowerLimit),
    (IndicatorDriver, _LoggedIndicator),
    (LogReader, _LoggedLogs),
    (AccountDriver, _LoggedAccounts),
    (PasswordPolicyReader, _LoggedPasswordPolicy),
    (CertificateDriver, _LoggedCertificates),
    (EventSource, _LoggedEvents),
    (EventStream, _LoggedEventStream),
    (FirmwarePusher, _LoggedFirmwarePush),
    (CipherDriver, _LoggedCiphers),
    (IpmiLanDriver, _LoggedIpmiLan),
    (DriveEraser, _LoggedDriveEraser),
)


@cache
def _wrapper(abilities: tuple[type[_LoggedBmc], ...]) -> type[_LoggedBmc]:
    """One class per set of abilities: `isinstance` looks at the class, not at what it wraps."""
    return type("LoggedBmc", (*abilities, _LoggedBmc), {})
