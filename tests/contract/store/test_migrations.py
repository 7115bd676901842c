"""Migrations build exactly the declared schema, keep what lies there, and fail without a trace."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DatabaseError

from inventory.errors import Invalid
from inventory.model import CertificateRecord, Host, Record, UsageRecord
from inventory.store.engine import make_engine
from inventory.store.migrate import (
    MIGRATIONS,
    config_for,
    newest_revision,
    revision_of,
    upgrade,
)
from inventory.store.protocol import Change
from inventory.store.query import Condition, Query
from inventory.store.schema import metadata
from inventory.store.sql import SqlStore
from inventory.store.tables import KINDS
from tests.unit.inventory.records import (
    NOW,
    make_claim,
    make_facts,
    make_host,
    make_pod,
    make_usage,
)

NEW_SINCE_0001 = {"position", "feed_b", "link_domain", "asset_tag", "tags", "custom"}
HOSTS = 1201  # more than two batches of the migration that fills columns in


@pytest.fixture
def empty(empty_url: str) -> Iterator[sa.Engine]:
    engine = make_engine(empty_url)
    yield engine
    engine.dispose()


def differences(url: str) -> list[Any]:
    """What Alembic would still write to make a database equal to the declared tables."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            return list(compare_metadata(context, metadata))
    finally:
        engine.dispose()


def test_an_upgraded_database_equals_the_declared_tables(empty_url: str) -> None:
    SqlStore.open(empty_url).close()
    assert differences(empty_url) == []


def test_upgrading_twice_changes_nothing(empty: sa.Engine) -> None:
    upgrade(empty)
    upgrade(empty)
    assert set(sa.inspect(empty).get_table_names()) >= set(metadata.tables)
    assert revision_of(empty) == newest_revision()


def insert_as_of_0001(engine: sa.Engine, *records: Record) -> None:
    """Rows as the first schema had them: fewer columns, and documents without the newer fields."""
    tables = sa.MetaData()
    tables.reflect(engine)
    with engine.begin() as connection:
        for record in records:
            kind = KINDS[type(record)]
            table = tables.tables[kind.table.name]
            document = record.model_dump(mode="json", exclude=NEW_SINCE_0001)
            row: dict[str, Any] = {"key": kind.key(record), "version": 3, "document": document}
            row |= {n: read(record) for n, read in kind.columns.items() if n in table.c}
            connection.execute(sa.insert(table), row)


def test_a_filled_database_of_the_first_schema_comes_up_whole(
    empty: sa.Engine, empty_url: str
) -> None:
    upgrade(empty, "0001")
    hosts = [make_host(n, facts=make_facts()) for n in range(HOSTS)]
    certificate = CertificateRecord(
        id="c",
        host_id=hosts[0].id,
        host=hosts[0].name,
        envelope={"payload": "x"},
        issued_at=NOW,
        expires_at=NOW,
        simulated=True,
        facts_digest="d",
    )
    insert_as_of_0001(empty, *hosts, make_pod(), make_claim(), make_usage(), certificate)
    store = SqlStore.open(empty_url)
    try:
        assert store.get(Host, hosts[7].id) == hosts[7].model_copy(update={"version": 3})
        found = store.search(
            Host,
            Query(
                conditions=(
                    Condition("gpu_model", "exact", ("Lab Accelerator",)),
                    Condition("memory_gib", "gte", (64,)),
                    Condition("site", "exact", ("here",)),
                    Condition("simulated", "exact", (True,)),
                ),
                limit=1,
            ),
        )
        assert found.total == HOSTS
        assert store.find(CertificateRecord, host="r1-h0") == [certificate]
        late = Query(conditions=(Condition("ended_at", "gte", (NOW,)),))
        assert store.search(UsageRecord, late).total == 1
    finally:
        store.close()


def test_each_revision_follows_the_one_before_and_none_goes_back(
    empty: sa.Engine, empty_url: str
) -> None:
    """No way back is promised, so none may be taken by half: a backup is the way."""
    scripts = ScriptDirectory.from_config(config_for(empty))
    upgrade(empty, "0001")
    insert_as_of_0001(empty, make_host(facts=make_facts()), make_usage())
    for script in reversed(list(scripts.walk_revisions())):
        upgrade(empty, script.revision)
        assert revision_of(empty) == script.revision
        before = sa.inspect(empty).get_table_names()
        if script.down_revision:
            with pytest.raises(NotImplementedError, match=f"{script.revision} has no way back"):
                command.downgrade(config_for(empty), "-1")
            assert revision_of(empty) == script.revision
            assert sa.inspect(empty).get_table_names() == before
    assert revision_of(empty) == newest_revision()
    assert differences(empty_url) == []
    store = SqlStore.open(empty_url)
    assert store.count(Host) == store.count(UsageRecord) == 1
    store.close()


FAILS = """
import sqlalchemy as sa
from alembic import op

def upgrade():
    op.create_table('half', sa.Column('x', sa.Integer))
    op.execute("UPDATE hosts SET name = 'gone'")
    op.execute("DROP TABLE nowhere")
"""


@pytest.fixture
def failing(tmp_path: Path) -> Path:
    """Our migrations, and one more that does something and then fails."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    header = f"revision, down_revision = '9999', {newest_revision()!r}\n"
    (folder / "versions" / "9999_fails.py").write_text(header + FAILS)
    return folder


def test_a_migration_that_fails_leaves_the_old_schema_usable(
    empty: sa.Engine, empty_url: str, failing: Path
) -> None:
    store = SqlStore.open(empty_url)
    host = make_host()
    store.apply(Change(insert=(host,)), now=NOW)
    with pytest.raises(DatabaseError):
        upgrade(empty, migrations=failing)
    assert "half" not in sa.inspect(empty).get_table_names()
    assert revision_of(empty) == newest_revision()
    assert store.find(Host) == [host]
    store.close()
    SqlStore.open(empty_url).close()


def test_a_database_of_a_newer_podyard_is_refused_and_left_alone(
    empty: sa.Engine, empty_url: str
) -> None:
    upgrade(empty)
    with empty.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9998'")
    with pytest.raises(Invalid, match=r"has schema 9998, this podyard knows \d+ at most") as told:
        SqlStore.open(empty_url)
    assert "restore the backup" in told.value.hint
    assert revision_of(empty) == "9998"


def test_a_new_sqlite_file_is_its_owners_alone_and_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "state" / "podyard.db"
    SqlStore.open(f"sqlite:///{path}").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()


@pytest.mark.parametrize("pragma", [("synchronous", 2), ("foreign_keys", 1)])
def test_sqlite_waits_for_the_disk(tmp_path: Path, pragma: tuple[str, int]) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'podyard.db'}")
    name, wanted = pragma
    with engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {name}").scalar() == wanted
    engine.dispose()


def test_a_document_is_stored_as_pydantic_wrote_it(url: str, store: SqlStore) -> None:
    store.apply(Change(insert=(make_host(),)), now=NOW)
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        text = connection.exec_driver_sql("SELECT CAST(document AS TEXT) FROM hosts").scalar_one()
    engine.dispose()
    assert text == make_host().model_dump_json()
    assert json.loads(text)["name"] == "r1-h1"
