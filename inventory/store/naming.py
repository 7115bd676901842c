"""What one record names and another is: checked as it is written, so that none is an orphan.

Whoever looks first and writes then has looked too early: a site may go while a rack is made in it.
On SQLite writers queue, so the look inside of the transaction is the last word. On PostgreSQL a
record that is named is locked against removal until the change that names it is there to be seen,
and who removes one looks for its names after the removal, when it has waited for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from inventory.errors import Conflict
from inventory.store.protocol import Needed, Unnamed
from inventory.store.rows import chunks
from inventory.store.tables import KINDS


def hold(connection: sa.Connection, needs: Iterable[Needed]) -> None:
    """Conflict unless all of them are there; none goes before this transaction ends.

    Locked in one order, that of their tables and keys, so that no two changes wait for each other.
    Locks like these do not keep anybody from changing a record, only from removing it.
    """
    wanted: dict[str, tuple[sa.Table, set[str]]] = {}
    for need in needs:
        table = KINDS[need.kind].table
        wanted.setdefault(table.name, (table, set()))[1].add(need.key)
    for _, (table, keys) in sorted(wanted.items()):
        found: set[str] = set()
        for some in chunks(sorted(keys)):
            query = sa.select(table.c.key).where(table.c.key.in_(some)).order_by(table.c.key)
            locked = query.with_for_update(read=True, key_share=True)
            found.update(connection.execute(locked).scalars())
        if gone := sorted(keys - found):
            raise Conflict(
                f"{table.name}: {gone[0]} is not there any more",
                hint="read what there is, and send the request again",
            )


def refuse_named(connection: sa.Connection, unnamed: Iterable[Unnamed]) -> None:
    """Conflict when a record names what this transaction removed."""
    for one in unnamed:
        table = KINDS[one.kind].table
        query = sa.select(table.c.key).limit(1)
        for column, value in sorted(one.where.items()):
            query = query.where(table.c[column] == value)
        if (key := connection.execute(query).scalar()) is not None:
            raise Conflict(
                f"{table.name}: {key} names what would be removed",
                hint="remove that first, or let it name another",
            )
