"""Which worker reads which hosts, in SQL: several services read one site's BMCs between them.

Whose a host is follows from its id and the leases that are good, so every worker comes to the same
answer and asks nobody. That answer is only a wish: a host is read by whoever has the row that says
so, and another one takes it when that row is gone. So no two read one BMC, however late one of them
hears that there are more of them now, and nothing that is written comes from two.

The rows lie beside those of the controllers' (`holds`), under names that no host has. On SQLite
there is one worker, and it has every host without a row saying so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Container, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from inventory.readings.keeping import ROLE, Share
from inventory.store import leasing, rows
from inventory.store.holding import READ
from inventory.store.protocol import Fence
from inventory.store.tables import HOLDS, NOTES


def share(
    connection: sa.Connection, fence: Fence, hosts: Collection[str], *, now: datetime
) -> Share:
    """What this worker has in hand of these hosts from now on."""
    leasing.check(connection, fence, now)
    if not _is_shared(connection, fence):
        return Share(hosts=frozenset(hosts))
    # A reading that a dead worker still asks for hurts nobody: its hosts are free at once.
    leasing.bury(connection, ROLE, now=now, grace=timedelta(0))
    workers = leasing.live(connection, ROLE, now=now)
    wanted = {host for host in hosts if whose(host, workers) == fence.lease}
    held = _held(connection, fence)
    _take(connection, fence, sorted(wanted - held))
    held = _held(connection, fence)
    return Share(
        hosts=frozenset(held & wanted),
        moving=frozenset(held - wanted),
        is_first=workers[:1] == [fence.lease],
    )


def whose(host: str, workers: Sequence[str]) -> str:
    """The worker that reads this host: when one joins or leaves, only its own hosts move."""
    return max(
        workers, key=lambda one: hashlib.sha256(f"{one}/{host}".encode()).digest(), default=""
    )


def let_go(connection: sa.Connection, fence: Fence, hosts: Collection[str]) -> None:
    """Others may take them."""
    for some in rows.chunks(sorted(map(_row, hosts))):
        mine = (HOLDS.c.worker == fence.lease, HOLDS.c.host.in_(some))
        connection.execute(sa.delete(HOLDS).where(*mine))


class _EveryHost:
    """Where one worker has them all."""

    def __contains__(self, host: object) -> bool:
        return True


EVERY_HOST: Container[str] = _EveryHost()


def mine(connection: sa.Connection, fence: Fence, *, now: datetime) -> Container[str]:
    """The hosts of which this worker may write what it read; FenceLost without its lease."""
    leasing.check(connection, fence, now)
    return _held(connection, fence) if _is_shared(connection, fence) else EVERY_HOST


def note_counts(connection: sa.Connection, fence: Fence, said: str, *, now: datetime) -> None:
    """Leave what this worker counted, and take away what dead ones left."""
    living = {*leasing.live(connection, ROLE, now=now), fence.lease}
    left = sa.select(NOTES.c.name).where(NOTES.c.name.startswith(f"{ROLE}/", autoescape=True))
    dead = set(connection.execute(left).scalars()) - living
    connection.execute(sa.delete(NOTES).where(NOTES.c.name.in_({*dead, fence.lease})))
    connection.execute(sa.insert(NOTES).values(name=fence.lease, value=said))


def counts(connection: sa.Connection) -> list[str]:
    """What the workers left, by the names of their leases."""
    query = (
        sa.select(NOTES.c.value)
        .where(NOTES.c.name.startswith(f"{ROLE}/", autoescape=True))
        .order_by(NOTES.c.name)
    )
    return [str(value) for value in connection.execute(query).scalars()]


def _is_shared(connection: sa.Connection, fence: Fence) -> bool:
    return connection.dialect.name == "postgresql" and "/" in fence.lease


def _row(host: str) -> str:
    return f"{READ}{host}"


def _held(connection: sa.Connection, fence: Fence) -> set[str]:
    query = sa.select(HOLDS.c.host).where(
        HOLDS.c.worker == fence.lease, HOLDS.c.host.startswith(READ, autoescape=True)
    )
    return {name.removeprefix(READ) for name in connection.execute(query).scalars()}


def _take(connection: sa.Connection, fence: Fence, free: list[str]) -> None:
    insert = postgresql.insert(HOLDS).on_conflict_do_nothing(index_elements=["host"])
    if free:
        given = [{"host": _row(host), "worker": fence.lease} for host in free]
        connection.execute(insert, given)
