"""Many records in one change, and what a refused one says."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from inventory.errors import Conflict, StaleWrite
from inventory.model import Host
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from tests.unit.inventory.records import NOW, make_host

MANY = 2000


@pytest.fixture
def statements(store: SqlStore) -> list[str]:
    """Every statement that the store sends, an `executemany` once."""
    sent: list[str] = []

    @sa.event.listens_for(store._engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    return sent


def test_two_thousand_hosts_go_in_by_one_statement_and_come_out_equal(
    store: SqlStore, statements: list[str]
) -> None:
    hosts = tuple(make_host(n, tags=("blue",)) for n in range(MANY))
    store.apply(Change(insert=hosts), now=NOW)
    assert len([s for s in statements if s.startswith("INSERT INTO hosts")]) == 1
    assert store.count(Host) == MANY
    assert store.get(Host, hosts[-1].id) == hosts[-1]
    statements.clear()
    moved = tuple(h.model_copy(update={"rack": "r2"}) for h in hosts)
    store.apply(Change(replace=moved), now=NOW)
    assert len([s for s in statements if s.startswith("UPDATE hosts")]) == 1
    assert store.count(Host, rack="r2") == MANY
    store.apply(Change(remove=hosts), now=NOW)
    assert store.count(Host) == 0


def test_one_stale_record_among_many_is_named_and_nothing_is_written(store: SqlStore) -> None:
    hosts = [make_host(n) for n in range(50)]
    store.apply(Change(insert=tuple(hosts)), now=NOW)
    store.apply(Change(replace=(hosts[33],)), now=NOW)
    moved = tuple(h.model_copy(update={"rack": "r2"}) for h in hosts)
    with pytest.raises(StaleWrite, match=f"hosts {hosts[33].id} changed after version 1$"):
        store.apply(Change(replace=moved), now=NOW)
    assert store.count(Host, rack="r2") == 0


def test_a_collision_says_which_value_is_taken(store: SqlStore) -> None:
    store.apply(Change(insert=(make_host(1), make_host(2))), now=NOW)
    with pytest.raises(Conflict, match=r"^hosts: serial LAB000000002 exists already$"):
        store.apply(Change(insert=(make_host(3, serial="LAB000000002"), make_host(4))), now=NOW)
    with pytest.raises(Conflict, match=r"^hosts: name x stands 2 times in one change$"):
        store.apply(Change(insert=(make_host(5, name="x"), make_host(6, name="x"))), now=NOW)
    taken = make_host(1).model_copy(update={"name": "r1-h2"})
    with pytest.raises(Conflict, match=r"^hosts: name r1-h2 exists already$"):
        store.apply(Change(replace=(taken,)), now=NOW)
    assert store.count(Host) == 2


def test_a_long_list_of_collisions_is_cut(store: SqlStore) -> None:
    hosts = tuple(make_host(n) for n in range(20))
    store.apply(Change(insert=hosts), now=NOW)
    with pytest.raises(Conflict, match=r"and \d+ more$") as told:
        store.apply(Change(insert=hosts), now=NOW)
    assert len(str(told.value)) < 500


def test_a_record_keeps_the_moment_when_it_came(store: SqlStore) -> None:
    later = NOW + timedelta(hours=1)
    store.apply(Change(insert=(make_host(),)), now=NOW)
    store.apply(Change(replace=(make_host(rack="r2"),)), now=later)
    row = store.documents(Host, [make_host().id])[make_host().id].row
    assert (row.created, row.updated, row.version) == (NOW, later, 2)
