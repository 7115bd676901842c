"""What was revoked stays revoked: a restore takes over the revocations of what it replaces.

A key that was revoked after the backup is valid in it. The database that is about to be replaced
knows better, as long as it can be read; when it cannot, the person who restores is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.exc import DatabaseError

from inventory.model import ApiKey
from inventory.store import rows
from inventory.store.tables import KINDS

Revocations = Mapping[str, datetime]
"""The ids of keys and when each stops working."""


def revoked_in(engine: sa.Engine) -> Revocations | None:
    """What a database says is revoked; None when it cannot be read."""
    table = KINDS[ApiKey].table
    try:
        with engine.connect() as connection:
            if not sa.inspect(connection).has_table(table.name):
                return {}
            found = connection.execute(sa.select(table.c.document, table.c.version)).all()
        keys = [rows.record_from(ApiKey, row) for row in found]
    except (DatabaseError, ValidationError):
        return None
    return {key.id: key.revoked_at for key in keys if key.revoked_at is not None}


def revoke_again(
    connection: sa.Connection, revoked: Revocations, *, now: datetime
) -> tuple[str, ...]:
    """Revoke those of them that a backup's records still let in; their ids."""
    table = KINDS[ApiKey].table
    found = connection.execute(sa.select(table.c.document, table.c.version)).all()
    late = [
        key.model_copy(update={"revoked_at": revoked[key.id]})
        for key in (rows.record_from(ApiKey, row) for row in found)
        if key.id in revoked and (key.revoked_at is None or key.revoked_at > revoked[key.id])
    ]
    rows.replace(connection, late, at=now.timestamp())
    return tuple(sorted(key.id for key in late))
