"""The one way to ask for the time, so that a simulation can answer instead.

Deciders are handed `now`; loops are handed a `Clock`. Nothing else in podyard reads a clock.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Time of day and waiting."""

    def now(self) -> datetime:
        """The time, in UTC with its zone."""

    async def sleep(self, delay_s: float) -> None:
        """Wait without blocking the loop."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, delay_s: float) -> None:
        """`asyncio.sleep`."""
        await asyncio.sleep(delay_s)
