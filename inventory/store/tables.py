"""One schema for SQLite and PostgreSQL.

Every record kind is a table of the same shape: the columns that are looked up, a `version` for
optimistic writes, and the whole record as a JSON document. A field becomes a column when a query
needs it, by a migration; until then it costs nothing.

Tags and custom fields are many to a record: they lie in `labels`, one row each, written with the
record that they describe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from inventory.answers import Answer
from inventory.audit import AuditEntry
from inventory.changes import JournalEntry, ObjectChange
from inventory.expected_hosts import ExpectedHost, FactoryAccount
from inventory.found_bmcs import BmcNetwork, Discovery, FoundBmc
from inventory.jobs import Job
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
from inventory.netbox_links import NetBoxLink
from inventory.parts import Part
from inventory.places import Cable, Equipment, Location, PowerFeed, Rack, Site
from inventory.quotas import TenantQuota
from inventory.store.schema import (
    DOCUMENT,
    later,
    metadata,
    moment,
    number,
    record_table,
    text,
    text_type,
    unique,
)
from inventory.users import Session, User
from inventory.webhooks import Delivery, Webhook


@dataclass(frozen=True, slots=True)
class Kind:
    """How one record class lies in its table."""

    table: sa.Table
    key: Callable[[Any], str]
    columns: dict[str, Callable[[Any], Any]]
    searched: tuple[str, ...] = ()
    """Columns that a search by words looks into."""
    labelled: bool = False
    """Whether its records have tags and custom fields."""


def _slug(record: RayCluster | Deployment) -> str:
    return f"{record.tenant}/{record.name}"


def _at_site(record: Location | Rack | PowerFeed | Equipment) -> str:
    return f"{record.site}/{record.name}"


def _deduplication(claim: Claim) -> str | None:
    return f"{claim.tenant}/{claim.idempotency_key}" if claim.idempotency_key else None


def _subject(user: User) -> str | None:
    return f"{user.oidc_issuer} {user.oidc_subject}" if user.oidc_subject else None


def _fields(*names: str) -> dict[str, Callable[[Any], Any]]:
    """Columns that hold a field of the same name as it is."""
    return {name: attrgetter(name) for name in names}


KINDS: dict[type[Record], Kind] = {
    Host: Kind(
        record_table(
            "hosts",
            unique("name"),
            unique("serial"),
            text("pod"),
            text("state"),
            text("target"),
            text("media_id"),
            moment("wake_at"),
            # When it was last woken; no part of the record, which a wake leaves as it is.
            sa.Column("woken_at", sa.Double, nullable=False, server_default="0"),
            later("site"),
            later("rack"),
            later("slot"),
            later("feed"),
            later("host_type"),
            later("uuid"),
            later("asset_tag"),
            later("health"),
            later("power"),
            later("problem"),
            later("maintenance"),
            later("link_domain"),
            later("gpu_model"),
            number("gpu_count"),
            number("gpu_memory_gib"),
            number("memory_gib"),
            number("wave"),
            sa.Column("simulated", sa.Boolean, nullable=False, server_default=sa.false()),
        ),
        lambda h: h.id,
        {
            **_fields("name", "serial", "pod", "target", "site", "rack", "slot", "feed"),
            **_fields("host_type", "uuid", "asset_tag", "link_domain", "simulated", "wave"),
            "state": lambda h: h.state.value,
            "health": lambda h: h.health.value,
            "power": lambda h: h.power.value,
            "problem": lambda h: h.problem.kind if h.problem else "",
            "maintenance": lambda h: "yes" if h.maintenance else "",
            "media_id": lambda h: h.boot.media_id if h.boot else "",
            "wake_at": lambda h: h.wake_at.timestamp(),
            "gpu_model": lambda h: next((a.model for a in _accelerators(h)), ""),
            "gpu_count": lambda h: len(_accelerators(h)),
            "gpu_memory_gib": lambda h: min((a.memory_gib for a in _accelerators(h)), default=0),
            "memory_gib": lambda h: sum(m.capacity_gib for m in h.facts.memory) if h.facts else 0,
        },
        searched=("name", "serial", "uuid", "asset_tag", "slot", "rack", "pod"),
        labelled=True,
    ),
    AgentSeen: Kind(record_table("agents"), lambda a: a.host_id, {}),
    RayMember: Kind(
        record_table("ray_members", text("cluster_id")),
        lambda m: m.host_id,
        _fields("cluster_id"),
    ),
    Pod: Kind(
        record_table("pods", text("site")),
        lambda p: p.name,
        _fields("site"),
        searched=("key", "site"),
        labelled=True,
    ),
    CertificateRecord: Kind(
        record_table(
            "certificates", text("host_id"), text("host"), number("expires_at", sa.Double)
        ),
        lambda c: c.id,
        {**_fields("host_id", "host"), "expires_at": lambda c: c.expires_at.timestamp()},
        searched=("key", "host"),
    ),
    ComputeUnit: Kind(
        record_table(
            "units",
            unique("name"),
            text("pod"),
            text("unit_class"),
            text("state"),
            text("claim"),
            later("site"),
        ),
        lambda u: u.id,
        {
            **_fields("name", "pod", "unit_class", "claim", "site"),
            "state": lambda u: u.state.value,
        },
        searched=("name", "unit_class"),
    ),
    Claim: Kind(
        record_table(
            "claims",
            text("tenant"),
            text("state"),
            unique("deduplication", nullable=True),
        ),
        lambda c: c.id,
        {
            "tenant": lambda c: c.tenant,
            "state": lambda c: c.state.value,
            "deduplication": _deduplication,
        },
        searched=("key", "tenant"),
    ),
    RayCluster: Kind(
        record_table("clusters", text("tenant"), unique("slug")),
        lambda c: c.id,
        {"tenant": lambda c: c.tenant, "slug": _slug},
    ),
    Deployment: Kind(
        record_table("deployments", text("tenant"), unique("slug")),
        lambda d: d.id,
        {"tenant": lambda d: d.tenant, "slug": _slug},
    ),
    Job: Kind(
        record_table(
            "jobs",
            text("tenant"),
            text("cluster"),
            text("state"),
            text("turn"),
            number("stop_wanted"),
        ),
        lambda job: job.id,
        {
            **_fields("tenant", "turn"),
            "cluster": lambda job: f"{job.tenant}/{job.cluster}",
            "state": lambda job: job.state.value,
            "stop_wanted": lambda job: int(job.stop_wanted and not job.ended),
        },
        searched=("key", "cluster"),
    ),
    TenantQuota: Kind(
        record_table("quotas", text("parent")),
        lambda quota: quota.name,
        _fields("parent"),
        searched=("key",),
    ),
    Tenant: Kind(record_table("tenants"), lambda t: t.name, {}, searched=("key",)),
    ApiKey: Kind(
        record_table("api_keys", text("role"), text("tenant")),
        lambda k: k.id,
        _fields("role", "tenant"),
    ),
    UsageRecord: Kind(
        record_table(
            "usage_records",
            text("tenant"),
            text("kind"),
            text("claim"),
            number("ended_at", sa.Double),
        ),
        lambda u: u.id,
        {**_fields("tenant", "kind", "claim"), "ended_at": lambda u: u.ended_at.timestamp()},
    ),
    Intent: Kind(
        record_table("intents", text("host_id"), text("state"), text("step")),
        lambda i: i.id,
        _fields("host_id", "state", "step"),
    ),
    Site: Kind(
        record_table("sites", text("title")),
        lambda s: s.name,
        _fields("title"),
        searched=("key", "title"),
        labelled=True,
    ),
    Location: Kind(
        record_table(
            "locations", unique("slug"), text("site"), text("name"), text("kind"), text("parent")
        ),
        lambda record: record.id,
        {"slug": _at_site, **_fields("site", "name", "kind", "parent")},
        searched=("name", "site"),
        labelled=True,
    ),
    Rack: Kind(
        record_table(
            "racks",
            unique("slug"),
            text("site"),
            text("name"),
            text("location"),
            text("pod"),
            text("rack_type"),
            text("serial"),
            text("asset_tag"),
        ),
        lambda r: r.id,
        {
            "slug": _at_site,
            **_fields("site", "name", "location", "pod", "rack_type", "serial", "asset_tag"),
        },
        searched=("name", "serial", "asset_tag"),
        labelled=True,
    ),
    PowerFeed: Kind(
        record_table("power_feeds", unique("slug"), text("site"), text("name"), text("pod")),
        lambda f: f.id,
        {"slug": _at_site, **_fields("site", "name", "pod")},
        searched=("name",),
        labelled=True,
    ),
    Equipment: Kind(
        record_table(
            "equipment",
            unique("slug"),
            text("site"),
            text("name"),
            text("kind"),
            text("pod"),
            text("rack"),
            text("serial"),
        ),
        lambda e: e.id,
        {"slug": _at_site, **_fields("site", "name", "kind", "pod", "rack", "serial")},
        searched=("name", "serial"),
        labelled=True,
    ),
    Cable: Kind(
        record_table(
            "cables",
            text("label"),
            text("site"),
            text("pod"),
            text("kind"),
            text("status"),
            text("a_id"),
            text("z_id"),
        ),
        lambda c: c.id,
        {
            **_fields("label", "site", "pod", "kind", "status"),
            "a_id": lambda c: c.a.id,
            "z_id": lambda c: c.z.id,
        },
        searched=("label",),
        labelled=True,
    ),
    Part: Kind(
        record_table(
            "parts",
            text("host_id"),
            text("host"),
            text("slot"),
            text("kind"),
            text("model"),
            text("serial"),
            number("present"),
            text("rma"),
        ),
        lambda p: p.id,
        {
            **_fields("host_id", "host", "slot", "kind", "model", "serial", "rma"),
            "present": lambda p: int(p.present),
        },
        searched=("serial", "model", "host", "rma"),
    ),
    ObjectChange: Kind(
        record_table(
            "object_changes",
            moment("at"),
            text("actor"),
            text("request_id"),
            text("kind"),
            text("object_key"),
            text("name"),
            text("action"),
        ),
        lambda c: c.id,
        {
            **_fields("actor", "request_id", "kind", "name", "action"),
            "object_key": lambda c: c.key,
            "at": lambda c: c.at.timestamp(),
        },
        searched=("name", "actor"),
    ),
    JournalEntry: Kind(
        record_table("journal", moment("at"), text("author"), text("level"), text("subject")),
        lambda j: j.id,
        {**_fields("author", "level", "subject"), "at": lambda j: j.at.timestamp()},
        searched=("subject", "author"),
    ),
    User: Kind(
        record_table("users", text("email"), text("tenant"), unique("subject", nullable=True)),
        lambda u: u.name,
        {**_fields("email", "tenant"), "subject": _subject},
        searched=("key", "email"),
    ),
    Session: Kind(
        record_table("sessions", text("user"), text("key_id"), moment("expires_at")),
        lambda s: s.id,
        {**_fields("user", "key_id"), "expires_at": lambda s: s.expires_at.timestamp()},
    ),
    AuditEntry: Kind(
        record_table("audit", moment("at"), text("actor"), text("action"), text("subject")),
        lambda a: audit_key(a.seq),
        {**_fields("actor", "action", "subject"), "at": lambda a: a.at.timestamp()},
        searched=("actor", "action", "subject"),
    ),
    Webhook: Kind(
        record_table("webhooks", unique("name"), text("tenant")),
        lambda w: w.id,
        _fields("name", "tenant"),
        searched=("name",),
    ),
    Delivery: Kind(
        record_table(
            "deliveries",
            text("webhook_id"),
            text("state"),
            moment("next_at"),
            number("event_seq", sa.BigInteger),
        ),
        lambda d: d.id,
        {
            **_fields("webhook_id", "state", "event_seq"),
            "next_at": lambda d: d.next_at.timestamp(),
        },
    ),
    NetBoxLink: Kind(
        record_table(
            "netbox_links", text("kind"), text("netbox_type"), number("netbox_id", sa.BigInteger)
        ),
        lambda n: n.id,
        _fields("kind", "netbox_type", "netbox_id"),
    ),
    FactoryAccount: Kind(record_table("factory_accounts"), lambda a: a.name, {}),
    ExpectedHost: Kind(
        record_table(
            "expected_hosts",
            unique("name"),
            *(text(n) for n in ("pod", "slot", "serial", "bmc", "account", "found", "host_id")),
            number("enrol"),
        ),
        lambda e: e.id,
        {
            **_fields("name", "pod", "slot", "serial", "bmc", "account", "found", "host_id"),
            "enrol": lambda e: int(e.enrol),
        },
        searched=("name", "serial", "pod"),
    ),
    BmcNetwork: Kind(record_table("bmc_networks", text("site")), lambda n: n.name, _fields("site")),
    FoundBmc: Kind(
        record_table(
            "found_bmcs",
            unique("address"),
            *(text(n) for n in ("ip", "network", "site", "state", "expected", "host", "vendor")),
            moment("seen_at"),
        ),
        lambda b: b.id,
        {
            **_fields("address", "ip", "network", "site", "state", "expected", "host", "vendor"),
            "seen_at": lambda b: b.seen_at.timestamp(),
        },
        searched=("address", "expected", "host", "vendor"),
    ),
    Discovery: Kind(
        record_table("discoveries", text("state"), moment("created_at_s")),
        lambda d: d.id,
        {**_fields("state"), "created_at_s": lambda d: d.created_at.timestamp()},
    ),
    Answer: Kind(
        record_table("answers", moment("expires_at")),
        lambda a: a.id,
        {"expires_at": lambda a: a.expires_at.timestamp()},
    ),
}


def audit_key(seq: int) -> str:
    """The key of an entry: keys sort as numbers do."""
    return f"{seq:016d}"


def _accelerators(host: Host) -> tuple[Any, ...]:
    return host.facts.accelerators if host.facts else ()


EVENTS = sa.Table(
    "events",
    metadata,
    sa.Column(
        "seq",
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("at", sa.Double, nullable=False, index=True),
    sa.Column("kind", text_type(64), nullable=False),
    sa.Column("subject", text_type(), nullable=False),
    sa.Column("document", DOCUMENT, nullable=False),
    sa.Index("ix_events_subject", "subject", "seq"),
    sa.Index("ix_events_kind", "kind", "seq"),
)

LABELS = sa.Table(
    "labels",
    metadata,
    sa.Column("kind", text_type(64), primary_key=True),
    sa.Column("key", text_type(), primary_key=True),
    sa.Column("name", text_type(64), primary_key=True),
    sa.Column("value", text_type(), primary_key=True),
    sa.Index("ix_labels_value", "kind", "name", "value", "key"),
)
"""`tag` and its word, or `cf_<field>` and its value as text, of one record of one table."""

LEASES = sa.Table(
    "leases",
    metadata,
    sa.Column("name", text_type(64), primary_key=True),
    sa.Column("owner", text_type(128), nullable=False),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
)

HOLDS = sa.Table(
    "holds",
    metadata,
    sa.Column("host", text_type(), primary_key=True),
    sa.Column("worker", text_type(64), nullable=False),
    sa.Index("ix_holds_worker", "worker"),
)
"""Which hosts a worker has in hand, by the name of its lease; a host without a row is free."""

SECRETS = sa.Table(
    "secrets",
    metadata,
    sa.Column("owner", text_type(64), primary_key=True),
    sa.Column("name", text_type(64), primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

NOTES = sa.Table(
    "notes",
    metadata,
    sa.Column("name", text_type(64), primary_key=True),
    sa.Column("value", sa.Text(), nullable=False),
)
"""What the database says of itself: for example when it was restored from a backup."""
