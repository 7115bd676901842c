"""Records to rows and back, many at once.

A document is the text that pydantic wrote; it holds the version that the row has, so that reading
one is a single parse. Rows of one kind are written in the order of their keys: two changes that
touch the same records then wait for each other instead of blocking each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa

from inventory.model import Event, Host, Record
from inventory.store.protocol import PAGE_MAX, Change
from inventory.store.query import CUSTOM, TAG
from inventory.store.tables import EVENTS, KINDS, LABELS, Kind

R = TypeVar("R", bound=Record)
V = TypeVar("V")


class Overtaken(Exception):
    """Of these records, at the versions that they were read at, at least one has moved on.

    Which one shows only when what was written of the others is rolled back.
    """

    def __init__(self, kind: Kind, versions: dict[str, int]) -> None:
        super().__init__(kind.table.name)
        self.kind = kind
        self.versions = versions


LOOKED = "looked_at"
"""When the look at a host began that its new record comes from."""
LABEL_MAX = 255
"""Characters of a custom field's value that a filter sees."""


def record_from(kind: type[R], row: Any) -> R:
    """The record that a row with `document` and `version` holds."""
    record = kind.model_validate_json(row.document)
    version = getattr(record, "version", row.version)
    # A document from before 0002 holds the version that it was made from.
    return record if version == row.version else record.model_copy(update={"version": row.version})


def row_of(kind: Kind, record: Record, *, version: int, at: float) -> dict[str, Any]:
    """The row that holds a record which came at a time."""
    if getattr(record, "version", version) != version:
        record = record.model_copy(update={"version": version})
    return {
        "key": kind.key(record),
        "version": version,
        "created_at": at,
        "updated_at": at,
        "document": record.model_dump_json(),
        **{name: read(record) for name, read in kind.columns.items()},
    }


def insert(connection: sa.Connection, records: Iterable[Record], *, at: float) -> None:
    """Write new records, one statement for each kind."""
    for kind, group in _by_kind(records):
        rows = [row_of(kind, record, version=1, at=at) for record in group]
        connection.execute(sa.insert(kind.table), rows)


def replace(
    connection: sa.Connection,
    records: Iterable[Record],
    *,
    at: float,
    looked: Mapping[str, datetime] | None = None,
) -> None:
    """Write records over the version that they were read at, or Overtaken."""
    for kind, group in _by_kind(records):
        versioned = "version" in type(group[0]).model_fields
        rows = [_replacing(kind, record, versioned=versioned, at=at) for record in group]
        if type(group[0]) is Host:
            for row in rows:
                row[LOOKED] = _looked(looked, row["old_key"])
        statement = _update(type(group[0]), versioned=versioned)
        if connection.execute(statement, rows).rowcount != len(rows):
            raise Overtaken(kind, {row["old_key"]: row["old_version"] for row in rows})


def remove(connection: sa.Connection, records: Iterable[Record]) -> None:
    """Remove records, at whatever version."""
    for kind, group in _by_kind(records):
        for keys in chunks([kind.key(record) for record in group]):
            connection.execute(sa.delete(kind.table).where(kind.table.c.key.in_(keys)))


def write_labels(connection: sa.Connection, change: Change) -> None:
    """Tags and custom fields as they stand in the records that are written now."""
    stale: dict[str, list[str]] = {}
    for record in (*change.replace, *change.remove):
        kind = KINDS[type(record)]
        if kind.labelled:
            stale.setdefault(kind.table.name, []).append(kind.key(record))
    for name, found in stale.items():
        for keys in chunks(found):
            connection.execute(_unlabelling(), {"of_kind": name, "keys": list(keys)})
    removed = {(type(record), KINDS[type(record)].key(record)) for record in change.remove}
    rows = [
        row
        for record in (*change.insert, *change.replace)
        if KINDS[type(record)].labelled
        and (type(record), KINDS[type(record)].key(record)) not in removed
        for row in labels(record)
    ]
    if rows:
        connection.execute(sa.insert(LABELS), rows)


@cache
def _unlabelling() -> sa.Delete:
    keys = LABELS.c.key.in_(sa.bindparam("keys", expanding=True))
    return sa.delete(LABELS).where(LABELS.c.kind == sa.bindparam("of_kind"), keys)


def labels(record: Any) -> Iterator[dict[str, str]]:
    """The rows of one record's tags and custom fields."""
    kind = KINDS[type(record)]
    named = [(TAG, tag) for tag in dict.fromkeys(record.tags)]
    named += [
        (f"{CUSTOM}{name}", str(value).lower() if isinstance(value, bool) else str(value))
        for name, value in record.custom.items()
        if value is not None
    ]
    for name, value in named:
        yield {
            "kind": kind.table.name,
            "key": kind.key(record),
            "name": name,
            "value": value[:LABEL_MAX],
        }


def append(connection: sa.Connection, events: Sequence[Event]) -> None:
    """Add events, in order."""
    if events:
        connection.execute(sa.insert(EVENTS), [_event_row(event) for event in events])


def event_from(row: Any) -> Event:
    """The event that a row of `EVENTS` holds."""
    return Event.model_validate_json(row.document).model_copy(update={"seq": row.seq})


def chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many keys as one statement may name, filled up: for what asks of each whether it is there.

    SQLite takes 32,766 values, a page is far below.
    """
    return (filled_up(keys[start : start + PAGE_MAX]) for start in range(0, len(keys), PAGE_MAX))


def filled_up(values: Sequence[V]) -> Sequence[V]:
    """The same up to the next power of two, by the last once more: to `IN` it makes no difference.

    A statement that names another number of values is another one to SQLite. Every connection keeps
    the last 128 that it prepared, and each takes 165 bytes for every value: with all numbers up to
    300, twelve connections came to 73 MiB.
    """
    room = min(PAGE_MAX, 1 << (len(values) - 1).bit_length()) - len(values) if values else 0
    return [*values, *[values[-1]] * room] if room > 0 else values


def _event_row(event: Event) -> dict[str, Any]:
    return {
        "at": event.at.timestamp(),
        "kind": event.kind,
        "subject": event.subject,
        "document": event.model_dump_json(exclude={"seq"}),
    }


def _by_kind(records: Iterable[Record]) -> list[tuple[Kind, list[Record]]]:
    """Records by how they are kept: kinds in the order of their tables, records in that of keys."""
    groups: dict[type[Record], list[Record]] = {}
    for record in records:
        groups.setdefault(type(record), []).append(record)
    ordered = sorted(groups, key=lambda one: KINDS[one].table.name)
    return [(KINDS[one], sorted(groups[one], key=KINDS[one].key)) for one in ordered]


def _replacing(kind: Kind, record: Record, *, versioned: bool, at: float) -> dict[str, Any]:
    version = getattr(record, "version", 0)
    row = row_of(kind, record, version=version + 1 if versioned else 1, at=at)
    new = {f"new_{name}": value for name, value in row.items()}
    return {**new, "old_key": row["key"], "old_version": version}


def _looked(looked: Mapping[str, datetime] | None, host_id: str) -> float:
    """After every wake where nobody looked: its writer says when the host is due."""
    began = looked.get(host_id) if looked else None
    return math.inf if began is None else began.timestamp()


@cache
def _update(record: type[Record], *, versioned: bool) -> sa.Update:
    table = KINDS[record].table
    condition = table.c.key == sa.bindparam("old_key", type_=table.c.key.type)
    if versioned:
        condition = sa.and_(condition, table.c.version == sa.bindparam("old_version"))
    values: dict[sa.Column[Any], Any] = {
        column: sa.bindparam(f"new_{column.name}", type_=column.type)
        for column in table.c
        if column.name not in ("key", "created_at", "woken_at")
    }
    if record is Host:
        woken, said = table.c.woken_at, values[table.c.wake_at]
        amid = sa.and_(woken > sa.bindparam(LOOKED, type_=woken.type), woken < said)
        values[table.c.wake_at] = sa.case((amid, woken), else_=said)
    return sa.update(table).where(condition).values(values)
