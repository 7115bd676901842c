"""A copy in SQLite of what is in memory, for questions that SQL answers and for what it refuses.

Made when it is first asked for, and again for a kind of records that has changed since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from inventory.store import rows
from inventory.store.memory_table import MemoryTable
from inventory.store.schema import metadata
from inventory.store.tables import LABELS


class Mirror:
    """One database for one store; the caller's lock guards it."""

    def __init__(self) -> None:
        self._engine: sa.Engine | None = None
        self._copied: dict[str, int] = {}

    @contextmanager
    def of(self, tables: Iterable[MemoryTable]) -> Iterator[sa.Connection]:
        """A connection that sees these tables as they are now."""
        if self._engine is None:
            # One connection for all threads: each would see a database of its own otherwise.
            self._engine = sa.create_engine(
                "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
            )
            with self._engine.begin() as connection:
                metadata.create_all(connection)
        with self._engine.begin() as connection:
            for table in tables:
                self._copy(connection, table)
            yield connection

    def close(self) -> None:
        """Forget the copy."""
        if self._engine is not None:
            self._engine.dispose()
        self._engine, self._copied = None, {}

    def _copy(self, connection: sa.Connection, table: MemoryTable) -> None:
        name = table.kind.table.name
        if self._copied.get(name, 0) == table.generation:
            return
        connection.execute(sa.delete(table.kind.table))
        connection.execute(sa.delete(LABELS).where(LABELS.c.kind == name))
        made = []
        for key, record in table.records.items():
            version = getattr(record, "version", 1)
            created_at, updated_at = table.moments[key]
            row = rows.row_of(table.kind, record, version=version, at=created_at)
            made.append({**row, "updated_at": updated_at})
        if made:
            connection.execute(sa.insert(table.kind.table), made)
        if table.kind.labelled:
            labels = [label for one in table.records.values() for label in rows.labels(one)]
            if labels:
                connection.execute(sa.insert(LABELS), labels)
        self._copied[name] = table.generation
