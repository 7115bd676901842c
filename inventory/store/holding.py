"""Which worker has which hosts in hand, in SQL: several controllers share one database.

A worker takes due hosts that nobody has (`FOR UPDATE SKIP LOCKED`, so two that look at once each
take others), and writes only to what it has. A dead worker's hosts are free again when its lease is
buried. On SQLite there is one worker, and it has every host without a row saying so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from inventory.errors import StaleWrite
from inventory.model import Host
from inventory.store import leasing, prepared, rows
from inventory.store.protocol import Change, Fence, PutOff
from inventory.store.tables import HOLDS, KINDS, NOTES

READ = "read:"
"""Before a host's id: to read its sensors and to work on it are two things to have in hand."""


def take_due(
    connection: sa.Connection,
    fence: Fence,
    *,
    now: datetime,
    limit: int,
    busy: Collection[str],
    rested: Collection[str],
) -> list[Any]:
    """Rows of due hosts that are this worker's from now on; `rested` ones are free again."""
    leasing.check(connection, fence, now)
    for keys in rows.chunks(sorted(rested)):
        mine = (HOLDS.c.worker == fence.lease, HOLDS.c.host.in_(keys))
        connection.execute(sa.delete(HOLDS).where(*mine))
    hosts = KINDS[Host].table
    is_due = hosts.c.wake_at <= now.timestamp()
    # Those at work are due still and count: the pod that has the fewest of them goes first.
    turn = sa.func.row_number().over(partition_by=hosts.c.pod, order_by=hosts.c.wake_at)
    turns = sa.select(hosts.c.key, turn.label("turn")).where(is_due).subquery()
    query = (
        sa.select(hosts.c.key, hosts.c.document, hosts.c.version, HOLDS.c.worker)
        .select_from(
            hosts.join(turns, turns.c.key == hosts.c.key).outerjoin(
                HOLDS, HOLDS.c.host == hosts.c.key
            )
        )
        .where(
            is_due,
            hosts.c.key.not_in(busy),
            sa.or_(HOLDS.c.worker.is_(None), HOLDS.c.worker == fence.lease),
        )
        .order_by(turns.c.turn, hosts.c.wake_at)
        .limit(limit)
        .with_for_update(of=hosts, skip_locked=True)
    )
    due = connection.execute(query).all()
    free = sorted(row.key for row in due if row.worker is None)
    taken = _take(connection, fence, free)
    return [row for row in due if row.worker is not None or row.key in taken]


def check(connection: sa.Connection, fence: Fence, change: Change) -> None:
    """StaleWrite when the change is of a host that this worker does not have in hand."""
    hosts = {record.id for record in change.replace if isinstance(record, Host)}
    if not hosts or connection.dialect.name != "postgresql" or "/" not in fence.lease:
        return
    # Who reads a host may say so on its record, where nobody else has written meanwhile.
    either = hosts | {f"{READ}{host}" for host in hosts}
    query = sa.select(HOLDS.c.host).where(HOLDS.c.worker == fence.lease, HOLDS.c.host.in_(either))
    held = {name.removeprefix(READ) for name in connection.execute(query).scalars()}
    for host in sorted(hosts - held):
        raise StaleWrite(f"hosts {host} is not in the hands of {fence.lease}")


def written_last(connection: sa.Connection) -> datetime | None:
    """The latest moment at which a host was written."""
    moment = connection.execute(sa.select(sa.func.max(KINDS[Host].table.c.updated_at))).scalar()
    return datetime.fromtimestamp(moment, UTC) if moment is not None else None


def put_off(connection: sa.Connection, hosts: Iterable[PutOff]) -> None:
    """When these are due next; in the order of their ids, as whoever else writes many."""
    ordered = sorted(hosts, key=lambda one: one.host_id)
    given = [
        {
            prepared.KEY: one.host_id,
            prepared.VERSION: one.version,
            prepared.NOW: one.until.timestamp(),
            prepared.SEEN: one.seen_at.timestamp(),
        }
        for one in ordered
    ]
    connection.execute(prepared.putting_off(), given)


def wake_from_ahead(connection: sa.Connection, *, now: datetime) -> None:
    """Hosts that were written later than now are due."""
    hosts = KINDS[Host].table
    moment = now.timestamp()
    ahead = sa.update(hosts).where(hosts.c.updated_at > moment, hosts.c.wake_at > moment)
    connection.execute(ahead.values(wake_at=moment))
    woken = sa.update(hosts).where(hosts.c.woken_at > moment)
    connection.execute(woken.values(woken_at=moment))


def count_on(connection: sa.Connection, counted: Mapping[str, str]) -> None:
    """Each note must still say what was read, and says one more from now on, or StaleWrite."""
    for name in sorted(counted):
        said = counted[name]
        fresh = str(int(said or "0") + 1)
        if said:
            statement: Any = (
                sa.update(NOTES)
                .where(NOTES.c.name == name, NOTES.c.value == said)
                .values(value=fresh)
            )
            done = connection.execute(statement).rowcount == 1
        else:
            done = _first(connection, name, fresh)
        if not done:
            raise StaleWrite(f"{name} was counted on by another one meanwhile")


def _first(connection: sa.Connection, name: str, value: str) -> bool:
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(NOTES).values(name=name, value=value))
    except sa.exc.IntegrityError:
        return False
    return True


def _take(connection: sa.Connection, fence: Fence, free: list[str]) -> set[str]:
    if not free:
        return set()
    statement = (
        postgresql.insert(HOLDS)
        .on_conflict_do_nothing(index_elements=["host"])
        .returning(HOLDS.c.host)
    )
    given = [{"host": key, "worker": fence.lease} for key in free]
    return set(connection.execute(statement, given).scalars())
