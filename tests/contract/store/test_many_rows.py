"""A year of a large site comes up from the first schema in a minute, and whole.

A million rows, most of them events and usage, as such a database has them. Rows are made by the
databases themselves: what is measured is the upgrade, not how they came.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from inventory.model import CertificateRecord, Event, Host, Record, UsageRecord
from inventory.store.engine import make_engine
from inventory.store.migrate import newest_revision, revision_of, upgrade
from inventory.store.query import Condition, Query
from inventory.store.sql import SqlStore
from inventory.store.tables import KINDS
from tests.contract.store.test_migrations import NEW_SINCE_0001
from tests.unit.inventory.records import NOW, make_facts, make_host, make_usage

LIMIT_S = 60.0
EVENTS, USAGE, HOSTS, CERTIFICATES = 600_000, 380_000, 10_000, 10_000
TOKEN = "777777777"
"""Stands in a template for the number of a row: nine digits, so that keys sort as numbers do."""
BEFORE_ONE = 100_000_000

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


@pytest.fixture
def empty(empty_url: str) -> Iterator[sa.Engine]:
    engine = make_engine(empty_url)
    yield engine
    engine.dispose()


def multiply(connection: sa.Connection, table: str, row: dict[str, Any], count: int) -> None:
    """Write one row many times, each with a number of its own where the token stands."""
    postgresql = connection.dialect.name == "postgresql"
    values, given = [], {}
    for name, value in row.items():
        if isinstance(value, str) and TOKEN in value:
            given[name] = value
            said = f"replace(CAST(:{name} AS TEXT), '{TOKEN}', CAST({BEFORE_ONE} + i AS TEXT))"
        else:
            given[name] = value
            said = f":{name}"
        values.append(f"CAST({said} AS JSONB)" if name == "document" and postgresql else said)
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"  # noqa: S608 - our own words
    into = f"INSERT INTO {table} ({', '.join(row)}) SELECT {', '.join(values)} FROM n"  # noqa: S608 - the same
    connection.execute(sa.text(f"{numbers} {into}"), given)


def row_of_0001(engine: sa.Engine, record: Record) -> tuple[str, dict[str, Any]]:
    """A record's row as the first schema had it."""
    kind = KINDS[type(record)]
    had = {column["name"] for column in sa.inspect(engine).get_columns(kind.table.name)}
    document = json.dumps(record.model_dump(mode="json", exclude=NEW_SINCE_0001))
    row: dict[str, Any] = {"key": kind.key(record), "version": 3, "document": document}
    return kind.table.name, row | {n: r(record) for n, r in kind.columns.items() if n in had}


def fill(engine: sa.Engine) -> int:
    """A million rows of the first schema; how many."""
    host = make_host(777_777_777, facts=make_facts())
    certificate = CertificateRecord(
        id=f"c-{TOKEN}",
        host_id=host.id,
        host=host.name,
        envelope={"payload": "x" * 2000},
        issued_at=NOW,
        expires_at=NOW,
        simulated=True,
        facts_digest="d",
    )
    usage = make_usage().model_copy(update={"id": f"u-{TOKEN}"})
    told = Event(at=NOW, actor="controller", kind="host.state", subject=f"host:{host.name}")
    with engine.begin() as connection:
        for record, count in ((host, HOSTS), (certificate, CERTIFICATES), (usage, USAGE)):
            multiply(connection, *row_of_0001(engine, record), count)
        event = {
            "at": NOW.timestamp(),
            "kind": told.kind,
            "subject": told.subject,
            "document": told.model_dump_json(exclude={"seq"}),
        }
        multiply(connection, "events", event, EVENTS)
    return EVENTS + USAGE + HOSTS + CERTIFICATES


def test_a_million_rows_of_the_first_schema_come_up_in_a_minute(
    empty: sa.Engine, empty_url: str, record_property: Any
) -> None:
    upgrade(empty, "0001")
    count = fill(empty)
    assert count == 1_000_000
    began_s, cpu_s, load = time.monotonic(), time.process_time(), os.getloadavg()[0]
    upgrade(empty)
    took_s, cpu_s = time.monotonic() - began_s, time.process_time() - cpu_s
    told = f"{empty.dialect.name}: {count:,} rows, {took_s:.1f} s, CPU here {cpu_s:.1f} s"
    record_property("upgrade", f"{told}, load {load:.1f}")
    print(f"{told}, load {load:.1f}")  # noqa: T201 - the figure for docs/benchmarks.md
    assert revision_of(empty) == newest_revision()
    with empty.connect() as connection:
        for table, rows in {
            "events": EVENTS,
            "usage_records": USAGE,
            "hosts": HOSTS,
            "certificates": CERTIFICATES,
        }.items():
            found = connection.execute(sa.select(sa.func.count()).select_from(sa.table(table)))
            assert found.scalar() == rows, table
    store = SqlStore.open(empty_url)
    try:
        late = Query((Condition("ended_at", "gte", (NOW,)),), limit=1)
        assert store.search(UsageRecord, late).total == USAGE
        fitted = Condition("gpu_model", "exact", ("Lab Accelerator",))
        assert store.search(Host, Query((fitted,), limit=1)).total == HOSTS
        valid = Query((Condition("expires_at", "exact", (NOW,)),), limit=1)
        assert store.search(CertificateRecord, valid).total == CERTIFICATES
        last = store.newest_events(limit=1)[0]
        assert (last.seq, last.subject) == (EVENTS, f"host:r1-h{BEFORE_ONE + EVENTS}")
    finally:
        store.close()
    assert took_s < LIMIT_S, told
