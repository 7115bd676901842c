"""Places, parts, people, changes, webhooks; hosts by what they can do; text ordered by bytes.

Revision ID: 0002
Revises: 0001

Columns that came to tables of 0001 are filled in from the documents that lie there, in batches, so
that a filter finds an old record as it finds a new one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BATCH = 500
"""Documents read at once: a host's is about 20 kB."""

INDEXES_OF_0001 = {
    "api_keys": ("role", "tenant"),
    "certificates": ("host", "host_id"),
    "claims": ("state", "tenant"),
    "clusters": ("tenant",),
    "deployments": ("tenant",),
    "hosts": ("media_id", "pod", "state", "target", "wake_at"),
    "intents": ("host_id", "state", "step"),
    "pods": ("site",),
    "ray_members": ("cluster_id",),
    "units": ("claim", "pod", "state", "unit_class"),
    "usage_records": ("claim", "kind", "tenant"),
}
TABLES_OF_0001 = (*INDEXES_OF_0001, "agents", "tenants", "events", "leases", "secrets")


DOCUMENT = sa.JSON().with_variant(sa.Text(), "postgresql")


def _text(length: int = 255) -> Any:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


NEW_HOST_TEXT = (
    "site",
    "rack",
    "slot",
    "feed",
    "host_type",
    "uuid",
    "asset_tag",
    "health",
    "power",
    "problem",
    "maintenance",
    "link_domain",
    "gpu_model",
)
NEW_HOST_NUMBERS = ("gpu_count", "gpu_memory_gib", "memory_gib", "wave")

NEW_TABLES: dict[str, dict[str, Any]] = {
    "sites": {"title": _text()},
    "locations": {
        "slug": "unique",
        **dict.fromkeys(("site", "name", "kind", "parent"), _text()),
    },
    "racks": {
        "slug": "unique",
        **dict.fromkeys(
            ("site", "name", "location", "pod", "rack_type", "serial", "asset_tag"), _text()
        ),
    },
    "power_feeds": {"slug": "unique", **dict.fromkeys(("site", "name", "pod"), _text())},
    "equipment": {
        "slug": "unique",
        **dict.fromkeys(("site", "name", "kind", "pod", "rack", "serial"), _text()),
    },
    "cables": dict.fromkeys(("label", "site", "pod", "kind", "status", "a_id", "z_id"), _text()),
    "parts": {
        **dict.fromkeys(("host_id", "host", "slot", "kind", "model", "serial"), _text()),
        "present": sa.Integer(),
        "rma": _text(),
    },
    "object_changes": {
        "at": sa.Double(),
        **dict.fromkeys(("actor", "request_id", "kind", "object_key", "name", "action"), _text()),
    },
    "journal": {"at": sa.Double(), **dict.fromkeys(("author", "level", "subject"), _text())},
    "users": {"email": _text(), "tenant": _text(), "subject": "unique or null"},
    "sessions": {"user": _text(), "key_id": _text(), "expires_at": sa.Double()},
    "audit": {"at": sa.Double(), **dict.fromkeys(("actor", "action", "subject"), _text())},
    "webhooks": {"name": "unique", "tenant": _text()},
    "deliveries": {
        "webhook_id": _text(),
        "state": _text(),
        "next_at": sa.Double(),
        "event_seq": sa.BigInteger(),
    },
    "netbox_links": {"kind": _text(), "netbox_type": _text(), "netbox_id": sa.BigInteger()},
}
NUMBERS_WITH_DEFAULT = {"present", "event_seq", "netbox_id"}


def upgrade() -> None:
    """Order text by bytes, add columns and tables, and fill the columns in.

    Indexes come last: each row that is filled in would otherwise be written into all of them.
    """
    for table, columns in INDEXES_OF_0001.items():
        for column in columns:
            op.drop_index(f"ix_{table}_{column}", table_name=table)
    op.drop_index("ix_events_subject", table_name="events")
    if op.get_bind().dialect.name == "postgresql":
        _order_by_bytes()
    added = _add_columns()
    _fill("hosts", _host_columns)
    _fill("units", lambda d: {"site": d["site"]})
    _fill_moment("certificates", "expires_at")
    _fill_moment("usage_records", "ended_at")
    for table, column in added:
        op.create_index(f"ix_{table}_{column}", table, [column, "key"])
    for table, columns in INDEXES_OF_0001.items():
        for column in columns:
            op.create_index(f"ix_{table}_{column}", table, [column, "key"])
    op.create_index("ix_events_subject", "events", ["subject", "seq"])
    op.create_index("ix_events_kind", "events", ["kind", "seq"])
    op.create_index("ix_events_at", "events", ["at"])
    for name, described in NEW_TABLES.items():
        _create(name, described)
    _create_labels_and_notes()


def downgrade() -> None:
    """Not offered: restore the backup that was made before the upgrade."""
    raise NotImplementedError("0002 has no way back: restore the backup from before the upgrade")


def _order_by_bytes() -> None:
    """One statement for each table, so that it is written anew once and not for each column."""
    inspector = sa.inspect(op.get_bind())
    for table in TABLES_OF_0001:
        changes: list[str] = []
        for column in inspector.get_columns(table):
            if isinstance(column["type"], postgresql.JSONB):
                changes.append(f"ALTER COLUMN {column['name']} TYPE text")
            elif isinstance(column["type"], sa.String):
                kind = f'VARCHAR({column["type"].length}) COLLATE "C"'
                changes.append(f"ALTER COLUMN {column['name']} TYPE {kind}")
        op.execute(f"ALTER TABLE {table} {', '.join(changes)}")


def _add_columns() -> list[tuple[str, str]]:
    """Which columns of which tables came, and are looked up."""
    added: list[tuple[str, str]] = []

    def add(table: str, column: sa.Column[Any]) -> None:
        op.add_column(table, column)
        added.append((table, column.name))

    for name in NEW_HOST_TEXT:
        add("hosts", sa.Column(name, _text(), nullable=False, server_default=""))
    for name in NEW_HOST_NUMBERS:
        add("hosts", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    simulated: sa.Column[bool] = sa.Column(
        "simulated", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("hosts", simulated)
    add("units", sa.Column("site", _text(), nullable=False, server_default=""))
    for table, name in (("certificates", "expires_at"), ("usage_records", "ended_at")):
        add(table, sa.Column(name, sa.Double(), nullable=False, server_default="0"))
    return added


def _create(name: str, columns: dict[str, Any]) -> None:
    made: list[Any] = []
    for column, kind in columns.items():
        if isinstance(kind, str):
            made.append(sa.Column(column, _text(), nullable=kind.endswith("null")))
            made.append(sa.UniqueConstraint(column, name=f"uq_{name}_{column}"))
        else:
            default = "0" if column in NUMBERS_WITH_DEFAULT else None
            made.append(sa.Column(column, kind, nullable=False, server_default=default))
    op.create_table(
        name,
        sa.Column("key", _text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *made,
        sa.Column("document", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=f"pk_{name}"),
    )
    for column, kind in columns.items():
        if not isinstance(kind, str):
            op.create_index(f"ix_{name}_{column}", name, [column, "key"])


def _create_labels_and_notes() -> None:
    op.create_table(
        "labels",
        sa.Column("kind", _text(64), nullable=False),
        sa.Column("key", _text(), nullable=False),
        sa.Column("name", _text(64), nullable=False),
        sa.Column("value", _text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", "name", "value", name="pk_labels"),
    )
    op.create_index("ix_labels_value", "labels", ["kind", "name", "value", "key"])
    op.create_table(
        "notes",
        sa.Column("name", _text(64), nullable=False),
        sa.Column("value", _text(255), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_notes"),
    )


def _fill(name: str, read: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    connection = op.get_bind()
    table = sa.Table(name, sa.MetaData(), autoload_with=connection)
    document = sa.cast(table.c.document, sa.Text)
    after = ""
    while True:
        rows = connection.execute(
            sa.select(table.c.key, document)
            .where(table.c.key > after)
            .order_by(table.c.key)
            .limit(BATCH)
        ).all()
        if not rows:
            return
        after = rows[-1].key
        columns = [{"row_key": key, **read(json.loads(text))} for key, text in rows]
        names = [column for column in columns[0] if column != "row_key"]
        connection.execute(
            sa.update(table)
            .where(table.c.key == sa.bindparam("row_key"))
            .values({column: sa.bindparam(column) for column in names}),
            columns,
        )


def _fill_moment(table: str, name: str) -> None:
    """A time that the document says, in seconds; PostgreSQL reads such a text as exactly as we."""
    if op.get_bind().dialect.name != "postgresql":
        _fill(table, lambda document: {name: _seconds(document[name])})
        return
    moment = f"(document::json ->> '{name}')::timestamptz"
    op.execute(f"UPDATE {table} SET {name} = extract(epoch FROM {moment})")  # noqa: S608 - our own words


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _host_columns(host: dict[str, Any]) -> dict[str, Any]:
    facts = host.get("facts") or {}
    gpus = facts.get("accelerators") or []
    return {
        **{name: host.get(name) or "" for name in ("site", "rack", "slot", "feed", "host_type")},
        "uuid": host.get("uuid") or "",
        "health": host.get("health") or "",
        "power": host.get("power") or "",
        "problem": (host.get("problem") or {}).get("kind", ""),
        "maintenance": "yes" if host.get("maintenance") else "",
        "gpu_model": gpus[0]["model"] if gpus else "",
        "gpu_count": len(gpus),
        "gpu_memory_gib": min((gpu["memory_gib"] for gpu in gpus), default=0),
        "memory_gib": sum(one["capacity_gib"] for one in facts.get("memory") or []),
        "wave": host.get("wave") or 0,
        "simulated": bool(host.get("simulated")),
    }
