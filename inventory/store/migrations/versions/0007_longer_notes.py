"""Notes of any length: the pace that several controllers share is more than a line.

Revision ID: 0007
Revises: 0006

A database that was made while the step before did this, too, has it already: then nothing changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a note be as long as it has to be."""
    with op.batch_alter_table("notes") as notes:
        notes.alter_column("value", type_=sa.Text(), existing_nullable=False)


def downgrade() -> None:
    """Refuse: what is longer than a line would be cut."""
    raise NotImplementedError("0007 has no way back: restore the backup from before the upgrade")
