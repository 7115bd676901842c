"""So many bytes in a second over one wire, whoever sends them.

A bucket that fills at the rate and holds a fifth of a second of it. Who takes more than is there
owes it, and everybody after waits until it is paid: so transfers take turns piece by piece, each is
slowed alike, and none is favoured for having come first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

BURST_S = 0.2


@dataclass(slots=True)
class Rate:
    """The wire's budget."""

    bytes_per_s: float
    now: Callable[[], float] = lambda: asyncio.get_running_loop().time()
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _filled_at: float | None = None
    _left: float = 0.0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def take(self, count: int) -> None:
        """Wait until so many bytes may be sent."""
        async with self._turn:  # first come, first served
            self._fill()
            self._left -= count
            if self._left < 0:
                await self.sleep(-self._left / self.bytes_per_s)

    def _fill(self) -> None:
        now, most = self.now(), self.bytes_per_s * BURST_S
        since_s = BURST_S if self._filled_at is None else now - self._filled_at
        self._left = min(most, self._left + since_s * self.bytes_per_s)
        self._filled_at = now
