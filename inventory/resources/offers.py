"""Pods, units, certificates, claims, clusters and deployments, as the API lists them.

They come into being by acts of their own (a pod is applied, units are claimed), so that only their
labels can be written here.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from inventory.auth import Permission
from inventory.deps import ApiDeps
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
from inventory.resources.declaring import Filter, Form, Resource, Shown, Stored, Writes
from inventory.resources.shaping import change_of, show_record, view_of
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
        change=change_of(Pod, "ChangePod", fields=("tags", "custom")),
        removable=False,
    ),
    unrecorded=("spec_document", "plan"),
)

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

CLAIMS = Resource(
    noun="claim",
    plural="claims",
    kind=Claim,
    view=view_of(Claim, "ClaimView"),
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


RESOURCES = (PODS, UNITS, CERTIFICATES, CLAIMS, CLUSTERS, DEPLOYMENTS, TENANTS)
