"""One schema for SQLite and PostgreSQL.

Every record kind is a table of the same shape: the columns that are looked up, a `version` for
optimistic writes, and the whole record as a JSON document. A field becomes a column when a query
needs it, by a migration; until then it costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from inventory.model import (
    AgentSeen,
    ApiKey,
    CertificateRecord,
    Claim,
    ComputeUnit,
    Deployment,
    Host,
    Intent,
    Pod,
    RayCluster,
    RayMember,
    Record,
    Tenant,
    UsageRecord,
)

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

JSON_DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


@dataclass(frozen=True, slots=True)
class Kind:
    """How one record class lies in its table."""

    table: sa.Table
    key: Callable[[Any], str]
    columns: dict[str, Callable[[Any], Any]]


def _text(name: str, *, unique: bool = False, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(255), nullable=nullable, index=not unique, unique=unique)


def _table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        *columns,
        sa.Column("document", JSON_DOCUMENT, nullable=False),
    )


def _slug(record: RayCluster | Deployment) -> str:
    return f"{record.tenant}/{record.name}"


def _deduplication(claim: Claim) -> str | None:
    return f"{claim.tenant}/{claim.idempotency_key}" if claim.idempotency_key else None


KINDS: dict[type[Record], Kind] = {
    Host: Kind(
        _table(
            "hosts",
            _text("name", unique=True),
            _text("serial", unique=True),
            _text("pod"),
            _text("state"),
            _text("target"),
            _text("media_id"),
            sa.Column("wake_at", sa.Double, nullable=False, index=True),
        ),
        lambda h: h.id,
        {
            "name": lambda h: h.name,
            "serial": lambda h: h.serial,
            "pod": lambda h: h.pod,
            "state": lambda h: h.state.value,
            "target": lambda h: h.target,
            "media_id": lambda h: h.boot.media_id if h.boot else "",
            "wake_at": lambda h: h.wake_at.timestamp(),
        },
    ),
    AgentSeen: Kind(_table("agents"), lambda a: a.host_id, {}),
    RayMember: Kind(
        _table("ray_members", _text("cluster_id")),
        lambda m: m.host_id,
        {"cluster_id": lambda m: m.cluster_id},
    ),
    Pod: Kind(_table("pods", _text("site")), lambda p: p.name, {"site": lambda p: p.site}),
    CertificateRecord: Kind(
        _table("certificates", _text("host_id"), _text("host")),
        lambda c: c.id,
        {"host_id": lambda c: c.host_id, "host": lambda c: c.host},
    ),
    ComputeUnit: Kind(
        _table(
            "units",
            _text("name", unique=True),
            _text("pod"),
            _text("unit_class"),
            _text("state"),
            _text("claim"),
        ),
        lambda u: u.id,
        {
            "name": lambda u: u.name,
            "pod": lambda u: u.pod,
            "unit_class": lambda u: u.unit_class,
            "state": lambda u: u.state.value,
            "claim": lambda u: u.claim,
        },
    ),
    Claim: Kind(
        _table(
            "claims",
            _text("tenant"),
            _text("state"),
            _text("deduplication", unique=True, nullable=True),
        ),
        lambda c: c.id,
        {
            "tenant": lambda c: c.tenant,
            "state": lambda c: c.state.value,
            "deduplication": _deduplication,
        },
    ),
    RayCluster: Kind(
        _table("clusters", _text("tenant"), _text("slug", unique=True)),
        lambda c: c.id,
        {"tenant": lambda c: c.tenant, "slug": _slug},
    ),
    Deployment: Kind(
        _table("deployments", _text("tenant"), _text("slug", unique=True)),
        lambda d: d.id,
        {"tenant": lambda d: d.tenant, "slug": _slug},
    ),
    Tenant: Kind(_table("tenants"), lambda t: t.name, {}),
    ApiKey: Kind(
        _table("api_keys", _text("role"), _text("tenant")),
        lambda k: k.id,
        {"role": lambda k: k.role, "tenant": lambda k: k.tenant},
    ),
    UsageRecord: Kind(
        _table("usage_records", _text("tenant"), _text("kind"), _text("claim")),
        lambda u: u.id,
        {"tenant": lambda u: u.tenant, "kind": lambda u: u.kind, "claim": lambda u: u.claim},
    ),
    Intent: Kind(
        _table("intents", _text("host_id"), _text("state"), _text("step")),
        lambda i: i.id,
        {"host_id": lambda i: i.host_id, "state": lambda i: i.state, "step": lambda i: i.step},
    ),
}

EVENTS = sa.Table(
    "events",
    metadata,
    sa.Column(
        "seq",
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("subject", sa.String(255), nullable=False, index=True),
    sa.Column("document", JSON_DOCUMENT, nullable=False),
)

LEASES = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("owner", sa.String(128), nullable=False),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
)

SECRETS = sa.Table(
    "secrets",
    metadata,
    sa.Column("owner", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)
