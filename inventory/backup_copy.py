"""All tables of a database in a new file, read in one transaction, without holding a writer up.

A transaction sees one state however much is written meanwhile, and on neither database does a
reader wait for writers or they for it: a copy is read once and is never begun anew.

SQLite copies by itself from one file into the other: no row passes through here. From PostgreSQL
the rows come one table after the other into a schema that our own migrations made.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from inventory.errors import Invalid, StoreUnavailable
from inventory.store.engine import answering, make_engine
from inventory.store.migrate import newest_revision, revision_of, upgrade
from inventory.store.reading_tables import NOT_IN_BACKUPS
from inventory.store.schema import metadata
from inventory.store.tables import HOLDS, LEASES

BATCH = 500
"""Rows that are held in memory at once: a host's document is about 20 kB."""
STAY = frozenset({LEASES.name, HOLDS.name}) | NOT_IN_BACKUPS
"""Who works now is no record: a restored lease would name a process that is long gone. Readings are
too many."""
LEFT_OUT = STAY | {"alembic_version"}
"""From PostgreSQL: the schema's number is written by the migrations themselves."""
SCHEMA = "SELECT name, sql FROM source.sqlite_master WHERE name NOT LIKE 'sqlite_%' AND"


def copy_out(url: str, fresh: Path) -> str:
    """Copy every table into a new file; the kind of the database that they came from."""
    source = make_engine(url)
    try:
        with answering(source):
            revision = revision_of(source)
        if not revision:
            raise Invalid("the database holds no records yet", hint="podyard serve makes it")
        fresh.touch(mode=0o600)
        if source.dialect.name == "sqlite":
            _copy_beside(source, fresh)
        else:
            _copy_rows(source, revision, fresh)
    finally:
        source.dispose()
    return source.dialect.name


def _copy_beside(source: sa.Engine, fresh: Path) -> None:
    """The source's schema and rows, by SQLite itself; indexes last, over all rows at once."""
    try:
        with closing(sqlite3.connect(fresh, isolation_level=None)) as copy:
            copy.execute("PRAGMA journal_mode=OFF")
            copy.execute("PRAGMA synchronous=OFF")  # see `_without_flushing`
            copy.execute("ATTACH ? AS source", (str(source.url.database),))
            copy.execute("BEGIN")
            for name, made_by in copy.execute(f"{SCHEMA} type = 'table'").fetchall():
                copy.execute(made_by)
                if name not in STAY:
                    copy.execute(f'INSERT INTO main."{name}" SELECT * FROM source."{name}"')  # noqa: S608 - a name that is in the schema
            for _, made_by in copy.execute(f"{SCHEMA} type <> 'table'").fetchall():
                copy.execute(made_by)
            copy.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        raise StoreUnavailable(
            f"the records could not be copied to {fresh.parent}: {error}",
            hint="see that there is room for as much again as the records take, and a sound disk",
        ) from error


def _copy_rows(source: sa.Engine, revision: str, fresh: Path) -> None:
    target = make_engine(f"sqlite:///{fresh}")
    sa.event.listen(target, "connect", _without_flushing)
    try:
        upgrade(target, revision)
        with answering(source), _snapshot(source) as reading, target.begin() as writing:
            copy_tables(reading, writing, known=revision == newest_revision())
        with target.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        target.dispose()


def _without_flushing(connection: Any, _record: Any) -> None:
    """The whole file is flushed at the end; what a power cut leaves before that is no backup."""
    connection.execute("PRAGMA synchronous=OFF")


@contextmanager
def _snapshot(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that sees one state of everything, for as long as it takes."""
    with engine.connect() as connection:
        connection.detach()
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("SET idle_in_transaction_session_timeout = 0")
        connection.commit()
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield connection


def copy_tables(reading: sa.Connection, writing: sa.Connection, *, known: bool = False) -> None:
    """Copy all rows of all tables that both have; `known`: both have the newest schema."""
    if known:
        there = here = metadata
    else:
        there, here = sa.MetaData(), sa.MetaData()
        there.reflect(reading)
        here.reflect(writing)
    for name in sorted(there.tables.keys() & here.tables.keys() - LEFT_OUT):
        _copy_table(reading, writing, there.tables[name], here.tables[name])


def _copy_table(
    reading: sa.Connection, writing: sa.Connection, old: sa.Table, new: sa.Table
) -> None:
    """Rows go to the driver as they came: a statement made for each would take most of the time.

    Documents pass as text, whatever type the reflection took them for.
    """
    columns = [c for c in old.c if c.name in new.c]
    rows = reading.execution_options(yield_per=BATCH).execute(
        sa.select(*map(_as_text, columns)).order_by(*old.primary_key.columns)
    )
    mark = "?" if writing.dialect.name == "sqlite" else "%s"
    names = ", ".join(f'"{c.name}"' for c in columns)
    marks = ", ".join(mark for _ in columns)
    statement = f'INSERT INTO "{new.name}" ({names}) VALUES ({marks})'  # noqa: S608 - names of our own schema
    for batch in rows.partitions(BATCH):
        writing.exec_driver_sql(statement, [tuple(row) for row in batch])


def _as_text(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    if isinstance(column.type, sa.JSON):
        return sa.type_coerce(column, sa.Text)
    return column
