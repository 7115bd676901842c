"""Time as the simulated hardware sees it, so that a test never has to wait for it.

Everything that takes time in a host (powering on, booting, flashing, inrush) sleeps on this port
and stamps the journal with it. Only the real clock exists in the process; tests turn a manual one
by hand.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Protocol


class Clock(Protocol):
    """What the hall needs to know of time."""

    def now(self) -> float:
        """Unix seconds."""

    def since(self, moment: float) -> float:
        """Seconds of hardware time since a moment that `now` told."""

    async def sleep(self, seconds: float) -> None:
        """Wait for this many seconds of hardware time."""


@dataclass(frozen=True, slots=True)
class RealClock:
    """The machine's clock; `speed` shortens every wait by that factor and leaves `now` alone."""

    speed: float = 1.0

    def now(self) -> float:
        """Unix seconds of the machine, so that journals of several processes can be compared."""
        return time.time()

    def since(self, moment: float) -> float:
        """The same factor as for waiting."""
        return (time.time() - moment) * self.speed

    async def sleep(self, seconds: float) -> None:
        """Wait, sped up."""
        await asyncio.sleep(seconds / self.speed)


@dataclass(slots=True)
class ManualClock:
    """A clock that moves only when `advance` is called."""

    current: float = 1_700_000_000.0
    _sleepers: list[tuple[float, asyncio.Future[None]]] = field(default_factory=list)

    def now(self) -> float:
        """The hand-set time."""
        return self.current

    def since(self, moment: float) -> float:
        """By the hand-set time."""
        return self.current - moment

    async def sleep(self, seconds: float) -> None:
        """Wait until somebody has advanced the clock far enough."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.current + seconds, woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Move on, waking every sleeper at its own moment and in order."""
        end = self.current + seconds
        await self._settle()
        while due := [at for at, woken in self._sleepers if at <= end and not woken.done()]:
            self.current = max(self.current, min(due))
            self._wake()
            await self._settle()
        self.current = end

    def _wake(self) -> None:
        waiting = []
        for at, woken in self._sleepers:
            if at > self.current and not woken.done():
                waiting.append((at, woken))
            elif not woken.done():
                woken.set_result(None)
        self._sleepers = waiting

    @staticmethod
    async def _settle() -> None:
        # Woken coroutines run a few callbacks deep (gather, wait) before they sleep again.
        for _ in range(20):
            await asyncio.sleep(0)
