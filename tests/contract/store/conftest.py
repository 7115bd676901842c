"""The same store contract on SQLite in a file, on a real PostgreSQL and in memory.

A test that asks for an address, or for the database behind it, is about databases alone.

A database is a copy of one that was migrated once: a hundred tests would spend their time on
migrations otherwise. Tests of migrations themselves begin with an empty one.
"""

from __future__ import annotations

import inspect
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.store.memory import MemoryStore
from inventory.store.protocol import ForgettingStore
from inventory.store.sql import SqlStore
from tests.contract.store import postgres

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


MEMORY = "memory"
ABOUT_DATABASES = {"url", "engine", "statements"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    own = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "url" in metafunc.fixturenames and not any("url" in names for names in own):
        asked = {*inspect.signature(metafunc.function).parameters}
        two_processes = {"second", "monkeypatch"} <= asked
        beds = BOTH if two_processes or asked & ABOUT_DATABASES else [*BOTH, MEMORY]
        metafunc.parametrize("url", beds, indirect=True)


@pytest.fixture(scope="session")
def postgres_sockets() -> Iterator[Path]:
    if reason := postgres.may_start():
        pytest.skip(reason)
    with postgres.server() as sockets:
        yield sockets


@pytest.fixture(scope="session")
def postgres_template(postgres_sockets: Path) -> str:
    """A migrated database to copy."""
    postgres.create_database(postgres_sockets, "template_podyard")
    SqlStore.open(postgres.url_of(postgres_sockets, "template_podyard")).close()
    return "template_podyard"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy."""
    path = tmp_path_factory.mktemp("template") / "podyard.db"
    SqlStore.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database without records, or the word for none."""
    if request.param == MEMORY:
        yield MEMORY
        return
    if request.param == "sqlite":
        path = tmp_path / "state" / "podyard.db"
        path.parent.mkdir(mode=0o700)
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    template = request.getfixturevalue("postgres_template")
    yield from _postgres_database(request.getfixturevalue("postgres_sockets"), template)


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without a schema."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty' / 'podyard.db'}"
        return
    yield from _postgres_database(request.getfixturevalue("postgres_sockets"), "template1")


def _postgres_database(sockets: Path, template: str) -> Iterator[str]:
    name = f"t{secrets.token_hex(4)}"
    postgres.create_database(sockets, name, template=template)
    yield postgres.url_of(sockets, name)
    postgres.drop_database(sockets, name)


@pytest.fixture
def store(url: str) -> Iterator[ForgettingStore]:
    opened: ForgettingStore = MemoryStore() if url == MEMORY else SqlStore.open(url)
    yield opened
    opened.close()


@pytest.fixture
def second(url: str, store: ForgettingStore) -> Iterator[ForgettingStore]:
    """Another process's view of the same database; in memory there is one view."""
    opened = store if url == MEMORY else SqlStore.open(url)
    yield opened
    opened.close()


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    """The database as anybody else's program sees it."""
    made = sa.create_engine(url)
    yield made
    made.dispose()
