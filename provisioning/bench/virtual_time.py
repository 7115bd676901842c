"""An event loop whose clock jumps to the next timer instead of waiting for it.

Everything that runs on it runs unchanged: `asyncio.sleep`, timeouts and locks all ask the loop for
its time. With one thread, no sockets and no other source of order than the loop's own queue, the
same beginning gives the same run.
"""

from __future__ import annotations

import asyncio
import itertools
import selectors
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Any, ParamSpec, TypeVar, TypeVarTuple

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")
L = TypeVar("L", bound=asyncio.AbstractEventLoop)

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
"""When virtual time begins: any moment, always the same."""
BEGINNING_S = BEGINNING.timestamp()


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
        self.jump = jump or Jump()
        super().__init__(self.jump)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self.jump.elapsed_s

    async def pause(self, delay_s: float) -> None:
        """Until so much later."""
        await asyncio.sleep(delay_s)


class SealedLoop(VirtualLoop):
    """The same where nothing at all comes from outside: its turns cost a third.

    Half a million turns bring a thousand hosts up, so each asks only what can be: is something
    ready, and when is the next timer due. Timers of one moment go in the order of their making.
    """

    def __init__(self) -> None:
        super().__init__()
        self._due: list[tuple[float, int, asyncio.TimerHandle | asyncio.Future[None]]] = []
        self._made = itertools.count()
        self._queue: deque[asyncio.Handle] = self._ready  # type: ignore[attr-defined]

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As every loop's."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heappush(self._due, (when, next(self._made), handle))
        return handle

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """As every loop's, in one thread and never closed early."""
        handle = asyncio.Handle(callback, args, self, context)
        self._queue.append(handle)
        return handle

    def get_debug(self) -> bool:
        """Asked for each handle; nobody ever sets it here."""
        return False

    async def pause(self, delay_s: float) -> None:
        """`asyncio.sleep` without a timer and its callback: most of what a wire does is to wait."""
        over: asyncio.Future[None] = self.create_future()
        heappush(self._due, (self.jump.elapsed_s + delay_s, next(self._made), over))
        await over

    def _run_once(self) -> None:
        """What `run_forever` does again and again."""
        due, queue = self._due, self._queue
        while due and due[0][2].cancelled():
            heappop(due)
        if not queue and not self._stopping:  # type: ignore[attr-defined]
            if not due:
                raise Stuck("every task waits for something that no task will do")
            self.jump.elapsed_s = max(self.jump.elapsed_s, due[0][0])
        now = self.jump.elapsed_s
        while due and due[0][0] <= now:
            timer = heappop(due)[2]
            if isinstance(timer, asyncio.Handle):
                queue.append(timer)
            elif not timer.done():
                timer.set_result(None)
        for _ in range(len(queue)):
            handle = queue.popleft()
            if not handle._cancelled:  # noqa: SLF001 - a loop's own
                handle._run()  # noqa: SLF001 - a loop is what runs them


class VirtualClock:
    """The clock of everything that runs on one loop."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._jump = loop.jump
        self.sleep = loop.pause
        """`asyncio.sleep`, which takes no time."""
        self._told = (0.0, BEGINNING)

    def now(self) -> datetime:
        """The virtual time, in UTC."""
        elapsed_s = self._jump.elapsed_s
        if elapsed_s != self._told[0]:  # a step asks many times in one moment
            self._told = (elapsed_s, BEGINNING + timedelta(seconds=elapsed_s))
        return self._told[1]


class HardwareClock:
    """The same time as simulated hardware asks for it."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._jump = loop.jump
        self.sleep = loop.pause
        """`asyncio.sleep`, which takes no time."""

    def now(self) -> float:
        """Unix seconds."""
        return BEGINNING_S + self._jump.elapsed_s

    def since(self, moment: float) -> float:
        """Seconds since a moment that `now` told."""
        return self.now() - moment


async def inline(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What `asyncio.to_thread` is elsewhere: threads would bring an order of their own."""
    return call(*args, **kwargs)


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run to the end, as `asyncio.run` does, without waiting for anything."""
    return run_on(SealedLoop(), main)


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
