"""Reads an outline and documents: keys and versions by SQL, documents as the text they are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

import sqlalchemy as sa

from inventory.store import asking
from inventory.store.counting import Counts
from inventory.store.outline import Document, Outline, Row
from inventory.store.query import Query
from inventory.store.rows import chunks
from inventory.store.tables import Kind


def outline(
    connection: sa.Connection, kind: Kind, query: Query, *, counts: Counts | None = None
) -> Outline:
    """One page of what a query finds. A column that the kind does not have is a ValueError."""
    page = asking.page(connection, kind, query, columns=_state(kind), counts=counts)
    return Outline(
        rows=tuple(Row(row[0], row[1], row[2], row[3]) for row in page.rows),
        total=page.total,
        next_cursor=page.next_cursor,
    )


def documents(connection: sa.Connection, kind: Kind, keys: Iterable[str]) -> dict[str, Document]:
    """Documents by key; a key that there is no more is simply absent."""
    wanted = list(dict.fromkeys(keys))
    found: dict[str, Document] = {}
    for part in chunks(wanted):
        query = sa.select(*_state(kind), kind.table.c.document).where(kind.table.c.key.in_(part))
        for row in connection.execute(query):
            found[row[0]] = Document(Row(*row[:4]), json.loads(row[4]))
    return {key: found[key] for key in wanted if key in found}


def states(connection: sa.Connection, kind: Kind, keys: Iterable[str]) -> dict[str, Row]:
    """Which state of each of these there is now."""
    wanted, query = list(dict.fromkeys(keys)), _of_these(kind.table)
    found: dict[str, Row] = {}
    if len(wanted) == 1:
        row = connection.execute(_of_this(kind.table), {"key": wanted[0]}).first()
        return {row[0]: Row(row[0], row[1], row[2], row[3])} if row is not None else {}
    for part in chunks(wanted):
        for row in connection.execute(query, {"keys": part}):
            found[row[0]] = Row(row[0], row[1], row[2], row[3])
    return found


@cache
def _of_this(table: sa.Table) -> sa.Select[Any]:
    """One is asked for most often, at every step of a host; a list is put in words each time."""
    columns = (table.c.key, table.c.version, table.c.created_at, table.c.updated_at)
    return sa.select(*columns).where(table.c.key == sa.bindparam("key"))


@cache
def _of_these(table: sa.Table) -> sa.Select[Any]:
    """Worded once: this is asked four times a second, and at each exchange with an agent."""
    columns = (table.c.key, table.c.version, table.c.created_at, table.c.updated_at)
    return sa.select(*columns).where(table.c.key.in_(sa.bindparam("keys", expanding=True)))


def _state(kind: Kind) -> tuple[sa.Column[Any], ...]:
    columns = kind.table.c
    return columns.key, columns.version, columns.created_at, columns.updated_at
