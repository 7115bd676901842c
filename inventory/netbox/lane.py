"""One writer to NetBox at a time, in every process together: a lease of the store, renewed by use.

Batches of one device type wait for each other inside NetBox anyway (each updates a counter of the
type), so a second lane would only make conflicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from inventory.clock import Clock
from inventory.errors import Conflict, FenceLost
from inventory.store.protocol import Fence, Store

LEASE = "netbox"
VALID = timedelta(seconds=300)  # longer than a request may take, with its retries
RENEW_EVERY = timedelta(seconds=20)


@contextmanager
def lane(
    store: Store, clock: Clock, *, worker: str, alone: bool
) -> Iterator[tuple[Fence, Callable[[], None]]]:
    """The fence, and what to call before every request: it raises FenceLost when the lane is gone.

    Conflict when another process is in it. It is left free at once, whatever happened in it.
    """
    now = clock.now()
    fence = store.take_lease(LEASE, worker, now=now, until=now + VALID, alone=alone)
    if fence is None:
        raise Conflict(
            "another podyard process is at work on NetBox",
            hint="wait until it is done; a dead one is taken over after five minutes",
        )
    renewed = [now]

    def going_on() -> None:
        moment = clock.now()
        if moment - renewed[0] >= RENEW_EVERY:
            _renew(store, fence, moment)
            renewed[0] = moment

    try:
        yield fence, going_on
    finally:
        moment = clock.now()
        store.renew_lease(fence, now=moment, until=moment)


def _renew(store: Store, fence: Fence, moment: datetime) -> None:
    if not store.renew_lease(fence, now=moment, until=moment + VALID):
        raise FenceLost(f"the lease {LEASE} is no longer held by {fence.owner}")
