"""How much each tenant may hold.

Revision ID: 0008
Revises: 0007

Nobody had a quota before, so there is nothing to fill in.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON().with_variant(sa.Text(), "postgresql")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "quotas",
        sa.Column("key", _text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("parent", _text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False, server_default="0"),
        sa.Column("updated_at", sa.Double(), nullable=False, server_default="0"),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_quotas"),
    )
    op.create_index("ix_quotas_parent", "quotas", ["parent", "key"])


def downgrade() -> None:
    """Not offered: restore the backup that was made before the upgrade."""
    raise NotImplementedError("0008 has no way back: restore the backup from before the upgrade")


def _text() -> Any:
    return sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
