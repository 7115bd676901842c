"""Readings of hosts over time, the energy they drew, and the lines of their BMCs' logs.

Revision ID: 0005
Revises: 0004

Nothing was read before, so there is nothing to fill in.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "readings",
        sa.Column("host_id", _text(64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.Column("watts", sa.Double(), nullable=True),
        sa.Column("celsius", sa.Double(), nullable=True),
        sa.Column("leak", sa.Integer(), nullable=True),
        sa.Column("layout", sa.BigInteger(), nullable=False),
        sa.Column("samples", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "at", name="pk_readings"),
    )
    op.create_index("ix_readings_at", "readings", ["at"])
    op.create_table(
        "reading_days",
        sa.Column("host_id", _text(64), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("layout", sa.BigInteger(), nullable=False),
        sa.Column("buckets", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "day", name="pk_reading_days"),
    )
    op.create_index("ix_reading_days_day", "reading_days", ["day"])
    op.create_table(
        "reading_layouts",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reading_layouts"),
    )
    op.create_table(
        "meters",
        sa.Column("host_id", _text(64), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("watts", sa.Double(), nullable=True),
        sa.Column("counter_kwh", sa.Double(), nullable=True),
        sa.Column("joules", sa.BigInteger(), nullable=False),
        sa.Column("gaps", sa.Integer(), nullable=False),
        sa.Column("gap_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", name="pk_meters"),
    )
    op.create_table(
        "bmc_lines",
        sa.Column("host_id", _text(64), nullable=False),
        sa.Column("line", _text(96), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.Column("at", sa.Double(), nullable=True),
        sa.Column("source", _text(64), nullable=False),
        sa.Column("severity", _text(32), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "line", name="pk_bmc_lines"),
    )
    op.create_index("ix_bmc_lines_seen_at", "bmc_lines", ["seen_at"])


def downgrade() -> None:
    """Not offered: restore the backup that was made before the upgrade."""
    raise NotImplementedError("0005 has no way back: restore the backup from before the upgrade")


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
