"""The first schema.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

JSON_DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "agents",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", JSON_DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_agents")),
    )
    op.create_table(
        "api_keys",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=255), nullable=False),
        sa.Column("tenant", sa.String(length=255), nullable=False),
        sa.Column("document", JSON_DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_api_keys")),
    )
    op.create_index(op.f("ix_api_keys_role"), "api_keys", ["role"], unique=False)
    op.create_index(op.f("ix_api_keys_tenant"), "api_keys", ["tenant"], unique=False)
    op.create_table(
        "certificates",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("host_id", sa.String(length=255), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("document", JSON_DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_certificates")),
    )
    op.create_index(op.f("ix_certificates_host"), "certificates", ["host"], unique=False)
    op.create_index(op.f("ix_certificates_host_id"), "certificates", ["host_id"], unique=False)
    op.create_table(
        "claims",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=255), nullable=False),
        sa.Column("deduplication", sa.String(length=255), nullable=True),
        sa.Column("document", JSON_DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_claims")),
        sa.UniqueConstraint("deduplication", name=op.f("uq_claims_deduplication")),
    )
    op.create_index(op.f("ix_claims_state"), "claims", ["state"], unique=False)
    op.create_index(op.f("ix_claims_tenant"), "claims", ["tenant"], unique=False)
    op.create_table(
        "clusters",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.String(length=255), nullable=False),
        sa.Column("slug", sa.String(length=255), nullable=False),
        sa.Column("document", JSON_DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_clusters")),
        sa.UniqueConstraint("slug", name=op.f("uq_clusters_slug")),
    )
    op.create_index(op.f("ix_clusters_tenant"), "clusters", ["tenant"], unique=False)
    op.create_table(
        "deployments",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.String(length=255), nullable=False),
        sa.Column("slug", sa.String(length=255), nullable=False),
        sa.Column("document", JSON_DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_deployments")),
        sa.UniqueConstraint("slug", name=op.f("uq_deployments_slug")),
    )
    op.create_index(op.f("ix_deployments_tenant"), "deployments", ["tenant"], unique=False)
    op.create_table(
        "events",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("document", JSON_DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_subject"), "events", ["subject"], unique=False)
    op.create_table(
        "hosts",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("serial", sa.String(length=255), nullable=False),
        sa.Column("pod", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("media_id", sa.String(length=255), nullable=False),
        sa.Column("wake_at", sa.Double(), nullable=False),
        sa.Column("document", JSON_DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_hosts")),
        sa.UniqueConstraint("name", name=op.f("uq_hosts_name")),
        sa.UniqueConstraint("serial", name=op.f("uq_hosts_serial")),
    )
    op.create_index(op.f("ix_hosts_media_id"), "hosts", ["media_id"], unique=False)
    op.create_index(op.f("ix_hosts_pod"), "hosts", ["pod"], unique=False)
    op.create_index(op.f("ix_hosts_state"), "hosts", ["state"], unique=False)
    op.create_index(op.f("ix_hosts_target"), "hosts", ["target"], unique=False)
    op.create_index(op.f("ix_hosts_wake_at"), "hosts", ["wake_at"], unique=False)
    op.create_table(
        "intents",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("host_id", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=255), nullable=False),
        sa.Column("step", sa.String(length=255), nullable=False),
        sa.Column("document", JSON_DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_intents")),
    )
    op.create_index(op.f("ix_intents_host_id"), "intents", ["host_id"], unique=False)
    op.create_index(op.f("ix_intents_state"), "intents", ["state"], unique=False)
    op.create_index(op.f("ix_intents_step"), "intents", ["step"], unique=False)
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=128), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "pods",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=255), nullable=False),
        sa.Column("document", JSON_DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_pods")),
    )
    op.create_index(op.f("ix_pods_site"), "pods", ["site"], unique=False)
    op.create_table(
        "ray_members",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("cluster_id", sa.String(length=255), nullable=False),
        sa.Column("document", JSON_DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_ray_members")),
    )
    op.create_index(op.f("ix_ray_members_cluster_id"), "ray_members", ["cluster_id"], unique=False)
    op.create_table(
        "secrets",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "name", name=op.f("pk_secrets")),
    )
    op.create_table(
        "tenants",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", JSON_DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_tenants")),
    )
    op.create_table(
        "units",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("pod", sa.String(length=255), nullable=False),
        sa.Column("unit_class", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=255), nullable=False),
        sa.Column("claim", sa.String(length=255), nullable=False),
        sa.Column("document", JSON_DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_units")),
        sa.UniqueConstraint("name", name=op.f("uq_units_name")),
    )
    op.create_index(op.f("ix_units_claim"), "units", ["claim"], unique=False)
    op.create_index(op.f("ix_units_pod"), "units", ["pod"], unique=False)
    op.create_index(op.f("ix_units_state"), "units", ["state"], unique=False)
    op.create_index(op.f("ix_units_unit_class"), "units", ["unit_class"], unique=False)
    op.create_table(
        "usage_records",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=255), nullable=False),
        sa.Column("claim", sa.String(length=255), nullable=False),
        sa.Column("document", JSON_DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_usage_records")),
    )
    op.create_index(op.f("ix_usage_records_claim"), "usage_records", ["claim"], unique=False)
    op.create_index(op.f("ix_usage_records_kind"), "usage_records", ["kind"], unique=False)
    op.create_index(op.f("ix_usage_records_tenant"), "usage_records", ["tenant"], unique=False)


def downgrade() -> None:
    """Drop every table."""
    op.drop_index(op.f("ix_usage_records_tenant"), table_name="usage_records")
    op.drop_index(op.f("ix_usage_records_kind"), table_name="usage_records")
    op.drop_index(op.f("ix_usage_records_claim"), table_name="usage_records")
    op.drop_table("usage_records")
    op.drop_index(op.f("ix_units_unit_class"), table_name="units")
    op.drop_index(op.f("ix_units_state"), table_name="units")
    op.drop_index(op.f("ix_units_pod"), table_name="units")
    op.drop_index(op.f("ix_units_claim"), table_name="units")
    op.drop_table("units")
    op.drop_table("tenants")
    op.drop_table("secrets")
    op.drop_index(op.f("ix_ray_members_cluster_id"), table_name="ray_members")
    op.drop_table("ray_members")
    op.drop_index(op.f("ix_pods_site"), table_name="pods")
    op.drop_table("pods")
    op.drop_table("leases")
    op.drop_index(op.f("ix_intents_step"), table_name="intents")
    op.drop_index(op.f("ix_intents_state"), table_name="intents")
    op.drop_index(op.f("ix_intents_host_id"), table_name="intents")
    op.drop_table("intents")
    op.drop_index(op.f("ix_hosts_wake_at"), table_name="hosts")
    op.drop_index(op.f("ix_hosts_target"), table_name="hosts")
    op.drop_index(op.f("ix_hosts_state"), table_name="hosts")
    op.drop_index(op.f("ix_hosts_pod"), table_name="hosts")
    op.drop_index(op.f("ix_hosts_media_id"), table_name="hosts")
    op.drop_table("hosts")
    op.drop_index(op.f("ix_events_subject"), table_name="events")
    op.drop_table("events")
    op.drop_index(op.f("ix_deployments_tenant"), table_name="deployments")
    op.drop_table("deployments")
    op.drop_index(op.f("ix_clusters_tenant"), table_name="clusters")
    op.drop_table("clusters")
    op.drop_index(op.f("ix_claims_tenant"), table_name="claims")
    op.drop_index(op.f("ix_claims_state"), table_name="claims")
    op.drop_table("claims")
    op.drop_index(op.f("ix_certificates_host_id"), table_name="certificates")
    op.drop_index(op.f("ix_certificates_host"), table_name="certificates")
    op.drop_table("certificates")
    op.drop_index(op.f("ix_api_keys_tenant"), table_name="api_keys")
    op.drop_index(op.f("ix_api_keys_role"), table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_table("agents")
