"""Hosts that are expected, the networks of BMCs, and who was found there.

Revision ID: 0006
Revises: 0005

Nothing was expected before, so there is nothing to fill in.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON().with_variant(sa.Text(), "postgresql")

TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    # table: unique texts, texts, integers, moments
    "factory_accounts": ((), (), (), ()),
    "expected_hosts": (
        ("name",),
        ("pod", "slot", "serial", "bmc", "account", "found", "host_id"),
        ("enrol",),
        (),
    ),
    "bmc_networks": ((), ("site",), (), ()),
    "found_bmcs": (
        ("address",),
        ("ip", "network", "site", "state", "expected", "host", "vendor"),
        (),
        ("seen_at",),
    ),
    "discoveries": ((), ("state",), (), ("created_at_s",)),
}


def upgrade() -> None:
    """Add the tables."""
    for table, (unique, texts, integers, moments) in TABLES.items():
        op.create_table(
            table,
            sa.Column("key", _text(), nullable=False),
            sa.Column("version", sa.Integer(), nullable=False),
            *(sa.Column(name, _text(), nullable=False) for name in (*unique, *texts)),
            *(
                sa.Column(name, sa.Integer(), nullable=False, server_default="0")
                for name in integers
            ),
            *(sa.Column(name, sa.Double(), nullable=False) for name in moments),
            sa.Column("created_at", sa.Double(), nullable=False, server_default="0"),
            sa.Column("updated_at", sa.Double(), nullable=False, server_default="0"),
            sa.Column("document", DOCUMENT, nullable=False),
            sa.PrimaryKeyConstraint("key", name=f"pk_{table}"),
            *(sa.UniqueConstraint(name, name=f"uq_{table}_{name}") for name in unique),
        )
        for name in (*texts, *integers, *moments):
            op.create_index(f"ix_{table}_{name}", table, [name, "key"])


def downgrade() -> None:
    """Not offered: restore the backup that was made before the upgrade."""
    raise NotImplementedError("0006 has no way back: restore the backup from before the upgrade")


def _text() -> Any:
    return sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
