"""Questions that are put thousands of times a minute, worded once.

To build a statement costs three times as much as to run it: SQLAlchemy works out anew what it means
and which text it has. These are built at their first use, with places for what differs.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from inventory.model import Host, Record
from inventory.store.tables import KINDS, NOTES, SECRETS

KEY, AFTER, LIMIT, NOW = "the_key", "after_key", "at_most", "is_now"
POD, OWNER, VERSION, SEEN = "of_pod", "of_owner", "at_version", "seen_then"


@cache
def by_key(kind: type[Record]) -> sa.Select[Any]:
    """One record, at `KEY`."""
    table = KINDS[kind].table
    return sa.select(table.c.document, table.c.version).where(table.c.key == _text(KEY))


@cache
def by_columns(kind: type[Record], names: tuple[str, ...], *, after: bool) -> sa.Select[Any]:
    """At most `LIMIT` records whose columns have the values of the same names, after `AFTER`."""
    table = KINDS[kind].table
    return _equalling(kind, names, table.c.document, table.c.version, after=after)


@cache
def rows_by_columns(kind: type[Record], names: tuple[str, ...], *, after: bool) -> sa.Select[Any]:
    """Which states of the same, without what they hold."""
    found = KINDS[kind].table.c
    columns = (found.key, found.version, found.created_at, found.updated_at)
    return _equalling(kind, names, *columns, after=after)


def _equalling(
    kind: type[Record], names: tuple[str, ...], *columns: sa.Column[Any], after: bool
) -> sa.Select[Any]:
    table = KINDS[kind].table
    query = sa.select(*columns).where(
        *(table.c[name] == sa.bindparam(name, type_=table.c[name].type) for name in names)
    )
    if after:
        query = query.where(table.c.key > _text(AFTER))
    return query.order_by(table.c.key).limit(_limit())


@cache
def waking(*, pod: bool, host: bool) -> sa.Update:
    """Hosts are woken, and those that wait are due: all, those of `POD`, or that at `KEY`."""
    table = KINDS[Host].table
    query = sa.update(table)
    if pod:
        query = query.where(table.c.pod == _text(POD))
    if host:
        query = query.where(table.c.key == _text(KEY))
    waits = table.c.wake_at > _number(NOW)
    soon = sa.case((waits, _number(NOW)), else_=table.c.wake_at)
    return query.values(wake_at=soon, woken_at=_number(NOW))


@cache
def putting_off() -> sa.Update:
    """The host at `KEY` is due at `NOW`, if it has `VERSION` and was not woken since `SEEN`."""
    table = KINDS[Host].table
    version = sa.bindparam(VERSION, type_=table.c.version.type)
    mine = (
        table.c.key == _text(KEY),
        table.c.version == version,
        table.c.woken_at <= _number(SEEN),
    )
    return sa.update(table).where(*mine).values(wake_at=_number(NOW))


@cache
def due(*, among: bool) -> sa.Select[Any]:
    """At most `LIMIT` hosts that are due at `NOW`, longest waiting first; of the ids in `KEY`."""
    table = KINDS[Host].table
    query = sa.select(table.c.document, table.c.version).where(table.c.wake_at <= _number(NOW))
    if among:
        query = query.where(table.c.key.in_(sa.bindparam(KEY, expanding=True)))
    return query.order_by(table.c.wake_at).limit(_limit())


@cache
def due_keys() -> sa.Select[Any]:
    """Ids, pods and states of the same."""
    table = KINDS[Host].table
    query = sa.select(table.c.key, table.c.pod, table.c.state)
    query = query.where(table.c.wake_at <= _number(NOW))
    return query.order_by(table.c.wake_at).limit(_limit())


@cache
def note() -> sa.Select[Any]:
    """What the database says of itself under `KEY`."""
    return sa.select(NOTES.c.value).where(NOTES.c.name == _text(KEY))


@cache
def secret() -> sa.Select[Any]:
    """The sealed secret `KEY` of `OWNER`."""
    return sa.select(SECRETS.c.sealed).where(
        SECRETS.c.owner == _text(OWNER), SECRETS.c.name == _text(KEY)
    )


def _text(name: str) -> sa.BindParameter[str]:
    return sa.bindparam(name, type_=sa.String)


def _number(name: str) -> sa.BindParameter[float]:
    return sa.bindparam(name, type_=sa.Double)


def _limit() -> sa.BindParameter[int]:
    return sa.bindparam(LIMIT, type_=sa.Integer)
