"""What is too old goes in small batches; what counts stays counted."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from inventory.changes import ObjectChange, change_id
from inventory.model import Event, UsageRecord
from inventory.retention import LEASE, Retention, RetentionSettings
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from inventory.users import Session
from inventory.webhooks import Delivery
from tests.unit.inventory.records import NOW, FixedClock, make_usage

OLD = NOW - timedelta(days=500)
SMALL = RetentionSettings(batch=2)


async def here(call: Any, /, *args: Any, **kwargs: Any) -> Any:
    return call(*args, **kwargs)


def sweep(store: SqlStore, *, owner: str = "me") -> int:
    """One look at everything."""
    made = Retention(store, FixedClock(NOW), SMALL, owner, here)
    return asyncio.run(made.sweep())


def event(at: datetime) -> Event:
    return Event(at=at, actor="test", kind="k", subject="host:a")


def test_old_events_go_and_numbers_never_begin_anew(store: SqlStore) -> None:
    store.apply(Change(events=tuple(event(OLD) for _ in range(5))), now=NOW)
    assert sweep(store) == 4
    [last] = store.events()
    store.apply(Change(events=(event(NOW),)), now=NOW)
    assert store.last_event() == last.seq + 1
    assert sweep(store) == 1
    assert [e.at for e in store.events()] == [NOW]


def session(name: str, expires_at: datetime) -> Session:
    return Session(id=name, created_at=OLD, expires_at=expires_at, seen_at=OLD)


def delivery(name: str, state: str, next_at: datetime) -> Delivery:
    return Delivery.model_validate(
        {
            "id": name,
            "webhook_id": "w",
            "event_seq": 1,
            "state": state,
            "next_at": next_at,
            "created_at": OLD,
        }
    )


def changed(at: datetime) -> ObjectChange:
    return ObjectChange(
        id=change_id(at, "x"), at=at, actor="a", kind="host", key="k", action="update"
    )


def test_what_ended_goes_and_what_is_under_way_stays(store: SqlStore) -> None:
    store.apply(
        Change(
            insert=(
                *(session(f"old{n}", OLD) for n in range(5)),
                session("live", NOW + timedelta(hours=1)),
                delivery("settled", "delivered", OLD),
                delivery("given-up", "failed", OLD),
                delivery("waiting", "pending", OLD),
                delivery("young", "delivered", NOW - timedelta(days=1)),
                changed(OLD),
                changed(NOW),
            )
        ),
        now=NOW,
    )
    assert sweep(store) == 8
    assert [s.id for s in store.find(Session)] == ["live"]
    assert {d.id for d in store.find(Delivery)} == {"waiting", "young"}
    assert [c.at for c in store.find(ObjectChange)] == [NOW]


def total(store: SqlStore) -> tuple[int, int]:
    records = store.find(UsageRecord)
    return sum(r.prompt_tokens for r in records), sum(r.completion_tokens for r in records)


def test_old_usage_is_added_up_by_day_and_every_token_stays(store: SqlStore) -> None:
    def used(number: int, at: datetime, **fields: Any) -> UsageRecord:
        return make_usage(number, started_at=at, ended_at=at, **fields)

    day = OLD.replace(hour=0)
    records = [used(n, day + timedelta(minutes=n)) for n in range(5)]
    records += [used(10, day, tenant="other"), used(11, day, model="m"), used(12, NOW)]
    records += [used(13, day + timedelta(days=1))]
    store.ingest_usage(records)
    before = total(store)
    sweep(store)
    assert total(store) == before
    summed = [r for r in store.find(UsageRecord, tenant="acme") if r.id.startswith("day/")]
    assert sorted(r.prompt_tokens for r in summed) == [10, 10, 50]
    assert store.count(UsageRecord) == 5
    store.ingest_usage([used(14, day)])
    sweep(store)
    assert store.count(UsageRecord) == 5
    assert total(store)[0] == before[0] + 10
    assert sweep(store) == 0


def test_only_one_process_sweeps(store: SqlStore) -> None:
    store.apply(Change(events=(event(OLD), event(OLD))), now=NOW)
    until = NOW + timedelta(minutes=1)
    assert store.take_lease(LEASE, "another", now=NOW, until=until, alone=False)
    assert sweep(store) == 0


def test_a_sweep_leaves_no_lease_behind_that_a_restore_would_wait_for(store: SqlStore) -> None:
    store.apply(Change(events=(event(OLD), event(NOW))), now=NOW)
    assert sweep(store) == 1
    soon = NOW + timedelta(seconds=1)
    assert store.take_lease(LEASE, "another", now=soon, until=soon, alone=False)


@pytest.mark.parametrize("column", ["state", "nothing"])
def test_records_are_forgotten_by_a_moment_alone(store: SqlStore, column: str) -> None:
    with pytest.raises(ValueError, match=column):
        store.forget(Delivery, column, before=NOW, limit=1)
