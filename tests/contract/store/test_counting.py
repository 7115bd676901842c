"""Large counts are kept for a moment: never past a write of our own, nor long past another's."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from inventory.model import Host, UsageRecord
from inventory.states import HostState
from inventory.store.counting import KEPT_S, Counts
from inventory.store.protocol import Change
from inventory.store.query import Condition, Query
from inventory.store.sql import SqlStore
from inventory.users import Session
from tests.unit.inventory.records import NOW, make_host, make_usage

READY = Query((Condition("state", "exact", ("ready",)),), limit=1)


class Stopwatch:
    """Moves when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch(store: SqlStore) -> Stopwatch:
    """Every count is kept, however small."""
    made = Stopwatch()
    store._counts = Counts(kept_from=0, now_s=made)
    return made


def ready(store: SqlStore) -> int | None:
    """How many there are, by both ways to ask."""
    found = store.search(Host, READY).total
    assert store.outline(Host, READY).total == found
    return found


@pytest.mark.usefixtures("watch")
def test_a_count_follows_every_write_of_its_own_store(store: SqlStore) -> None:
    assert ready(store) == 0
    hosts = [make_host(n, state=HostState.READY) for n in (1, 2, 3)]
    store.apply(Change(insert=tuple(hosts)), now=NOW)
    assert ready(store) == 3
    moved = hosts[0].model_copy(update={"state": HostState.REPAIRING})
    store.apply(Change(replace=(moved,)), now=NOW)
    assert ready(store) == 2
    store.apply(Change(remove=(hosts[1],)), now=NOW)
    assert ready(store) == 1


@pytest.mark.usefixtures("watch")
def test_a_count_follows_what_is_metered_and_what_is_forgotten(store: SqlStore) -> None:
    everything = Query(limit=1)
    assert store.search(UsageRecord, everything).total == 0
    store.ingest_usage([make_usage(1), make_usage(2)])
    assert store.search(UsageRecord, everything).total == 2
    session = Session(id="s", user="u", created_at=NOW, expires_at=NOW, seen_at=NOW)
    store.apply(Change(insert=(session,)), now=NOW)
    assert store.search(Session, everything).total == 1
    store.forget(Session, "expires_at", before=NOW + timedelta(days=1), limit=10)
    assert store.search(Session, everything).total == 0


def test_of_another_process_a_count_misses_writes_for_a_moment_at_most(
    store: SqlStore, second: SqlStore, watch: Stopwatch
) -> None:
    assert ready(store) == 0
    second.apply(Change(insert=(make_host(1, state=HostState.READY),)), now=NOW)
    watch.seconds = KEPT_S - 0.1
    assert ready(store) == (0 if isinstance(store, SqlStore) else 1)  # memory is one process's
    watch.seconds = KEPT_S + 0.1
    assert ready(store) == 1


@pytest.mark.usefixtures("watch")
def test_a_count_that_is_kept_asks_the_database_nothing(store: SqlStore) -> None:
    if not isinstance(store, SqlStore):  # memory counts what it holds
        return
    asked: list[str] = []
    sa.event.listen(
        store._engine, "before_cursor_execute", lambda *given: asked.append(given[2].lower())
    )
    for _ in range(3):
        ready(store)
    assert sum("count(" in statement for statement in asked) == 1


def test_a_small_count_is_never_kept(store: SqlStore, second: SqlStore) -> None:
    assert ready(store) == 0
    second.apply(Change(insert=(make_host(1, state=HostState.READY),)), now=NOW)
    assert ready(store) == 1


def test_a_count_that_a_write_overtook_is_not_kept() -> None:
    counts, asked = Counts(kept_from=0), ("hosts", (), "")

    def count_while_somebody_writes() -> int:
        counts.written(["hosts"])
        return 7

    assert counts.total(asked, count_while_somebody_writes) == 7
    assert counts.total(asked, lambda: 8) == 8
