"""Time as it passes while our own event loop keeps up; what the loop lags is nobody else's delay.

A BMC's answer waits in a socket until the loop turns to it, several times in one exchange. So a
service with more to do than its core can takes its own queue for slow BMCs, unless it knows how far
it is behind. That is measured by a wake-up ten times a second: how much later it comes than it was
due is how long everybody's answer waited too, and this clock stands still for so long.

It ticks only while somebody asks for time, so an idle service is not woken by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

TICK_S = 0.1
NOISE_S = 0.02
"""Timers come late by some milliseconds on any machine."""
TOWARDS_LAST = 0.2
"""Weight of the last wake-up: about one second is remembered."""
BEHIND_S = 0.1
"""A loop that turns to everybody so late gets no more done by being asked more."""


@dataclass(slots=True)
class OwnTime:
    """One event loop's."""

    time: Callable[[], float]
    lag_s: float = 0.0
    """How late the loop turns to what is ready, over the last second or so."""
    _lagged_s: float = 0.0
    """All that was ever lost."""
    _due: float | None = None
    """When the next wake-up should come; None: nobody asks."""
    _asking: int = 0

    @property
    def is_behind(self) -> bool:
        """Whether this process has more to do than it can."""
        return self.lag_s > BEHIND_S

    @property
    def stretch(self) -> float:
        """How many seconds of everybody's clock one of this takes now."""
        return (TICK_S + self.lag_s) / TICK_S

    def begin(self) -> float:
        """Somebody asks for time from now on, until `end`."""
        self._asking += 1
        if self._due is None:
            self.lag_s = 0.0
            self._wake_later()
        return self.now()

    def end(self) -> float:
        """That one asks no more."""
        ended = self.now()
        self._asking -= 1
        return ended

    def now(self) -> float:
        """Seconds, without those that the loop was behind; meaningful between `begin` and `end`."""
        now = self.time()
        if self._due is not None and now - self._due > NOISE_S:
            now = self._due  # the wake-up waits in the queue as well
        return now - self._lagged_s

    def _wake_later(self) -> None:
        self._due = self.time() + TICK_S
        asyncio.get_running_loop().call_later(TICK_S, self._woken)

    def _woken(self) -> None:
        late_s = self.time() - (self._due or 0.0)
        if late_s <= NOISE_S:
            late_s = 0.0
        self._lagged_s += late_s
        self.lag_s += (late_s - self.lag_s) * TOWARDS_LAST
        if self._asking:
            self._wake_later()
        else:
            self._due = None
