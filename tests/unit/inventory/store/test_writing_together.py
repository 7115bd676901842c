"""Threads whose writes share a transaction, and what one of them must never do to another."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.errors import Conflict, FenceLost, StaleWrite, StoreUnavailable
from inventory.model import Event, Host
from inventory.store.grouping import Writers, _Ticket
from inventory.store.protocol import Change, Fence
from inventory.store.sql import SqlStore
from tests.migrated import fresh_store
from tests.unit.inventory.records import NOW, make_host

THREADS = 12


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    made = fresh_store(tmp_path)
    yield made
    made.close()


@pytest.fixture
def commits(store: SqlStore) -> list[str]:
    """One entry for each transaction that was committed."""
    made: list[str] = []
    sa.event.listen(store._engine, "commit", lambda _: made.append("commit"))
    return made


class Gathered:
    """Holds the first writer back until so many others wait behind it."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(THREADS + 1)

    def all_at_once(self, *writes: Callable[[], object]) -> list[BaseException | None]:
        """How each ended, None for well."""
        writers = self._store._writers
        held, began, pause = threading.Event(), threading.Event(), threading.Event()

        def hold(_: object) -> None:
            began.set()
            assert held.wait(20)

        first = self._pool.submit(writers.write, hold)
        assert began.wait(20)
        futures = []
        for write in writes:
            futures.append(self._pool.submit(write))
            while len(writers._waiting) < len(futures):
                pause.wait(0.001)
        held.set()
        first.exception(20)
        ended = [future.exception(20) for future in futures]
        self._pool.shutdown()
        return ended


@pytest.fixture
def gathered(store: SqlStore) -> Gathered:
    return Gathered(store)


def insert(store: SqlStore, number: int, **fields: object) -> Callable[[], None]:
    event = Event(at=NOW, actor="test", kind="host.made", subject=f"host:{number}")
    change = Change(insert=(make_host(number, **fields),), events=(event,))
    return lambda: store.apply(change, now=NOW)


def test_what_gathers_while_one_writes_is_committed_once(
    store: SqlStore, commits: list[str], gathered: Gathered
) -> None:
    ended = gathered.all_at_once(*(insert(store, number) for number in range(THREADS)))
    assert ended == [None] * THREADS
    assert len(commits) == 2  # the one that was held back, and all others
    assert store.count(Host) == THREADS
    assert [e.subject for e in store.events()] == [f"host:{number}" for number in range(THREADS)]


def test_one_that_is_refused_leaves_no_trace_and_harms_no_other(
    store: SqlStore, gathered: Gathered
) -> None:
    host = make_host(100)
    store.apply(Change(insert=(host,)), now=NOW)
    stale = Change(replace=(host.model_copy(update={"version": 7}),), insert=(make_host(101),))
    lost = Fence("provisioning", "somebody", 3)
    ended = gathered.all_at_once(
        insert(store, 1),
        insert(store, 2, serial=host.serial),
        lambda: store.apply(stale, now=NOW),
        lambda: store.apply(Change(insert=(make_host(102),)), now=NOW, fence=lost),
        insert(store, 3),
    )
    kinds = [type(one) for one in ended]
    assert kinds == [type(None), Conflict, StaleWrite, FenceLost, type(None)]
    assert {host.id for host in store.find(Host)} == {make_host(n).id for n in (1, 3, 100)}
    assert [event.subject for event in store.events()] == ["host:1", "host:3"]


def test_of_two_that_read_the_same_version_the_second_is_stale(
    store: SqlStore, gathered: Gathered
) -> None:
    host = make_host(1)
    store.apply(Change(insert=(host,)), now=NOW)
    moved = [host.model_copy(update={"rack": rack}) for rack in ("r8", "r9")]
    ended = gathered.all_at_once(
        *(lambda one=one: store.apply(Change(replace=(one,)), now=NOW) for one in moved)
    )
    assert ended[0] is None
    assert isinstance(ended[1], StaleWrite)
    kept = store.get(Host, host.id)
    assert kept is not None
    assert (kept.rack, kept.version) == ("r8", 2)


def test_nobody_is_told_of_a_success_that_was_not_committed(
    store: SqlStore, gathered: Gathered
) -> None:
    def fail(_: sa.Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    sa.event.listen(store._engine, "commit", fail)
    ended = gathered.all_at_once(*(insert(store, number) for number in range(4)))
    sa.event.remove(store._engine, "commit", fail)
    assert all(one is not None for one in ended)
    assert store.count(Host) == 0
    insert(store, 1)()
    assert store.count(Host) == 1


def test_a_transaction_that_sqlite_gave_up_is_told_to_all_of_it(
    store: SqlStore, gathered: Gathered
) -> None:
    def given_up(connection: sa.Connection) -> None:
        connection.exec_driver_sql("ROLLBACK")
        raise sqlite3.OperationalError("database or disk is full")

    ended = gathered.all_at_once(
        insert(store, 1), lambda: store._written(given_up), insert(store, 2)
    )
    assert all(one is not None for one in ended)
    assert store.count(Host) == 0


def test_whoever_comes_while_another_commits_is_written_next(store: SqlStore) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: insert(store, number)(), range(200)))
    assert store.count(Host) == 200
    assert len(store.events()) == 200


class _Stopped(BaseException):
    """As a KeyboardInterrupt comes: between any two lines."""


@pytest.mark.parametrize("place", ["waiting", "leading", "writing"])
def test_a_thread_that_is_interrupted_lets_others_write(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Whoever waits, is about to lead or writes may be stopped: nobody waits for ever."""
    stopped = threading.local()

    def interrupted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            if not getattr(stopped, "here", False):
                return real(*args, **options)
            if place == "waiting":
                real(*args, **options)  # its turn to lead has come
            raise _Stopped

        return call

    def to_be_stopped() -> None:
        stopped.here = True
        insert(store, 1)()

    names = {
        "waiting": (_Ticket, "wait"),
        "leading": (Writers, "_lead"),
        "writing": (Writers, "_commit"),
    }
    owner, name = names[place]
    monkeypatch.setattr(owner, name, interrupted(getattr(owner, name)))
    first, second, third = Gathered(store).all_at_once(
        to_be_stopped, insert(store, 2), insert(store, 3)
    )
    assert isinstance(first, _Stopped)
    # Those whose write it had taken with it are told to send it again; all others are written.
    assert {type(second), type(third)} == {StoreUnavailable if place == "writing" else type(None)}
    insert(store, 4)()
    kept = {host.id for host in store.find(Host)}
    assert kept == {make_host(n).id for n in ((4,) if place == "writing" else (2, 3, 4))}
