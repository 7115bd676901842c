"""Jobs that tenants queue.

Revision ID: 0009
Revises: 0008

Nobody queued any before, so there is nothing to fill in.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON().with_variant(sa.Text(), "postgresql")
TEXTS = ("tenant", "cluster", "state", "turn")
NUMBERS = ("stop_wanted",)


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "jobs",
        sa.Column("key", _text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *(sa.Column(name, _text(), nullable=False) for name in TEXTS),
        *(sa.Column(name, sa.Integer(), nullable=False, server_default="0") for name in NUMBERS),
        sa.Column("created_at", sa.Double(), nullable=False, server_default="0"),
        sa.Column("updated_at", sa.Double(), nullable=False, server_default="0"),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_jobs"),
    )
    for name in (*TEXTS, *NUMBERS):
        op.create_index(f"ix_jobs_{name}", "jobs", [name, "key"])


def downgrade() -> None:
    """Not offered: restore the backup that was made before the upgrade."""
    raise NotImplementedError("0009 has no way back: restore the backup from before the upgrade")


def _text() -> Any:
    return sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
