"""An event loop whose clock jumps to the next timer instead of waiting for it.

Everything that runs on it runs unchanged: `asyncio.sleep`, timeouts and locks all ask the loop for
its time. With one thread, no sockets and no other source of order than the loop's own queue, the
same beginning gives the same run.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
L = TypeVar("L", bound=asyncio.AbstractEventLoop)

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
"""When virtual time begins: any moment, always the same."""


class Stuck(RuntimeError):
    """Nothing is left that could ever happen, and the work is not done."""


class Jump(selectors.BaseSelector):
    """Nobody ever calls from outside: where a loop would wait, time moves on."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0
        self.files = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[Any]:
        """Move on to when the next timer is due."""
        if timeout is None:
            raise Stuck("every task waits for something that no task will do")
        if timeout > 0:
            self.elapsed_s += timeout
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """The loop's own wake-up pipe; nobody writes to it."""
        return self.files.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """The same."""
        return self.files.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """The same."""
        return self.files.get_map()

    def close(self) -> None:
        """The same."""
        self.files.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that never waits."""

    def __init__(self, jump: Jump | None = None) -> None:
        self._jump = jump or Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jump.elapsed_s


class VirtualClock:
    """The clock of everything that runs on one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        """The virtual time, in UTC."""
        return BEGINNING + timedelta(seconds=self._loop.time())

    async def sleep(self, delay_s: float) -> None:
        """`asyncio.sleep`, which takes no time."""
        await asyncio.sleep(delay_s)


class HardwareClock:
    """The same time as simulated hardware asks for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        """Unix seconds."""
        return BEGINNING.timestamp() + self._loop.time()

    def since(self, moment: float) -> float:
        """Seconds since a moment that `now` told."""
        return self.now() - moment

    async def sleep(self, seconds: float) -> None:
        """`asyncio.sleep`, which takes no time."""
        await asyncio.sleep(seconds)


async def inline(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What `asyncio.to_thread` is elsewhere: threads would bring an order of their own."""
    return call(*args, **kwargs)


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run to the end, as `asyncio.run` does, without waiting for anything."""
    return run_on(VirtualLoop(), main)


def run_on(loop: L, main: Callable[[L], Coroutine[Any, Any, T]]) -> T:
    """The same on a loop of one's own, which is closed."""
    try:
        return loop.run_until_complete(main(loop))
    finally:
        try:
            _cancel_the_rest(loop)
        finally:
            loop.close()


def _cancel_the_rest(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
