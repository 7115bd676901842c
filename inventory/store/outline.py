"""Which records a query finds, without reading what they hold.

A list that shows a thousand hosts knows most of them from the list before: their keys, versions
and moments of writing say which. Their documents, which are large, are read for the rest alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from inventory.store import asking
from inventory.store.query import Query
from inventory.store.tables import Kind

PAGE_MAX = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One state of one record."""

    key: str
    version: int
    created_at: float
    """Seconds since 1970; 0 for a record from before this was kept."""
    updated_at: float

    @property
    def created(self) -> datetime | None:
        """When the record came."""
        return _moment(self.created_at)

    @property
    def updated(self) -> datetime | None:
        """When it was written last."""
        return _moment(self.updated_at)


@dataclass(frozen=True, slots=True)
class Outline:
    """One page of an answer: which records, and where the next page begins."""

    rows: tuple[Row, ...]
    total: int | None
    next_cursor: str


@dataclass(frozen=True, slots=True)
class Document:
    """A record as JSON, as it was written."""

    row: Row
    document: dict[str, Any]


def outline(connection: sa.Connection, kind: Kind, query: Query) -> Outline:
    """One page of what a query finds. A column that the kind does not have is a ValueError."""
    clauses = asking.where(kind, query)
    ordered = asking.order(kind, query)
    limit = max(1, min(query.limit, PAGE_MAX))
    columns = dict.fromkeys((*_state(kind), *(column for column, _ in ordered)))
    page = sa.select(*columns).where(*clauses)
    if query.after:
        page = page.where(asking.beyond(ordered, query.after))
    page = page.order_by(*(c.desc() if descending else c.asc() for c, descending in ordered))
    page = page.limit(limit + 1)
    if query.offset:
        page = page.offset(query.offset)
    rows = connection.execute(page).all()
    total = None
    if query.counted:
        count = sa.select(sa.func.count()).select_from(kind.table).where(*clauses)
        total = int(connection.execute(count).scalar_one())
    more = len(rows) > limit
    return Outline(
        rows=tuple(Row(*row[:4]) for row in rows[:limit]),
        total=total,
        next_cursor=asking.cursor_after(ordered, rows[limit - 1]) if more else "",
    )


def documents(connection: sa.Connection, kind: Kind, keys: Iterable[str]) -> dict[str, Document]:
    """Documents by key; a key that there is no more is simply absent."""
    wanted = list(dict.fromkeys(keys))
    found: dict[str, Document] = {}
    text = sa.type_coerce(sa.cast(kind.table.c.document, sa.Text), sa.Text)
    for start in range(0, len(wanted), PAGE_MAX):
        part = wanted[start : start + PAGE_MAX]
        query = sa.select(*_state(kind), text).where(kind.table.c.key.in_(part))
        for row in connection.execute(query):
            found[row[0]] = Document(Row(*row[:4]), json.loads(row[4]))
    return {key: found[key] for key in wanted if key in found}


def _state(kind: Kind) -> tuple[sa.Column[Any], ...]:
    columns = kind.table.c
    return columns.key, columns.version, columns.created_at, columns.updated_at


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
