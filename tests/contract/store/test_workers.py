"""Several controllers on one PostgreSQL: each host in one pair of hands, never in dead ones."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from inventory.errors import FenceLost, StaleWrite
from inventory.model import Host
from inventory.store.protocol import Change, Fence
from inventory.store.sql import SqlStore
from tests.unit.inventory.records import NOW, make_host

POSTGRES = pytest.param("postgresql", marks=pytest.mark.postgres)
several = pytest.mark.parametrize("url", [POSTGRES], indirect=True)
"""Of several workers: on SQLite there is one, and its directory's lock says so."""
either = pytest.mark.parametrize("url", ["sqlite", POSTGRES], indirect=True)

LONG = timedelta(minutes=5)
SHORT = timedelta(seconds=0.2)
AT_ONCE = timedelta(0)


def joined(store: SqlStore, owner: str, valid: timedelta = LONG) -> Fence:
    fence = store.join("provisioning", owner, now=NOW, valid=valid, alone=False)
    assert fence is not None
    return fence


def take(
    store: SqlStore, fence: Fence, *, limit: int = 100, rested: tuple[str, ...] = ()
) -> set[str]:
    found = store.take_due(fence, now=NOW, limit=limit, busy=(), rested=rested)
    return {host.id for host in found}


def add_hosts(store: SqlStore, count: int) -> set[str]:
    hosts = tuple(make_host(number) for number in range(1, count + 1))
    store.apply(Change(insert=hosts), now=NOW)
    return {host.id for host in hosts}


@either
def test_each_worker_has_a_lease_of_its_own_and_a_number_that_grows(store: SqlStore) -> None:
    one, two = joined(store, "a"), joined(store, "a")
    assert one.lease == f"provisioning/{one.number}"
    assert two == Fence(f"provisioning/{one.number + 1}", "a", one.number + 1)


@either
def test_whoever_is_alone_ends_the_others(store: SqlStore) -> None:
    dead = joined(store, "a")
    mine = store.join("provisioning", "b", now=NOW, valid=LONG, alone=True)
    assert mine is not None
    with pytest.raises(FenceLost):
        store.apply(Change(insert=(make_host(),)), now=NOW, fence=dead)
    store.apply(Change(insert=(make_host(),)), now=NOW, fence=mine)


@either
def test_a_name_that_begins_alike_is_another_role(store: SqlStore) -> None:
    mine = joined(store, "a")
    store.join("provision_ng", "b", now=NOW, valid=LONG, alone=True)
    store.apply(Change(insert=(make_host(),)), now=NOW, fence=mine)


@several
def test_a_host_is_in_one_pair_of_hands(store: SqlStore, second: SqlStore) -> None:
    hosts = add_hosts(store, 10)
    one, two = joined(store, "a"), joined(second, "b")
    first = take(store, one, limit=6)
    assert len(first) == 6
    assert take(second, two) == hosts - first
    assert take(store, one) == first, "its own are due again"


@several
def test_many_workers_that_look_at_once_share_all_hosts(store: SqlStore, url: str) -> None:
    hosts = add_hosts(store, 200)
    stores = [SqlStore.open(url) for _ in range(4)]
    fences = [joined(store, f"w{number}") for number, store in enumerate(stores)]
    gate, taken = threading.Barrier(len(stores)), Counter[str]()

    def work(store: SqlStore, fence: Fence) -> None:
        gate.wait()
        mine: set[str] = set()
        for _ in range(40):
            mine |= take(store, fence, limit=len(mine) + 7)
        taken.update(mine)

    threads = [
        threading.Thread(target=work, args=pair) for pair in zip(stores, fences, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in stores:
        one.close()
    assert set(taken) == hosts
    assert set(taken.values()) == {1}


@several
def test_a_host_that_rests_may_be_anybodys(store: SqlStore, second: SqlStore) -> None:
    hosts = add_hosts(store, 2)
    one, two = joined(store, "a"), joined(second, "b")
    take(store, one)
    resting = min(hosts)
    assert take(store, one, limit=0, rested=(resting,)) == set()
    assert take(second, two) == {resting}


@several
def test_only_who_has_a_host_in_hand_writes_it(store: SqlStore, second: SqlStore) -> None:
    add_hosts(store, 1)
    one, two = joined(store, "a"), joined(second, "b")
    (host,) = store.take_due(one, now=NOW, limit=9, busy=(), rested=())
    with pytest.raises(StaleWrite, match=f"not in the hands of {two.lease}"):
        second.apply(Change(replace=(host,)), now=NOW, fence=two)
    store.apply(Change(replace=(host,)), now=NOW, fence=one)


@several
def test_busy_hosts_are_not_handed_out_again(store: SqlStore) -> None:
    hosts = add_hosts(store, 3)
    mine = joined(store, "a")
    busy = min(take(store, mine))
    found = store.take_due(mine, now=NOW, limit=9, busy=(busy,), rested=())
    assert {host.id for host in found} == hosts - {busy}


@several
def test_a_host_that_somebody_is_writing_is_not_waited_for(
    store: SqlStore, engine: sa.Engine
) -> None:
    hosts = add_hosts(store, 3)
    mine = joined(store, "a")
    with engine.begin() as other:
        other.execute(
            sa.text("SELECT key FROM hosts WHERE key = :key FOR UPDATE"), {"key": min(hosts)}
        )
        assert take(store, mine) == hosts - {min(hosts)}
    assert take(store, mine) == hosts


@several
def test_the_dead_are_buried_after_lease_and_grace_and_come_back_to_nothing(
    store: SqlStore, second: SqlStore
) -> None:
    hosts = add_hosts(store, 2)
    zombie, heir = joined(store, "a", SHORT), joined(second, "b")
    (host, *_) = store.take_due(zombie, now=NOW, limit=9, busy=(), rested=())
    assert second.bury("provisioning", now=NOW, grace=AT_ONCE) == []
    assert take(second, heir) == set()
    time.sleep(SHORT.total_seconds() + 0.1)
    assert second.bury("provisioning", now=NOW, grace=LONG) == [], "its last request is on its way"
    assert take(second, heir) == set()
    assert second.bury("provisioning", now=NOW, grace=AT_ONCE) == [zombie.lease]
    assert take(second, heir) == hosts
    with pytest.raises(FenceLost):
        store.apply(Change(replace=(host,)), now=NOW, fence=zombie)
    with pytest.raises(FenceLost):
        take(store, zombie)
    assert not store.renew_lease(zombie, now=NOW, until=NOW + LONG)


@several
def test_a_burial_waits_for_the_write_of_who_is_not_quite_dead(
    store: SqlStore, second: SqlStore
) -> None:
    """A write that found its lease good is finished before another worker has the host."""
    add_hosts(store, 1)
    slow = joined(store, "a", timedelta(seconds=1.0))
    (host,) = store.take_due(slow, now=NOW, limit=1, busy=(), rested=())
    buried: list[list[str]] = []

    def bury() -> None:
        while not buried or not buried[-1]:
            buried.append(second.bury("provisioning", now=NOW, grace=AT_ONCE))
            time.sleep(0.05)

    thread = threading.Thread(target=bury)
    with store._write() as connection:
        from inventory.store import leasing, rows  # noqa: PLC0415 - the inside of `apply`

        leasing.check(connection, slow, NOW)
        thread.start()
        time.sleep(1.5)
        assert not any(buried), "it is skipped while its write holds the lease's row"
        rows.replace(connection, (host,), at=NOW.timestamp())
    thread.join(10)
    assert buried[-1] == [slow.lease]


@several
def test_a_clock_that_is_wrong_neither_ends_nor_keeps_a_workers_lease(store: SqlStore) -> None:
    mine = joined(store, "a")
    for hours in (-5, 5):
        wrong = NOW + timedelta(hours=hours)
        assert store.renew_lease(mine, now=wrong, until=wrong + LONG)
        assert store.bury("provisioning", now=wrong, grace=AT_ONCE) == []
        store.apply(Change(), now=wrong, fence=mine)


@several
def test_who_leaves_lets_go_at_once(store: SqlStore, second: SqlStore) -> None:
    hosts = add_hosts(store, 2)
    one, two = joined(store, "a"), joined(second, "b")
    take(store, one)
    store.leave(one)
    assert take(second, two) == hosts


@either
def test_of_two_decisions_that_must_know_of_each_other_one_is_written(
    store: SqlStore, second: SqlStore
) -> None:
    store.apply(Change(insert=(make_host(1), make_host(2))), now=NOW)
    for round_ in range(2):  # the first count of a note, and a later one
        said = store.note("watts/lab")
        assert second.note("watts/lab") == said
        one, two = store.get(Host, make_host(1).id), second.get(Host, make_host(2).id)
        assert one is not None
        assert two is not None
        store.apply(Change(replace=(one,), counted={"watts/lab": said}), now=NOW)
        with pytest.raises(StaleWrite, match="watts/lab"):
            second.apply(Change(replace=(two,), counted={"watts/lab": said}), now=NOW)
        assert second.get(Host, two.id) == two
        assert store.note("watts/lab") == str(round_ + 1)


@either
def test_two_first_counts_at_once_are_one(store: SqlStore, second: SqlStore) -> None:
    gate, stale = threading.Barrier(2), []

    def count(one: SqlStore) -> None:
        gate.wait()
        try:
            one.apply(Change(counted={"machine/m": ""}), now=NOW)
        except StaleWrite as error:
            stale.append(error)

    threads = [threading.Thread(target=count, args=(one,)) for one in (store, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stale) == 1
    assert store.note("machine/m") == "1"


@either
def test_hosts_written_ahead_of_a_clock_that_was_set_back_are_due(store: SqlStore) -> None:
    ahead = NOW + timedelta(hours=1)
    late = make_host(1, wake_at=ahead + timedelta(seconds=10))
    store.apply(Change(insert=(late,)), now=ahead)
    usual = make_host(2, wake_at=NOW + timedelta(seconds=10))
    store.apply(Change(insert=(usual,)), now=NOW)
    assert store.due_hosts(NOW, limit=9) == []
    assert store.written_last() == ahead
    store.wake_from_ahead(now=NOW)
    assert [host.name for host in store.due_hosts(NOW, limit=9)] == [late.name]
