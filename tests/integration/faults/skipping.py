"""An event loop with real sockets whose clock jumps over every wait.

Both ends of every connection live in this process, so when no socket has anything to say and the
loop would only wait for its next timer, nothing can happen before that timer: time may move on to
it at once. Deadlines, backoffs and hours of allowed time cost nothing, and a busy machine makes
nobody late.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

BEGINNING = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LISTEN_S = 0.001
"""Loopback delivers within microseconds of the send: so long is listened before time moves on."""
STUCK_S = 20.0
"""Real seconds without a timer and without a byte: nothing will ever happen."""


class Skipping(selectors.BaseSelector):
    """A selector that never waits for a timer."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0
        self._sockets = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What sockets have to say; else it is the next timer's turn."""
        if timeout is None:
            found = self._sockets.select(STUCK_S)
            if not found:
                raise RuntimeError("every task waits for something that no task will do")
            return found
        found = self._sockets.select(LISTEN_S if timeout > 0 else 0)
        if not found and timeout > 0:
            self.elapsed_s += timeout
        return found

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As ever."""
        return self._sockets.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """As ever."""
        return self._sockets.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """As ever."""
        return self._sockets.get_map()

    def close(self) -> None:
        """As ever."""
        self._sockets.close()


class SkippingLoop(asyncio.SelectorEventLoop):
    """The loop."""

    def __init__(self) -> None:
        self._skipping = Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        """Seconds that went by for everybody on it."""
        return self._skipping.elapsed_s


class LoopClock:
    """The time of day on such a loop, as the controller asks for it. `jump` moves the hands."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.jumped = timedelta()

    def now(self) -> datetime:
        """In UTC."""
        return BEGINNING + timedelta(seconds=self._loop.time()) + self.jumped

    async def sleep(self, delay_s: float) -> None:
        """Takes no time."""
        await asyncio.sleep(delay_s)


class LoopHardwareClock:
    """The same time, as simulated hardware asks for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        """Unix seconds."""
        return BEGINNING.timestamp() + self._loop.time()

    def since(self, moment: float) -> float:
        """Seconds since a moment that `now` told."""
        return self.now() - moment

    async def sleep(self, seconds: float) -> None:
        """Takes no time."""
        await asyncio.sleep(seconds)


async def inline(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What a thread does elsewhere: one that answers later would be overtaken by the clock."""
    return call(*args, **kwargs)


def run(main: Callable[[SkippingLoop], Coroutine[Any, Any, T]]) -> T:
    """Run to the end, as `asyncio.run` does."""
    loop = SkippingLoop()
    try:
        return loop.run_until_complete(main(loop))
    finally:
        try:
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            if tasks:
                loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()
