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
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, TypeVar

from inventory.states import PowerState
from pods.facts import HardwareFacts
from provisioning.drivers.protocol import (
    BiosDriver,
    BiosState,
    Bmc,
    BmcIdentity,
    BootSource,
    FirmwareDriver,
    Media,
    MediaDriver,
    PowerMeter,
    ResourceReader,
    TaskReading,
)

T = TypeVar("T")


def logged(
    bmc: Bmc,
    *,
    host: str,
    logger: logging.Logger | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Bmc:
    """`bmc` with every call logged; it satisfies exactly the protocols that `bmc` does."""
    abilities = tuple(part for protocol, part in _PARTS if isinstance(bmc, protocol))
    journal = _Journal(
        host=host, logger=logger or logging.getLogger("provisioning.bmc"), monotonic=monotonic
    )
    return _wrapper(abilities)(bmc, journal)


class _Journal:
    """Where calls are timed and written down."""

    def __init__(
        self, *, host: str, logger: logging.Logger, monotonic: Callable[[], float]
    ) -> None:
        self._host = host
        self._logger = logger
        self._monotonic = monotonic

    async def record(self, verb: str, call: Awaitable[T]) -> T:
        """Await `call`, then log how it went; what it raises passes on."""
        began = self._monotonic()
        outcome = "ok"
        try:
            return await call
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


class _LoggedPowerMeter(_LoggedBmc):
    async def power_draw_watts(self) -> float | None:
        return await self._journal.record("power_draw_watts", self._inner.power_draw_watts())


class _LoggedResourceReader(_LoggedBmc):
    async def resources(self) -> dict[str, dict[str, Any]]:
        return await self._journal.record("resources", self._inner.resources())


_PARTS: tuple[tuple[type[Any], type[_LoggedBmc]], ...] = (
    (MediaDriver, _LoggedMedia),
    (BiosDriver, _LoggedBios),
    (FirmwareDriver, _LoggedFirmware),
    (PowerMeter, _LoggedPowerMeter),
    (ResourceReader, _LoggedResourceReader),
)


@cache
def _wrapper(abilities: tuple[type[_LoggedBmc], ...]) -> type[_LoggedBmc]:
    """One class per set of abilities: `isinstance` looks at the class, not at what it wraps."""
    return type("LoggedBmc", (*abilities, _LoggedBmc), {})
