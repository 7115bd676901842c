"""A controller's time-limited right to work: taken once, renewed while it lives, never outlived.

One lease row per worker and role, not per operation: a row per operation was seen to deadlock with
writers. The keeper renews every few seconds; a worker that could not renew stops *before* its lease
ends, so two workers never both believe they hold it.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from inventory.clock import Clock
from inventory.errors import Conflict, FenceLost, StoreUnavailable
from inventory.store.protocol import Fence, Store

log = logging.getLogger("podyard.lease")

VALID = timedelta(seconds=20)  # a dead worker's hosts wait this long at most
RENEW_EVERY_S = 5.0  # three renewals may fail before the fourth comes too late
RENEW_ALLOWED_S = 4.0  # a database that hangs must leave time for another try
STOP_BEFORE = timedelta(seconds=5)  # for the worker to end what it is doing


class LeaseKeeper:
    """Keeps one lease until it is released or lost."""

    def __init__(self, store: Store, clock: Clock, fence: Fence) -> None:
        self._store = store
        self._clock = clock
        self.fence = fence
        self._until = clock.now() + VALID

    @classmethod
    async def take(
        cls, store: Store, clock: Clock, *, lease: str, owner: str, alone: bool
    ) -> LeaseKeeper:
        """Take the lease, or raise Conflict when another worker holds it."""
        now = clock.now()
        fence = await asyncio.to_thread(
            store.take_lease, lease, owner, now=now, until=now + VALID, alone=alone
        )
        if fence is None:
            raise Conflict(
                f"another service holds the {lease} lease",
                hint=f"stop it, or wait {VALID.seconds} s for its lease to end",
            )
        return cls(store, clock, fence)

    async def run(self) -> None:
        """Renew until cancelled. Raises FenceLost in time for the worker to stop."""
        while True:
            await self._clock.sleep(RENEW_EVERY_S)
            await self._renew()
            if self._clock.now() >= self._until - STOP_BEFORE:
                raise FenceLost(f"the {self.fence.lease} lease could not be renewed in time")

    async def _renew(self) -> None:
        now = self._clock.now()
        left_s = (self._until - STOP_BEFORE - now).total_seconds()
        try:
            # Bounded: a connection that hangs raises nothing, and the lease would end unseen.
            async with asyncio.timeout(max(0.0, min(RENEW_ALLOWED_S, left_s))):
                kept = await asyncio.to_thread(
                    self._store.renew_lease, self.fence, now=now, until=now + VALID
                )
        except TimeoutError:
            log.warning("lease not renewed", extra={"cause": "the database did not answer"})
            return
        except StoreUnavailable as error:  # the database is away; there is time for another try
            log.warning("lease not renewed", extra={"cause": str(error)})
            return
        if not kept:
            raise FenceLost(f"the {self.fence.lease} lease was taken over")
        self._until = now + VALID
