"""A database that is away, hangs or is full of others is one error by name, and never for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.errors import Invalid, StoreUnavailable
from inventory.model import Host
from inventory.store.engine import make_engine
from inventory.store.protocol import Change
from inventory.store.settings import StoreSettings
from inventory.store.sql import SqlStore
from tests.contract.store import postgres
from tests.unit.inventory.records import NOW, make_host

IMPATIENT = StoreSettings(
    connections=1, connections_max=1, connection_wait_s=0.2, statement_s=0.3, lock_wait_s=0.2
)


@pytest.fixture(scope="module")
def own_sockets() -> Iterator[Path]:
    """A server that this file may stop."""
    if reason := postgres.may_start():
        pytest.skip(reason)
    with postgres.server() as sockets:
        postgres.create_database(sockets, "podyard")
        SqlStore.open(postgres.url_of(sockets, "podyard")).close()
        yield sockets


@pytest.fixture
def own(own_sockets: Path) -> Iterator[SqlStore]:
    store = SqlStore.open(postgres.url_of(own_sockets, "podyard"), IMPATIENT)
    yield store
    store.close()


@pytest.mark.postgres
def test_a_store_goes_on_by_itself_after_its_server_was_killed(
    own: SqlStore, own_sockets: Path
) -> None:
    before = own.count(Host)
    own.apply(Change(insert=(make_host(1),)), now=NOW)
    fence = own.take_lease("c", "me", now=NOW, until=NOW + timedelta(days=1), alone=False)
    assert fence is not None
    postgres.stop(own_sockets)
    try:
        for call in (
            lambda: own.count(Host),
            lambda: own.apply(Change(insert=(make_host(2),)), now=NOW, fence=fence),
            lambda: own.renew_lease(fence, now=NOW, until=NOW),
        ):
            with pytest.raises(StoreUnavailable, match="the database did not answer") as told:
                call()
            assert "goes on by itself" in told.value.hint
    finally:
        postgres.start(own_sockets)
    assert own.count(Host) == before + 1
    own.apply(Change(insert=(make_host(2),)), now=NOW, fence=fence)
    assert own.get(Host, make_host(2).id) == make_host(2)


@pytest.mark.postgres
def test_a_connection_that_the_server_ended_is_replaced(own: SqlStore, own_sockets: Path) -> None:
    own.count(Host)
    admin = sa.create_engine(postgres.url_of(own_sockets, "postgres"))
    with admin.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'podyard'"
        )
    admin.dispose()
    own.count(Host)


@pytest.mark.postgres
def test_a_statement_and_a_lock_are_waited_for_only_so_long(
    own: SqlStore, own_sockets: Path
) -> None:
    other = sa.create_engine(postgres.url_of(own_sockets, "podyard"))
    begun = time.monotonic()
    with other.connect() as holding:
        holding.exec_driver_sql("LOCK TABLE hosts IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            own.count(Host)
        holding.rollback()
    with (
        own._engine.connect() as connection,
        pytest.raises(sa.exc.OperationalError, match="statement timeout"),
    ):
        connection.exec_driver_sql("SELECT pg_sleep(20)")
    other.dispose()
    assert time.monotonic() - begun < 15


@pytest.mark.postgres
def test_waiting_for_a_connection_ends(own: SqlStore) -> None:
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with own._connected():
            taken.set()
            done.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait(10)
    try:
        with pytest.raises(StoreUnavailable, match="QueuePool limit"):
            own.count(Host)
    finally:
        done.set()
        holder.join()


@pytest.mark.postgres
def test_a_server_that_is_not_there_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="the database did not answer"):
        SqlStore.open(postgres.url_of(tmp_path, "podyard"))


@pytest.mark.postgres
def test_of_two_first_holders_of_a_lease_exactly_one_wins(own_sockets: Path) -> None:
    stores = [SqlStore.open(postgres.url_of(own_sockets, "podyard")) for _ in range(4)]
    gate = threading.Barrier(len(stores))
    won: list[str] = []

    def take(number: int, store: SqlStore) -> None:
        gate.wait()
        until = NOW + timedelta(days=1)
        if store.take_lease("fresh", f"w{number}", now=NOW, until=until, alone=False):
            won.append(f"w{number}")

    threads = [threading.Thread(target=take, args=pair) for pair in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()
    assert len(won) == 1


@pytest.mark.parametrize(
    "url", ["mysql://root@/x", "nonsense", "postgresql+psycopg2://ann:hunter2@db/x", "oracle://x"]
)
def test_another_kind_of_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(Invalid) as told:
        make_engine(url)
    assert "hunter2" not in str(told.value)
    assert told.value.hint


def test_a_locked_sqlite_is_waited_for_only_so_long(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'podyard.db'}"
    store = SqlStore.open(url, IMPATIENT)
    other = SqlStore.open(url, IMPATIENT)
    with other._write(), pytest.raises(StoreUnavailable, match="database is locked"):
        store.apply(Change(insert=(make_host(),)), now=NOW)
    store.apply(Change(insert=(make_host(),)), now=NOW)
    store.close()
    other.close()
