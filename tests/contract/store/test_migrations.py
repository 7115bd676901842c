"""The migrations build exactly the schema that the code declares, on both databases."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from inventory.store.migrate import upgrade
from inventory.store.schema import metadata
from inventory.store.sql import SqlStore


def test_an_upgraded_database_equals_the_declared_tables(empty_url: str) -> None:
    SqlStore.open(empty_url).close()
    engine = sa.create_engine(empty_url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            differences = compare_metadata(context, metadata)
    finally:
        engine.dispose()
    assert differences == []


def test_upgrading_twice_changes_nothing(empty_url: str) -> None:
    SqlStore.open(empty_url).close()
    engine = sa.create_engine(empty_url)
    try:
        upgrade(engine)
        assert set(sa.inspect(engine).get_table_names()) >= set(metadata.tables)
    finally:
        engine.dispose()


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
    store = SqlStore.open(f"sqlite:///{tmp_path / 'podyard.db'}")
    name, wanted = pragma
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {name}").scalar() == wanted
    store.close()
