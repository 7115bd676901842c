"""An event loop with real sockets whose clock jumps over every wait.

Both ends of every connection live in this process, so when no socket has anything to say and the
loop would only wait for its next timer, nothing can happen before that timer: time may move on to
it at once. Deadlines, backoffs and hours of allowed time cost nothing, and a busy machine makes
nobody late.
"""

from __future__ import annotations

import asyncio
import selectors
from datetime import datetime, timedelta

from inventory.clock import SteadyClock
from provisioning.bench.virtual_time import Jump, Stuck, VirtualClock, VirtualLoop

LISTEN_S = 0.001
"""Loopback delivers within microseconds of the send: so long is listened before time moves on."""
STUCK_S = 20.0
"""Real seconds without a timer and without a byte: nothing will ever happen."""


class Skipping(Jump):
    """A selector that hears sockets and never waits for a timer."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What sockets have to say; else it is the next timer's turn."""
        if timeout is None:
            found = self.files.select(STUCK_S)
            if not found:
                raise Stuck("every task waits for something that no task will do")
            return found
        found = self.files.select(LISTEN_S if timeout > 0 else 0)
        if not found and timeout > 0:
            self.elapsed_s += timeout
        return found


class SkippingLoop(VirtualLoop):
    """The loop."""

    def __init__(self) -> None:
        super().__init__(Skipping())


class JumpingClock(VirtualClock):
    """The service's clock on a machine whose hands `jumped` moves, on such a loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.jumped = timedelta()
        self._steady = SteadyClock(wall=self._wall, elapsed=loop.time)

    def _wall(self) -> float:
        return (super().now() + self.jumped).timestamp()

    def now(self) -> datetime:
        """In UTC."""
        return self._steady.now()
