"""A controller's time-limited right to work: taken once, renewed while it lives, never outlived.

One lease row per worker and role, not per operation: a row per operation was seen to deadlock with
writers. The keeper renews every few seconds; a worker that could not renew stops *before* its lease
ends, so two workers never both believe they hold it. What stops is the controller and not the
service: doors stay open, and the controller begins anew as soon as it gets a lease.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from inventory.clock import Clock
from inventory.errors import Conflict, FenceLost, StoreUnavailable
from inventory.store.protocol import Fence, Store

log = logging.getLogger("podyard.lease")


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """How long a lease lasts, and what follows from it."""

    valid: timedelta = timedelta(seconds=20)
    """A dead worker's hosts wait this long at most, and for its last request."""

    @property
    def renew_every_s(self) -> float:
        """A quarter: three renewals may fail before the fourth comes too late."""
        return self.valid.total_seconds() / 4

    @property
    def renew_allowed_s(self) -> float:
        """A database that hangs must leave time for another try."""
        return self.valid.total_seconds() / 5

    @property
    def stop_before(self) -> timedelta:
        """A quarter, for the worker to end what it is doing."""
        return self.valid / 4

    def grace(self, longest_request_s: float) -> timedelta:
        """From a lease's end to the moment when nothing that its worker sent is on its way."""
        return max(timedelta(0), timedelta(seconds=longest_request_s) - self.stop_before)


TIMES = LeaseTimes()


class WorkersStore(Store, Protocol):
    """A store on which several workers of one role may work."""

    def join(
        self, role: str, owner: str, *, now: datetime, valid: timedelta, alone: bool
    ) -> Fence | None:
        """One more worker of a role; None: two came at once, try again."""

    def leave(self, fence: Fence) -> None:
        """End a worker's lease now, and let go of what it had in hand."""


class LeaseKeeper:
    """Keeps one lease until it is released or lost."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        fence: Fence,
        *,
        since: datetime | None = None,
        times: LeaseTimes = TIMES,
    ) -> None:
        self._store = store
        self._clock = clock
        self.fence = fence
        self._times = times
        self._until = (since or clock.now()) + times.valid
        # Threads of its own: a renewal must not queue behind those whom the lease protects.
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="lease")

    @classmethod
    async def take(
        cls,
        store: Store,
        clock: Clock,
        *,
        lease: str,
        owner: str,
        alone: bool,
        times: LeaseTimes = TIMES,
    ) -> LeaseKeeper:
        """Take the lease, or raise Conflict when another worker holds it."""
        now = clock.now()
        fence = await asyncio.to_thread(
            store.take_lease, lease, owner, now=now, until=now + times.valid, alone=alone
        )
        if fence is None:
            raise Conflict(
                f"another service holds the {lease} lease",
                hint=f"stop it, or wait {times.valid.seconds} s for its lease to end",
            )
        return cls(store, clock, fence, since=now, times=times)

    @classmethod
    async def join(
        cls,
        store: WorkersStore,
        clock: Clock,
        *,
        role: str,
        owner: str,
        alone: bool,
        times: LeaseTimes = TIMES,
    ) -> LeaseKeeper:
        """A lease of this worker's own, beside those of the role's other workers."""
        now = clock.now()
        fence = await asyncio.to_thread(
            store.join, role, owner, now=now, valid=times.valid, alone=alone
        )
        if fence is None:
            raise Conflict(f"two workers joined {role} at once", hint="it is tried again by itself")
        return cls(store, clock, fence, since=now, times=times)

    def is_held(self) -> bool:
        """Whether there is time left to act under this lease. Asks nobody: it is only counted."""
        return self._clock.now() < self._until - self._times.stop_before

    async def run(self) -> None:
        """Renew until cancelled. Raises FenceLost in time for the worker to stop."""
        try:
            while True:
                await self._clock.sleep(self._times.renew_every_s)
                self._require_time()  # a process that was paused wakes up here, too late
                await self._renew()
                self._require_time()
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _require_time(self) -> None:
        if not self.is_held():
            raise FenceLost(f"the {self.fence.lease} lease could not be renewed in time")

    async def _renew(self) -> None:
        now = self._clock.now()
        left_s = (self._until - self._times.stop_before - now).total_seconds()
        try:
            # Bounded: a connection that hangs raises nothing, and the lease would end unseen.
            async with asyncio.timeout(max(0.0, min(self._times.renew_allowed_s, left_s))):
                kept = await asyncio.get_running_loop().run_in_executor(
                    self._threads, self._ask, now
                )
        except TimeoutError:
            log.warning("lease not renewed", extra={"cause": "the database did not answer"})
            return
        except StoreUnavailable as error:  # the database is away; there is time for another try
            log.warning("lease not renewed", extra={"cause": str(error)})
            return
        if not kept:
            raise FenceLost(f"the {self.fence.lease} lease was taken over")
        self._until = now + self._times.valid

    def _ask(self, now: datetime) -> bool:
        return self._store.renew_lease(self.fence, now=now, until=now + self._times.valid)
