"""Which worker has which host in hand, for several controllers on one database.

Revision ID: 0004
Revises: 0003

Nobody holds anything when a service starts, so there is nothing to fill in.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "holds",
        sa.Column("host", _text(255), nullable=False),
        sa.Column("worker", _text(64), nullable=False),
        sa.PrimaryKeyConstraint("host", name="pk_holds"),
    )
    op.create_index("ix_holds_worker", "holds", ["worker"])


def downgrade() -> None:
    """Not offered: restore the backup that was made before the upgrade."""
    raise NotImplementedError("0004 has no way back: restore the backup from before the upgrade")


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
