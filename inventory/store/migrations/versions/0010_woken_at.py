"""When each host was last woken.

Revision ID: 0010
Revises: 0009

Nobody is looked at while this runs, so whoever was woken before is due already: nothing to fill in.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("hosts", sa.Column("woken_at", sa.Double(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Not offered: restore the backup that was made before the upgrade."""
    raise NotImplementedError("0010 has no way back: restore the backup from before the upgrade")
