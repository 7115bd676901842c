"""Whoever follows events by number misses none, however many write at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from inventory.model import ComputeUnit, Event, Host, Record
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from tests.unit.inventory.records import NOW, make_host

WRITERS = 4
EACH = 40


def test_a_follower_sees_every_event_of_writers_at_the_same_time(store: SqlStore) -> None:
    done = threading.Event()
    seen: list[int] = []

    def write(writer: int) -> None:
        for n in range(EACH):
            event = Event(at=NOW, actor="test", kind="host.state", subject=f"host:{writer}-{n}")
            store.apply(Change(events=(event, event)), now=NOW)

    def follow() -> None:
        last = 0
        while True:
            ending = done.is_set()
            found = store.events(after=last)
            seen.extend(event.seq for event in found)
            last = found[-1].seq if found else last
            if ending and not found:
                return

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        following = pool.submit(follow)
        for one in [pool.submit(write, writer) for writer in range(WRITERS)]:
            one.result(timeout=60)
        done.set()
        following.result(timeout=60)
    assert len(seen) == WRITERS * EACH * 2
    assert seen == sorted(seen)
    assert store.last_event() == seen[-1]


def test_there_is_no_last_event_before_the_first(store: SqlStore) -> None:
    assert store.last_event() == 0


def test_records_are_counted_by_their_columns(store: SqlStore) -> None:
    hosts = (make_host(1), make_host(2), make_host(3, pod="other"))
    store.apply(Change(insert=hosts), now=NOW)
    assert store.tally(Host) == {(): 3}
    assert store.tally(Host, "pod") == {(hosts[0].pod,): 2, ("other",): 1}
    assert sum(store.tally(Host, "pod", "state").values()) == 3
    assert store.tally(ComputeUnit, "state") == {}
    assert store.tally(ComputeUnit) == {(): 0}


@pytest.mark.parametrize("kind", [Host, ComputeUnit])
def test_a_column_that_does_not_exist_is_not_counted_by(
    store: SqlStore, kind: type[Record]
) -> None:
    with pytest.raises(ValueError, match="has no column colour"):
        store.tally(kind, "colour")


def test_the_newest_events_come_backwards_by_subject_and_kind(store: SqlStore) -> None:
    told = [("host.state", "host:a"), ("host.parked", "host:b"), ("hosts.odd", "host:a")]
    events = tuple(Event(at=NOW, actor="t", kind=kind, subject=subject) for kind, subject in told)
    store.apply(Change(events=events), now=NOW)

    def numbers(**asked: Any) -> list[int]:
        return [event.seq for event in store.newest_events(**asked)]

    assert numbers() == [3, 2, 1]
    assert numbers(limit=2) == [3, 2]
    assert numbers(before=3) == [2, 1]
    assert numbers(subject="host:a") == [3, 1]
    assert numbers(kind="host") == [2, 1]
    assert numbers(kind="host.parked", before=2) == []
    assert [event.seq for event in store.events(kind="host")] == [1, 2]
    assert [event.seq for event in store.events(kind="host", subject="host:b")] == [2]
    assert [event.seq for event in store.events(kind="host", after=1)] == [2]
