"""Leases and fences in SQL: who may work, and proof of it at every write.

A single lease is held by one process at a time. A worker's lease is one of several of a role
(`provisioning/7`): its name is never used again, so whoever lost it can never hold it a second
time, and its number grows with every worker that joins. How long a worker's lease is still good is
told by PostgreSQL's clock alone, since those who compare it run on different machines.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from inventory.errors import FenceLost
from inventory.store.protocol import Fence
from inventory.store.tables import HOLDS, LEASES


def take(
    connection: sa.Connection,
    lease: str,
    owner: str,
    *,
    now: datetime,
    until: datetime,
    alone: bool,
) -> Fence | None:
    """Take a lease that is free, expired, ours, or (when `alone`) a dead process's."""
    row = connection.execute(
        sa.select(LEASES).where(LEASES.c.name == lease).with_for_update()
    ).first()
    if row is None:
        return _first(connection, lease, owner, until)
    if row.owner != owner and row.expires_at > now.timestamp() and not alone:
        return None
    number = row.fence if row.owner == owner else row.fence + 1
    connection.execute(
        sa.update(LEASES)
        .where(LEASES.c.name == lease)
        .values(owner=owner, fence=number, expires_at=until.timestamp())
    )
    return Fence(lease, owner, number)


def join(
    connection: sa.Connection,
    role: str,
    owner: str,
    *,
    now: datetime,
    valid: timedelta,
    alone: bool,
) -> Fence | None:
    """One more worker of a role, under a name of its own; None: try again, two came at once.

    `alone`: an operating system lock proves that every other worker is dead.
    """
    counter = take(connection, role, "", now=now, until=now, alone=True)
    if counter is None:
        return None
    if alone:
        _bury(connection, _workers(connection, role))
    connection.execute(
        sa.update(LEASES).where(LEASES.c.name == role).values(fence=LEASES.c.fence + 1)
    )
    number = counter.number + 1
    lease = f"{role}/{number}"
    until = _moment(connection, now) + valid.total_seconds()
    row = {"name": lease, "owner": owner, "fence": number, "expires_at": until}
    connection.execute(sa.insert(LEASES).values(row))
    return Fence(lease, owner, number)


def leave(connection: sa.Connection, fence: Fence) -> None:
    """End a worker's lease now, and let go of what it held."""
    _bury(connection, [fence.lease])


def bury(connection: sa.Connection, role: str, *, now: datetime, grace: timedelta) -> list[str]:
    """End the leases that ran out longer than `grace` ago, and free what their workers held.

    From then on nothing that such a worker still wants to write is taken: its lease is gone.
    """
    ended = _moment(connection, now) - grace.total_seconds()
    dead = _workers(connection, role, LEASES.c.expires_at <= ended)
    _bury(connection, dead)
    return dead


def live(connection: sa.Connection, role: str, *, now: datetime) -> list[str]:
    """The leases of a role's workers that are good, by name: nobody is locked out by looking."""
    names = sa.select(LEASES.c.name).where(
        LEASES.c.name.startswith(f"{role}/", autoescape=True),
        LEASES.c.expires_at > _moment(connection, now),
    )
    return sorted(connection.execute(names).scalars())


def renew(connection: sa.Connection, fence: Fence, *, now: datetime, until: datetime) -> bool:
    """Extend a lease still held."""
    moment = _now_of(connection, fence, now)
    result = connection.execute(
        sa.update(LEASES)
        .where(*_owned(fence), LEASES.c.expires_at > moment)
        .values(expires_at=moment + (until - now).total_seconds())
    )
    return result.rowcount == 1


def check(connection: sa.Connection, fence: Fence, now: datetime) -> None:
    """FenceLost unless the lease is held; until the transaction ends nobody can take it over."""
    said_by_database = "/" in fence.lease and connection.dialect.name == "postgresql"
    given = {"a_lease": fence.lease, "an_owner": fence.owner, "a_number": fence.number}
    query = _holding(said_by_database=said_by_database)
    if not said_by_database:
        given["is_now"] = now.timestamp()
    if connection.execute(query, given).first() is None:
        raise FenceLost(f"lease {fence.lease} is no longer held by {fence.owner}")


@cache
def _holding(*, said_by_database: bool) -> sa.Select[Any]:
    """The lease of a fence that is good, locked against who would take it; asked at each write."""
    until: Any = sa.bindparam("is_now", type_=sa.Double)
    if said_by_database:
        until = sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)
    return (
        sa.select(LEASES.c.fence)
        .where(
            LEASES.c.name == sa.bindparam("a_lease"),
            LEASES.c.owner == sa.bindparam("an_owner"),
            LEASES.c.fence == sa.bindparam("a_number"),
            LEASES.c.expires_at > until,
        )
        .with_for_update(read=True)
    )


def _first(connection: sa.Connection, lease: str, owner: str, until: datetime) -> Fence | None:
    """The first holder ever: of two that come at once, one finds the other's row."""
    row = {"name": lease, "owner": owner, "fence": 1, "expires_at": until.timestamp()}
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(LEASES).values(row))
    except IntegrityError:
        return None
    return Fence(lease, owner, 1)


def _workers(connection: sa.Connection, role: str, *where: sa.ColumnElement[bool]) -> list[str]:
    """The leases of a role's workers, locked; those that another one is burying are its own."""
    query = (
        sa.select(LEASES.c.name)
        .where(LEASES.c.name.startswith(f"{role}/", autoescape=True), *where)
        .order_by(LEASES.c.name)
        .with_for_update(skip_locked=True)
    )
    return list(connection.execute(query).scalars())


def _bury(connection: sa.Connection, leases: list[str]) -> None:
    if leases:
        connection.execute(sa.delete(LEASES).where(LEASES.c.name.in_(leases)))
        connection.execute(sa.delete(HOLDS).where(HOLDS.c.worker.in_(leases)))


def _moment(connection: sa.Connection, now: datetime) -> sa.ColumnElement[float]:
    """Now, by the one clock that every worker of this database sees."""
    if connection.dialect.name != "postgresql":
        return sa.literal(now.timestamp(), sa.Double)
    return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)


def _now_of(connection: sa.Connection, fence: Fence, now: datetime) -> sa.ColumnElement[float]:
    return _moment(connection, now) if "/" in fence.lease else sa.literal(now.timestamp())


def _owned(fence: Fence) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        LEASES.c.name == fence.lease,
        LEASES.c.owner == fence.owner,
        LEASES.c.fence == fence.number,
    )
