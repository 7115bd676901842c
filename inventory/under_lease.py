"""A controller that works while it has a lease, and only then; its service outlives both.

When the database is away for longer than a lease lasts, the controller ends before its lease does:
nothing is done to hardware that cannot be written down. The doors stay open, and once a lease can
be had a new controller begins from the records, as after a restart. Where another process has the
lease, this one stands by.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from inventory.clock import Clock
from inventory.errors import Conflict, FenceLost, StoreUnavailable
from inventory.leases import LeaseKeeper

log = logging.getLogger("podyard.lease")

ASK_AGAIN_S = 1.0  # a lease that was let go is taken up within this
SAY_AGAIN_AFTER = 60  # tries: a minute's wait is worth a line in the log


class Worker(Protocol):
    """What works under a lease."""

    def wake(self) -> None:
        """Look for work now."""

    async def run(self) -> None:
        """Work until cancelled, or FenceLost."""


class UnderLease:
    """Takes the lease again and again, and lets a new worker work each time."""

    def __init__(
        self,
        clock: Clock,
        take: Callable[[], Awaitable[LeaseKeeper]],
        build: Callable[[LeaseKeeper], Worker],
        give_back: Callable[[LeaseKeeper], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._take = take
        self._build = build
        self._give_back = give_back
        self._worker: Worker | None = None

    def wake(self) -> None:
        """Let the worker of the moment look now."""
        if self._worker is not None:
            self._worker.wake()

    async def run(self) -> None:
        """Until cancelled; a defect of the worker ends it, what the database does never."""
        tries = 0
        while True:
            try:
                keeper = await self._take()
            except (Conflict, StoreUnavailable) as error:
                if tries % SAY_AGAIN_AFTER == 0:
                    log.warning("no lease: nothing is worked on", extra={"cause": str(error)})
                tries += 1
            else:
                tries = 0
                log.info("lease taken", extra={"lease": keeper.fence.lease})
                await self._work(keeper)
            await self._clock.sleep(ASK_AGAIN_S)

    async def _work(self, keeper: LeaseKeeper) -> None:
        try:
            await self._both(keeper, self._build(keeper))
        except (FenceLost, StoreUnavailable) as error:
            log.warning("lease lost; beginning anew", extra={"cause": str(error)})
        finally:
            self._worker = None
            await self._give_back(keeper)

    async def _both(self, keeper: LeaseKeeper, worker: Worker) -> None:
        """Until either ends; then neither goes on."""
        self._worker = worker
        tasks = [asyncio.create_task(keeper.run()), asyncio.create_task(worker.run())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # The worker first: it ends its steps while the lease is still good.
            for task in reversed(tasks):
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error


async def kept(_keeper: LeaseKeeper) -> None:
    """Give nothing back: the lease runs out by itself, or is this process's again."""
