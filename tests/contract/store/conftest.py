"""The same store contract on SQLite in a file and on a real PostgreSQL."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.store.sql import SqlStore
from tests.contract.store import postgres

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(scope="session")
def postgres_sockets() -> Iterator[Path]:
    if reason := postgres.may_start():
        pytest.skip(reason)
    with postgres.server() as sockets:
        yield sockets


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'state' / 'podyard.db'}"
        return
    sockets = request.getfixturevalue("postgres_sockets")
    name = f"t{secrets.token_hex(4)}"
    base = "postgresql+psycopg://podyard@/{}?host=" + str(sockets)
    admin = sa.create_engine(base.format("postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield base.format(name)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    opened = SqlStore.open(url)
    yield opened
    opened.close()


@pytest.fixture
def second(url: str, store: SqlStore) -> Iterator[SqlStore]:
    """Another process's view of the same database."""
    assert store is not None
    opened = SqlStore.open(url)
    yield opened
    opened.close()
