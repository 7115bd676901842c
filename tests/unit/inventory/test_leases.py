"""A worker that cannot renew its lease stops before the lease ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime

import pytest

from inventory.errors import FenceLost
from inventory.leases import TIMES, LeaseKeeper, LeaseTimes
from inventory.store.protocol import Fence
from inventory.store.sql import SqlStore
from tests.unit.inventory.records import NOW, FixedClock

FENCE = Fence(lease="provisioning", owner="me", number=1)


@pytest.fixture
def end() -> Iterator[threading.Event]:
    """Lets hanging calls go, so that their threads end with the test."""
    event = threading.Event()
    yield event
    event.set()


async def test_a_database_that_hangs_ends_in_fence_lost_while_the_lease_is_good(
    store: SqlStore, end: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FixedClock()
    asked: list[datetime] = []

    def hang(_fence: Fence, *, now: datetime, until: datetime) -> bool:
        asked.append(until)
        end.wait(10)
        return now < until

    monkeypatch.setattr(store, "renew_lease", hang)
    monkeypatch.setattr(LeaseTimes, "renew_allowed_s", 0.01)
    with pytest.raises(FenceLost, match="could not be renewed in time"):
        await LeaseKeeper(store, clock, FENCE).run()
    assert len(asked) > 1  # one call that hung was not the last try
    assert clock.now() <= NOW + TIMES.valid - TIMES.stop_before
    assert not end.is_set()


async def test_a_lease_that_was_taken_over_is_lost_at_once(store: SqlStore) -> None:
    clock = FixedClock()
    with pytest.raises(FenceLost, match="taken over"):
        await LeaseKeeper(store, clock, FENCE).run()
    assert clock.now() < NOW + TIMES.valid - TIMES.stop_before
