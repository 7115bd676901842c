"""How a query becomes SQL: one condition, the order, and where the next page begins."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from inventory.store.counting import Counts
from inventory.store.protocol import PAGE_MAX
from inventory.store.query import CUSTOM, TAG, Condition, Query, Value
from inventory.store.rows import filled_up
from inventory.store.tables import LABELS, Kind

Clause = sa.ColumnElement[bool]

WORDS_MAX = 8
"""Words of a search that are looked at: each is another scan."""
INTEGER_MAX = 2**63 - 1
"""What either database can hold."""
OPPOSITES = {"n": "exact", "nic": "ic", "nisw": "isw", "niew": "iew", "nie": "ie"}


@dataclass(frozen=True, slots=True)
class Page:
    """One page of rows, and where the next one begins."""

    rows: Sequence[Any]
    total: int | None
    next_cursor: str


def page(
    connection: sa.Connection,
    kind: Kind,
    query: Query,
    *,
    columns: Sequence[sa.Column[Any]],
    counts: Counts | None = None,
) -> Page:
    """One page of what a query finds: these columns first, then those that order it."""
    clauses = where(kind, query)
    ordered = order(kind, query)
    limit = max(1, min(query.limit, PAGE_MAX))
    wanted = dict.fromkeys((*columns, *(column for column, _ in ordered)))
    statement = sa.select(*wanted).where(*clauses)
    if query.after:
        statement = statement.where(beyond(ordered, query.after))
    statement = statement.order_by(
        *(column.desc() if descending else column.asc() for column, descending in ordered)
    )
    rows = list(connection.execute(statement.limit(limit + 1).offset(query.offset or None)))
    total = None
    if query.counted:
        count = sa.select(sa.func.count()).select_from(kind.table).where(*clauses)
        asked = (kind.table.name, query.conditions, query.search)
        total = (counts or Counts()).total(
            asked, lambda: int(connection.execute(count).scalar_one())
        )
    more = len(rows) > limit
    return Page(
        rows=rows[:limit],
        total=total,
        next_cursor=cursor_after(ordered, rows[limit - 1]) if more else "",
    )


def tags(connection: sa.Connection, kind: Kind, query: Query) -> dict[str, int]:
    """How many of the records that a query finds carry each tag."""
    asked = (
        sa.select(LABELS.c.value, sa.func.count())
        .select_from(LABELS.join(kind.table, kind.table.c.key == LABELS.c.key))
        .where(LABELS.c.kind == kind.table.name, LABELS.c.name == TAG, *where(kind, query))
        .group_by(LABELS.c.value)
    )
    return {str(tag): int(count) for tag, count in connection.execute(asked)}


def where(kind: Kind, query: Query) -> list[Clause]:
    """What a record must satisfy to be found, on whatever page."""
    clauses = [_clause(kind, condition) for condition in query.conditions]
    for word in query.search.split()[:WORDS_MAX]:
        columns = [column_of(kind, name) for name in kind.searched]
        clauses.append(sa.or_(sa.false(), *(_like(c, "ic", _plain(word)) for c in columns)))
    return clauses


def order(kind: Kind, query: Query) -> list[tuple[sa.Column[Any], bool]]:
    """The columns that order the answer, each with True for descending; the key comes last."""
    ordered = [(column_of(kind, name), descending) for name, descending in query.ordering]
    for column, _ in ordered:
        if column.nullable:
            raise ValueError(f"{kind.table.name} cannot be ordered by {column.name}")
    if all(column is not kind.table.c.key for column, _ in ordered):
        ordered.append((kind.table.c.key, bool(ordered) and ordered[-1][1]))
    return ordered


def column_of(kind: Kind, name: str) -> sa.Column[Any]:
    """A column by its name, or ValueError with those that there are."""
    if name != "key" and name not in kind.columns:
        valid = ["key", *sorted(kind.columns), *((TAG, f"{CUSTOM}…") if kind.labelled else ())]
        raise ValueError(f"{kind.table.name} has no column {name}; it has {', '.join(valid)}")
    return kind.table.c[name]


def beyond(ordered: Sequence[tuple[sa.Column[Any], bool]], cursor: str) -> Clause:
    """What comes after a cursor: later in the first column, or equal there and later in the next.

    The first column alone is said once more, plainly, so that an index on it can begin there.
    """
    values = _read_cursor(ordered, cursor)
    steps: list[Clause] = []
    equal: list[Clause] = []
    for (column, descending), value in zip(ordered, values, strict=True):
        steps.append(sa.and_(*equal, column < value if descending else column > value))
        equal.append(column == value)
    first, descending = ordered[0]
    start = first <= values[0] if descending else first >= values[0]
    return sa.and_(start, sa.or_(*steps)) if len(ordered) > 1 else steps[0]


def cursor_after(ordered: Sequence[tuple[sa.Column[Any], bool]], row: sa.Row[Any]) -> str:
    """The cursor that goes on after a row."""
    said = [_signature(ordered), *(row._mapping[column] for column, _ in ordered)]  # noqa: SLF001 - a Row's public mapping
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def _read_cursor(ordered: Sequence[tuple[sa.Column[Any], bool]], cursor: str) -> list[Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        said = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise ValueError(f"{cursor[:80]!r} is no cursor of ours") from error
    if (
        not isinstance(said, list)
        or len(said) != len(ordered) + 1
        or said[0] != _signature(ordered)
    ):
        raise ValueError(f"{cursor[:80]!r} is a cursor of another ordering")
    return [_coerced(column, value) for (column, _), value in zip(ordered, said[1:], strict=True)]


def _signature(ordered: Sequence[tuple[sa.Column[Any], bool]]) -> str:
    return ",".join(f"{'-' if descending else ''}{column.name}" for column, descending in ordered)


def _clause(kind: Kind, condition: Condition) -> Clause:
    name = condition.column
    if kind.labelled and (name == TAG or name.startswith(CUSTOM)):
        return _label_clause(kind, condition)
    column = column_of(kind, name)
    return _compare(column, condition.lookup, condition.values)


def _label_clause(kind: Kind, condition: Condition) -> Clause:
    """A tag or a custom field: rows of their own, of which a record has any number."""
    lookup = condition.lookup
    opposite = lookup in OPPOSITES
    if lookup == "empty":
        opposite = _wants_empty(condition)
        inner: Clause = sa.true()
    else:
        inner = _compare(LABELS.c.value, OPPOSITES.get(lookup, lookup), condition.values)
    found = (
        sa.select(LABELS.c.key)
        .where(
            LABELS.c.kind == kind.table.name,
            LABELS.c.name == _plain(condition.column),
            inner,
        )
        .scalar_subquery()
    )
    clause = kind.table.c.key.in_(found)
    return sa.not_(clause) if opposite else clause


def _compare(column: sa.Column[Any], lookup: str, values: Sequence[Value]) -> Clause:
    if lookup in OPPOSITES:
        positive = _compare(column, OPPOSITES[lookup], values)
        return sa.or_(column.is_(None), sa.not_(positive)) if column.nullable else sa.not_(positive)
    if lookup == "empty":
        return _empty(column, wanted=_wants_empty(Condition(column.name, "empty", tuple(values))))
    if not values:
        raise ValueError(f"{column.name} is compared with nothing")
    if lookup in ("exact", "in"):
        given = [_coerced(column, value) for value in values]
        return column == given[0] if len(given) == 1 else column.in_(filled_up(given))
    if lookup in ("ic", "isw", "iew", "ie"):
        return sa.or_(*(_like(column, lookup, _text_for(column, value)) for value in values))
    compare = COMPARISONS.get(lookup)
    if compare is None:
        raise ValueError(f"{lookup} is no lookup; there are {', '.join(LOOKUPS)}")
    return sa.or_(*(compare(column, _coerced(column, value)) for value in values))


COMPARISONS: dict[str, Callable[[sa.Column[Any], Any], Clause]] = {
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
}
LOOKUPS = ("exact", "in", "ic", "isw", "iew", "ie", *OPPOSITES, "empty", *COMPARISONS)


def _empty(column: sa.Column[Any], *, wanted: bool) -> Clause:
    """Something is said as *greater than nothing*: that can begin in an index, *unequal* cannot."""
    if not isinstance(column.type, sa.String):
        return column.is_(None) if wanted else column.is_not(None)
    if wanted:
        return sa.or_(column.is_(None), column == "") if column.nullable else column == ""
    return column > ""


def _wants_empty(condition: Condition) -> bool:
    said = condition.values[0] if condition.values else True
    return _boolean(condition.column, said)


def _like(column: sa.Column[Any], lookup: str, value: str) -> Clause:
    """Both sides are lowered by the database, so that they are lowered alike."""
    lowered = sa.func.lower(value, type_=sa.String)
    if lookup == "ie":
        return sa.func.lower(column) == lowered
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    pattern = {"ic": f"%{escaped}%", "isw": f"{escaped}%", "iew": f"%{escaped}"}[lookup]
    return sa.func.lower(column).like(sa.func.lower(pattern, type_=sa.String), escape="\\")


def _text_for(column: sa.Column[Any], value: Value) -> str:
    if not isinstance(column.type, sa.String):
        raise ValueError(f"{column.name} is no text: {value} can only be compared as a whole")  # noqa: TRY004 - a caller's words, not its types
    return _plain(str(value))


def _coerced(column: sa.Column[Any], value: Any) -> Any:
    """The value in the column's type, or ValueError with both."""
    kind = column.type
    if isinstance(kind, sa.Boolean):
        return sa.literal(_boolean(column.name, value), kind)
    if isinstance(kind, sa.Integer):
        return _integer(column.name, value)
    if isinstance(kind, sa.Double):
        return _double(column.name, value)
    return _plain(str(value).lower() if isinstance(value, bool) else str(value))


def _boolean(name: str, value: Any) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    said = words.get(str(value).lower())
    if said is None:
        raise ValueError(f"{name} is true or false, not {value}")
    return said


def _integer(name: str, value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} is a whole number, not {value}") from None
    if abs(number) > INTEGER_MAX:
        raise ValueError(f"{name} cannot be as large as {value}")
    return number


def _double(name: str, value: Any) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except (ValueError, OverflowError):
        raise ValueError(f"{name} is a number or a time, not {value}") from None


def _plain(value: str) -> str:
    """Text that both databases take: PostgreSQL refuses the null character."""
    if "\x00" in value:
        raise ValueError("text must not hold a null character")
    return value
