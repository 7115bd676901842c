"""Rings when a host becomes due that this controller has in hand or wrote a moment ago.

Looking for due hosts costs a question to the database, however many there are. So it is asked when
somebody is known to be due and at a steady tick besides, instead of after each step of each host.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from datetime import datetime

from inventory.clock import Clock


class Alarm:
    """One controller's. It rings only while it is armed: nobody else hears it."""

    def __init__(self, clock: Clock, ring: Callable[[], None], *, tick_s: float) -> None:
        self._clock = clock
        self._ring = ring
        self._tick_s = tick_s
        self._written: dict[str, float] = {}
        """When each host at work is due next, as it was written last, in seconds since 1970."""
        self._due: list[float] = []
        self._timer: asyncio.TimerHandle | None = None
        self._until = 0.0

    def set(self, host_id: str, at: datetime) -> None:
        """This host is due then, once its step has ended."""
        self._written[host_id] = at.timestamp()

    def ended(self, host_id: str) -> None:
        """Its step has ended. Where nothing was written it is due still, and the tick finds it."""
        at = self._written.pop(host_id, None)
        if at is None:
            return
        heapq.heappush(self._due, at)
        if self._timer is not None and at < self._until:
            self.arm()

    def arm(self) -> None:
        """Ring at the next tick, or when somebody is due before it."""
        self.disarm()
        now, due = self._clock.now().timestamp(), self._due
        while due and due[0] <= now:
            heapq.heappop(due)
            self._until = now
        if self._until == now:
            self._ring()
            return
        after_s = min(self._tick_s, due[0] - now) if due else self._tick_s
        self._until = now + after_s
        self._timer = asyncio.get_running_loop().call_later(after_s, self._ring)

    def disarm(self) -> None:
        """Be silent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
