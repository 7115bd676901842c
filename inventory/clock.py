"""The one way to ask for the time, so that a simulation can answer instead.

Deciders are handed `now`; loops are handed a `Clock`. Nothing else in podyard reads a clock.

A machine's clock can be set while the service runs, by a person or by NTP after a boot without it.
An hour forwards would end every allowed time and every grace at once, and a grace that ends too
early is a firmware flashed twice; an hour back would let every host sleep for that hour. So the
service follows its machine's clock slowly. Where it was set back while the service was down, it
goes on from what it wrote down last: else a grace would begin in the future, and last an hour more.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

log = logging.getLogger("podyard.clock")

FOLLOW = 0.1
"""Seconds per second by which a set clock is followed: an hour within ten. A grace is more than
twice the longest request, so that a tenth less is still enough."""
SAID_FROM_S = 10.0  # what NTP does to a running clock stays far below this
AHEAD_MOST_S = 86400.0
"""Daylight and time zones are hours: a clock that was wrong by more is not gone on from."""


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


def since_boot() -> float:
    """Seconds that nobody can set; where the system counts them, those asleep as well."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SteadyClock(SystemClock):
    """The machine's clock without its jumps. Safe to read from several threads."""

    def __init__(
        self,
        *,
        wall: Callable[[], float] = time.time,
        elapsed: Callable[[], float] = since_boot,
        known: datetime | None = None,
    ) -> None:
        """`known`: a moment that has been, by whatever was written down before this began."""
        self._wall = wall
        self._elapsed = elapsed
        self._reading = threading.Lock()
        self._at, self._told = elapsed(), wall()
        ahead = known.timestamp() - self._told if known is not None else 0.0
        if 0.0 < ahead <= AHEAD_MOST_S:
            self._told += ahead
        self._said = False

    def now(self) -> datetime:
        """As much later than before as time has passed, and a little towards the machine's."""
        with self._reading:
            at = self._elapsed()
            passed = at - self._at
            told = self._told + passed
            off = self._wall() - told
            most = FOLLOW * passed
            self._at, self._told = at, told + max(-most, min(most, off))
            self._say(off)
            return datetime.fromtimestamp(self._told, UTC)

    def _say(self, off: float) -> None:
        far = abs(off) > SAID_FROM_S
        if far and not self._said:
            log.warning("the machine's clock was set; following slowly", extra={"by_s": round(off)})
        self._said = far
