"""Looking again until a BMC shows what was asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from inventory.states import PowerState
from provisioning.drivers.protocol import Bmc

T = TypeVar("T")
SETTLE_S = 120.0
"""The slowest bed shows a power change after 1 to 11 s, at its random pleasure."""


async def until(read: Callable[[], Awaitable[T]], wanted: Callable[[T], bool]) -> T:
    """The first answer that is wanted."""
    async with asyncio.timeout(SETTLE_S):
        # A BMC across the network tells nobody: looking again is all there is.
        while not wanted(seen := await read()):  # noqa: ASYNC110
            await asyncio.sleep(0.3)
    return seen


async def see_power(bmc: Bmc, wanted: PowerState) -> None:
    """Until the power is so."""
    await until(bmc.power, lambda seen: seen is wanted)
