"""When a record came and when it was written last; answers to requests with an idempotency key.

Revision ID: 0003
Revises: 0002

Records from before have 0 there: nobody wrote down when they came.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

RECORDS = (
    "agents",
    "api_keys",
    "audit",
    "cables",
    "certificates",
    "claims",
    "clusters",
    "deliveries",
    "deployments",
    "equipment",
    "hosts",
    "intents",
    "journal",
    "locations",
    "netbox_links",
    "object_changes",
    "parts",
    "pods",
    "power_feeds",
    "racks",
    "ray_members",
    "sessions",
    "sites",
    "tenants",
    "units",
    "usage_records",
    "users",
    "webhooks",
)


def upgrade() -> None:
    """Add the two columns everywhere, and one table."""
    for table in RECORDS:
        for column in _moments():
            op.add_column(table, column)
    key = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
    op.create_table(
        "answers",
        sa.Column("key", key, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        *_moments(),
        sa.Column("document", sa.JSON().with_variant(sa.Text(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_answers"),
    )
    op.create_index("ix_answers_expires_at", "answers", ["expires_at", "key"])


def downgrade() -> None:
    """Not offered: restore the backup that was made before the upgrade."""
    raise NotImplementedError("0003 has no way back: restore the backup from before the upgrade")


def _moments() -> tuple[sa.Column[Any], ...]:
    return tuple(
        sa.Column(name, sa.Double(), nullable=False, server_default="0")
        for name in ("created_at", "updated_at")
    )
