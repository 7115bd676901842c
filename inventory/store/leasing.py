"""Leases and fences in SQL: who may work, and proof of it at every write."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from inventory.errors import FenceLost
from inventory.store.protocol import Fence
from inventory.store.tables import LEASES


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


def renew(connection: sa.Connection, fence: Fence, *, now: datetime, until: datetime) -> bool:
    """Extend a lease still held."""
    result = connection.execute(
        sa.update(LEASES).where(*_held(fence, now)).values(expires_at=until.timestamp())
    )
    return result.rowcount == 1


def check(connection: sa.Connection, fence: Fence, now: datetime) -> None:
    """FenceLost unless the lease is held; until the transaction ends nobody can take it over."""
    query = sa.select(LEASES.c.fence).where(*_held(fence, now)).with_for_update(read=True)
    if connection.execute(query).first() is None:
        raise FenceLost(f"lease {fence.lease} is no longer held by {fence.owner}")


def _first(connection: sa.Connection, lease: str, owner: str, until: datetime) -> Fence | None:
    """The first holder ever: of two that come at once, one finds the other's row."""
    row = {"name": lease, "owner": owner, "fence": 1, "expires_at": until.timestamp()}
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(LEASES).values(row))
    except IntegrityError:
        return None
    return Fence(lease, owner, 1)


def _held(fence: Fence, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        LEASES.c.name == fence.lease,
        LEASES.c.owner == fence.owner,
        LEASES.c.fence == fence.number,
        LEASES.c.expires_at > now.timestamp(),
    )
