"""What a refused write collided with, by name: the databases themselves say little or too much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from inventory.model import Record
from inventory.store.protocol import Change
from inventory.store.rows import Overtaken, chunks
from inventory.store.tables import KINDS, Kind

SAID_MAX = 5
"""Collisions that a message names: a person corrects the first and sees the pattern."""


def conflict_message(connection: sa.Connection, change: Change, error: IntegrityError) -> str:
    """Which values are taken, read after the refused change was rolled back."""
    said = list(dict.fromkeys(_taken(connection, change)))
    if not said:
        cause = str(error.orig).partition("\n")[0]
        return f"a record with the same key exists already ({cause})"
    more = f", and {len(said) - SAID_MAX} more" if len(said) > SAID_MAX else ""
    return "; ".join(said[:SAID_MAX]) + more


def stale_message(connection: sa.Connection, overtaken: Overtaken) -> str:
    """Which records moved on, read after the refused change was rolled back."""
    table, wanted = overtaken.kind.table, overtaken.versions
    found: dict[str, int] = {}
    for keys in chunks(list(wanted)):
        query = sa.select(table.c.key, table.c.version).where(table.c.key.in_(keys))
        found.update((key, version) for key, version in connection.execute(query))
    return stale_words(overtaken, found)


def stale_words(overtaken: Overtaken, found: Mapping[str, int]) -> str:
    """The same, where the versions are known that there are now."""
    table, wanted = overtaken.kind.table, overtaken.versions
    stale = [key for key, version in wanted.items() if found.get(key) != version]
    if not stale:
        return f"one of {len(wanted)} {table.name} changed meanwhile"
    more = f", and {len(stale) - 1} more" if len(stale) > 1 else ""
    return f"{table.name} {stale[0]} changed after version {wanted[stale[0]]}{more}"


def _taken(connection: sa.Connection, change: Change) -> Iterator[str]:
    groups: dict[type[Record], tuple[list[Record], list[Record]]] = {}
    for record in change.insert:
        groups.setdefault(type(record), ([], []))[0].append(record)
    for record in change.replace:
        groups.setdefault(type(record), ([], []))[1].append(record)
    for record_kind, (inserted, replaced) in groups.items():
        kind = KINDS[record_kind]
        own_keys = {kind.key(record) for record in replaced}
        yield from _collisions(connection, kind, "key", inserted, set())
        for column in kind.table.c:
            if column.unique:
                yield from _collisions(
                    connection, kind, column.name, [*inserted, *replaced], own_keys
                )


def _collisions(
    connection: sa.Connection,
    kind: Kind,
    column: str,
    records: Sequence[Record],
    own_keys: set[str],
) -> Iterator[str]:
    """Values that two of the records share, or that another record has."""
    read = kind.key if column == "key" else kind.columns[column]
    values = Counter(value for value in map(read, records) if value is not None)
    for value, times in values.items():
        if times > 1:
            yield f"{kind.table.name}: {column} {value} stands {times} times in one change"
    for value, key in _rows(connection, kind, column, values):
        if key not in own_keys:
            yield f"{kind.table.name}: {column} {value} exists already"


def _rows(
    connection: sa.Connection, kind: Kind, column: str, values: Iterable[str]
) -> Iterator[tuple[str, str]]:
    table = kind.table
    for some in chunks(list(values)):
        query = sa.select(table.c[column], table.c.key).where(table.c[column].in_(some))
        for value, key in connection.execute(query):  # noqa: UP028 - a row is no tuple to mypy
            yield value, key
