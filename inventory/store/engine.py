"""Connections to either database, tuned, and their failures said in our own words.

SQLite runs in WAL mode with `synchronous=FULL`: an intent that the hardware was asked to act on
must survive a power cut. A writer says BEGIN IMMEDIATE, so two writers queue instead of failing
half-way; a reader's BEGIN gives all of its statements one view.

PostgreSQL's connections are bounded in number and each wait in time: a database that hangs must
become an error that names itself, never a service that hangs with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from inventory.errors import Invalid, StoreUnavailable
from inventory.store.settings import StoreSettings

WRITES = "podyard_writes"
"""The execution option that makes a transaction of SQLite take the write lock at its beginning."""

GLANCES = "podyard_glances"
"""The execution option of a connection that puts one question: SQLite gives a statement one view
of its own, so BEGIN and ROLLBACK around it would only cost."""

CACHE_KIB = 2048
"""SQLite's page cache for each connection, of which each thread has one: the upper pages of every
index stay in it, and the operating system keeps the rest. Eight threads that read the whole 21 MB
of a thousand hosts took 100 MiB with room for all of it and take 22 now, in the same time."""

FORM = "podyard keeps its records in SQLite, or in postgresql+psycopg://user@host/name"

IDLE_IN_TRANSACTION_S = 10
"""A process that is stopped in the middle of a transaction must not hold its locks for ever: not
those on its lease either, which others wait for 25 s at most before they take its hosts over. No
transaction of ours waits for anything but the database."""


def make_engine(url: str, settings: StoreSettings | None = None) -> sa.Engine:
    """An engine for `sqlite:///path` or `postgresql+psycopg://…`, or Invalid."""
    settings = settings or StoreSettings()
    parsed = _understood(url)
    if parsed.get_backend_name() == "sqlite":
        pool = {} if _in_memory(parsed) else _pool(settings, pre_ping=False)
        engine = sa.create_engine(parsed, **pool)
        _tune_sqlite(engine, settings)
        _create_private_file(engine.url.database)
        return engine
    try:
        pool = _pool(settings, pre_ping=True)
        return sa.create_engine(parsed, **pool, connect_args=_limits(settings))
    except ImportError as error:
        raise Invalid(
            f"PostgreSQL cannot be spoken to: {error}",
            hint="install podyard with all that its service needs: podyard[server]",
        ) from error


@contextmanager
def answering(engine: sa.Engine) -> Iterator[None]:
    """Say a database that is away in our own words; a defect of ours stays what it is."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError, InternalError) as error:
        raise StoreUnavailable(
            f"the database did not answer: {_cause(error)}",
            hint="podyard goes on by itself when it is back; nothing is lost",
        ) from error
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise StoreUnavailable(
            f"the connection to the {engine.dialect.name} database was lost: {_cause(error)}",
            hint="podyard goes on by itself when it is back; nothing is lost",
        ) from error


def _cause(error: Exception) -> str:
    """One line, without the statement: its parameters may be what nobody should read in a log."""
    cause = getattr(error, "orig", None) or error
    return str(cause).partition("\n")[0]


def _in_memory(url: sa.URL) -> bool:
    return url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")


def _understood(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except ArgumentError as error:
        raise Invalid(f"the database {_without_password(url)} cannot be read", hint=FORM) from error
    if parsed.drivername == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        raise Invalid(
            f"the database {_without_password(url)} is of a kind that podyard does not know",
            hint=FORM,
        )
    return parsed


def _pool(settings: StoreSettings, *, pre_ping: bool) -> dict[str, Any]:
    return {
        "pool_size": settings.connections,
        "max_overflow": max(0, settings.connections_max - settings.connections),
        "pool_timeout": settings.connection_wait_s,
        "pool_pre_ping": pre_ping,
    }


def _limits(settings: StoreSettings) -> dict[str, Any]:
    limits = {
        "statement_timeout": settings.statement_s,
        "lock_timeout": settings.lock_wait_s,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_S,
    }
    return {
        "application_name": "podyard",
        "connect_timeout": math.ceil(settings.connect_s),
        "options": " ".join(f"-c {name}={seconds * 1000:.0f}" for name, seconds in limits.items()),
        # A server that vanished without a word is noticed within half a minute.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
    }


def _without_password(url: str) -> str:
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url.partition("@")[2] or "given"


def _tune_sqlite(engine: sa.Engine, settings: StoreSettings) -> None:
    @sa.event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, see below
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA busy_timeout={settings.lock_wait_s * 1000:.0f}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _on_begin(connection: sa.Connection) -> None:
        options = connection.get_execution_options()
        if not options.get(GLANCES, False):
            writes = options.get(WRITES, False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _create_private_file(database: str | None) -> None:
    """The database holds sealed secrets and key hashes: readable by its owner alone."""
    if database and database != ":memory:":
        path = Path(database)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
