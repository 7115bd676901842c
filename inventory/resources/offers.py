"""Pods, units, certificates, claims, clusters and deployments, as the API lists them.

They come into being by acts of their own (a pod is applied, units are claimed), so that only their
labels can be written here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from inventory.auth import Permission
from inventory.claimsteps import ClaimStep, steps_of
from inventory.deps import ApiDeps
from inventory.job_limits import names_below
from inventory.jobs import Job, JobState
from inventory.model import (
    CertificateRecord,
    Claim,
    ComputeUnit,
    Deployment,
    Host,
    Pod,
    RayCluster,
    Tenant,
)
from inventory.offering import offer_of
from inventory.quotas import TenantQuota
from inventory.resources.declaring import (
    Filter,
    Form,
    Holder,
    Include,
    Reference,
    Resource,
    Shown,
    Stored,
    Writes,
)
from inventory.resources.shaping import body_of, change_of, show_record, view_of
from inventory.routes.shapes import View
from inventory.states import ClaimState, UnitState
from inventory.store.reading import every

_POD_HIDDEN = ("spec_document", "plan", "approval")


def _plan_digest(stored: Stored) -> Shown:
    plan = stored.document.get("plan")
    return {"plan_digest": plan["digest"] if plan else None}


_POD_EXTRA: dict[str, tuple[Any, Any]] = {
    "plan_digest": (str | None, Field(description="Of the approved plan.")),
}


def _pod_whole(stored: Stored) -> Shown:
    whole = {name: stored.document.get(name) for name in _POD_HIDDEN}
    return _show_pod(stored) | whole


_show_pod = show_record(Pod, hidden=_POD_HIDDEN, extra=_plan_digest)


def _pod_hosts(deps: ApiDeps, stored: Stored) -> Shown:
    hosts = every(deps.store, Host, pod=stored.key)
    states = [str(host.state) for host in hosts]
    return {
        "hosts": len(hosts),
        "hosts_by_state": {state: states.count(state) for state in sorted(set(states))},
        "parked": [h.name for h in hosts if h.problem is not None and h.problem.parked],
    }


PODS = Resource(
    noun="pod",
    plural="pods",
    kind=Pod,
    view=view_of(Pod, "PodLine", hidden=_POD_HIDDEN, extra=_POD_EXTRA),
    show=_show_pod,
    detail=view_of(
        Pod,
        "PodWhole",
        extra={
            **_POD_EXTRA,
            "hosts": (int, Field(description="How many fill its slots.")),
            "hosts_by_state": (dict[str, int], Field()),
            "parked": (list[str], Field(description="Hosts that only a person can move.")),
        },
    ),
    show_detail=_pod_whole,
    detail_extra=_pod_hosts,
    read=Permission.POD_READ,
    command="pod list",
    filters={"id": Filter("key"), "name": Filter("key"), "site": Filter("site")},
    ordering=("name", "site"),
    searched=("name", "site"),
    site="site",
    tagged=True,
    writes=Writes(
        permission=Permission.POD_WRITE,
        change=change_of(Pod, "ChangePod", fields=("price_per_unit_hour", "tags", "custom")),
        removable=False,
    ),
    unrecorded=("spec_document", "plan"),
)


class UnitOffer(View):
    """What says how good an offer a unit is, and how long it stands."""

    owned: bool
    price_per_unit_hour: float
    certified_until: datetime | None
    """When the first of its certificates ends; null: one of them is not there."""
    suspended: bool


def _offers(deps: ApiDeps, rows: Sequence[Stored]) -> Mapping[str, Any]:
    """Whose each unit is, what it costs, and until when it is certified."""
    pods = deps.store.get_many(Pod, {row.document["pod"] for row in rows})
    named = {one for row in rows for one in row.document["certificate_ids"]}
    known = deps.store.get_many(CertificateRecord, named)
    return {row.key: _offer(row, pods, known) for row in rows}


def _offer(
    row: Stored, pods: Mapping[str, Pod], known: Mapping[str, CertificateRecord]
) -> dict[str, Any]:
    pod = pods.get(row.document["pod"])
    owned, price = offer_of(row.document["labels"], pod)
    ids = row.document["certificate_ids"]
    found = [known[one] for one in ids if one in known]
    complete = bool(found) and len(found) == len(ids)
    until = min((one.expires_at for one in found), default=None) if complete else None
    return {
        "owned": owned,
        "price_per_unit_hour": price,
        "certified_until": until.isoformat() if until else None,
        "suspended": any(one.suspended for one in found),
    }


UNITS = Resource(
    noun="unit",
    plural="units",
    kind=ComputeUnit,
    view=view_of(ComputeUnit, "UnitView"),
    show=show_record(ComputeUnit),
    read=Permission.UNIT_READ,
    command="unit list",
    filters={
        "id": Filter("key"),
        "name": Filter("name"),
        "pod": Filter("pod"),
        "site": Filter("site"),
        "unit_class": Filter("unit_class"),
        "state": Filter("state", Form.CHOICE, tuple(s.value for s in UnitState)),
        "claim": Filter("claim"),
    },
    ordering=("name", "pod", "site", "unit_class", "state"),
    searched=("name", "unit_class"),
    site="site",
    includes={
        "offer": Include(
            read=_offers,
            absent=None,
            says="Whose it is, what it costs, and until when it is certified.",
            needs=Permission.UNIT_READ,
        ),
    },
)


def _envelope(stored: Stored) -> Shown:
    return _show_certificate(stored) | {"envelope": stored.document["envelope"]}


_show_certificate = show_record(
    CertificateRecord, hidden=("envelope",), display=lambda s: f"{s['host']} {s['issued_at'][:10]}"
)

CERTIFICATES = Resource(
    noun="certificate",
    plural="certificates",
    kind=CertificateRecord,
    view=view_of(CertificateRecord, "CertificateView", hidden=("envelope",)),
    show=_show_certificate,
    detail=view_of(CertificateRecord, "CertificateWhole"),
    show_detail=_envelope,
    read=Permission.CERTIFICATE_READ,
    command="certificate list",
    filters={
        "id": Filter("key"),
        "host": Filter("host"),
        "host_id": Filter("host_id"),
        "expires_at": Filter("expires_at", Form.MOMENT),
    },
    brief=("id", "url", "display", "host"),
    ordering=("host", "expires_at"),
    searched=("id", "host"),
    addressed_by_name=False,
    named=False,
)


def _steps(deps: ApiDeps, stored: Stored) -> Shown:
    claim = deps.store.get(Claim, stored.key)
    steps = steps_of(deps.store, claim) if claim is not None else ()
    return {"steps": [step.model_dump(mode="json") for step in steps]}


CLAIMS = Resource(
    noun="claim",
    plural="claims",
    kind=Claim,
    view=view_of(Claim, "ClaimView"),
    detail=view_of(
        Claim,
        "ClaimWhole",
        extra={"steps": (list[ClaimStep], Field(description="How far its cluster is."))},
    ),
    detail_extra=_steps,
    show=show_record(
        Claim,
        display=lambda s: (
            f"{s['tenant']}: {s['count'] or s['b200_equivalents']} x {s['unit_class']}"
        ),
    ),
    read=Permission.CLAIM_READ,
    command="claim list",
    filters={
        "id": Filter("key"),
        "tenant": Filter("tenant"),
        "state": Filter("state", Form.CHOICE, tuple(s.value for s in ClaimState)),
    },
    brief=("id", "url", "display", "tenant", "state"),
    ordering=("tenant", "state"),
    searched=("id", "tenant"),
    addressed_by_name=False,
    named=False,
    tenant="tenant",
)

CLUSTERS = Resource(
    noun="cluster",
    plural="clusters",
    kind=RayCluster,
    view=view_of(RayCluster, "ClusterView"),
    show=show_record(RayCluster, display=lambda s: f"{s['tenant']}/{s['name']}"),
    read=Permission.CLUSTER_READ,
    command="cluster list",
    filters={"id": Filter("key"), "tenant": Filter("tenant"), "slug": Filter("slug")},
    ordering=("tenant",),
    searched=("tenant",),
    addressed_by_name=False,
    named=False,
    tenant="tenant",
)

DEPLOYMENTS = Resource(
    noun="deployment",
    plural="deployments",
    kind=Deployment,
    view=view_of(Deployment, "DeploymentView"),
    show=show_record(Deployment, display=lambda s: f"{s['tenant']}/{s['name']}"),
    read=Permission.DEPLOYMENT_READ,
    command="model list",
    alone=False,
    filters={"id": Filter("key"), "tenant": Filter("tenant"), "slug": Filter("slug")},
    ordering=("tenant",),
    searched=("tenant",),
    addressed_by_name=False,
    named=False,
    tenant="tenant",
)

JOBS = Resource(
    noun="job",
    plural="jobs",
    kind=Job,
    view=view_of(Job, "JobView"),
    show=show_record(Job),
    read=Permission.JOB_READ,
    command="job list",
    filters={
        "id": Filter("key"),
        "tenant": Filter("tenant"),
        "cluster": Filter("cluster", says="As `<tenant>/<cluster>`."),
        "state": Filter("state", Form.CHOICE, tuple(s.value for s in JobState)),
    },
    brief=("id", "url", "display", "tenant", "state"),
    ordering=("tenant", "cluster", "state"),
    searched=("id", "cluster"),
    addressed_by_name=False,
    named=False,
    tenant="tenant",
)

TENANTS = Resource(
    noun="tenant",
    plural="tenants",
    kind=Tenant,
    view=view_of(Tenant, "TenantView"),
    show=show_record(Tenant),
    read=Permission.TENANT_READ,
    command="tenant list",
    filters={"id": Filter("key"), "name": Filter("key")},
    tenant="key",
)


_QUOTA_CHANGES = (
    "weight",
    "guaranteed_b200e",
    "limit_b200e",
    "units_max",
    "priority_max",
    "jobs_queued_max",
    "jobs_running_max",
)


def _held(deps: ApiDeps, stored: Stored) -> Shown:
    """What is held below a quota now, in the words of its limits."""
    below = names_below(deps.store, stored.key)
    held = [
        unit_id
        for tenant in sorted(below)
        for claim in every(deps.store, Claim, tenant=tenant)
        if claim.state in {ClaimState.BOUND, ClaimState.RELEASING}
        for unit_id in claim.held_unit_ids
    ]
    units = list(deps.store.get_many(ComputeUnit, held).values())
    return {
        "held_b200e": sum(unit.rating.b200_equivalents for unit in units),
        "held_units": dict(Counter(unit.unit_class for unit in units)),
    }


QUOTAS = Resource(
    noun="quota",
    plural="quotas",
    kind=TenantQuota,
    view=view_of(TenantQuota, "QuotaView"),
    show=show_record(TenantQuota),
    detail=view_of(
        TenantQuota,
        "QuotaWhole",
        extra={
            "held_b200e": (float, Field(description="Held by the tenants below it, and by it.")),
            "held_units": (dict[str, int], Field(description="The same in units, by class.")),
        },
    ),
    detail_extra=_held,
    read=Permission.QUOTA_READ,
    command="tenant quota list",
    filters={"id": Filter("key"), "name": Filter("key"), "parent": Filter("parent")},
    ordering=("name", "parent"),
    searched=("id",),
    tenant="key",
    writes=Writes(
        permission=Permission.QUOTA_WRITE,
        create=body_of(TenantQuota, "NewQuota", fields=("name", "parent", *_QUOTA_CHANGES)),
        change=change_of(TenantQuota, "ChangeQuota", fields=_QUOTA_CHANGES),
        generated_key=False,
        references={"parent": Reference(TenantQuota, "quota", "tenant quota list")},
        holders=(Holder(TenantQuota, {"parent": "name"}, "quotas below it"),),
    ),
)

RESOURCES = (PODS, UNITS, CERTIFICATES, CLAIMS, CLUSTERS, DEPLOYMENTS, JOBS, TENANTS, QUOTAS)
