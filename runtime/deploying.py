"""What a cluster serves follows its deployments, through one document that says everything.

Serve takes the document as full desired state and carries it out later, so there is one writer per
cluster, it always writes all of it, and it believes only what Serve reports. Pure: deployments and
one report in; the document to send, if any, and the deployments as they now are, out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from inventory.model import Deployment, RayCluster
from runtime.cluster import ServedApplication
from runtime.serving.document import application_name, render, revision

Phase = Literal["pending", "deploying", "running", "failed", "deleting"]

MESSAGE_MAX_CHARS = 1000
"""Serve's message of a failed replica holds the whole traceback; its end says what went wrong."""

SETTLE = timedelta(seconds=10)
"""How long a document that was just taken may show no effect before it counts as lost: the first
one starts Serve itself, which took 4.6 s on an idle machine."""


@dataclass(frozen=True, slots=True)
class LastPut:
    """The document that this controller sent last, and when. Lost with the process: sent again."""

    revision: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ServingSeen:
    """Everything that a cluster's serving is decided by."""

    now: datetime
    tenant: str
    cluster_name: str
    cluster: RayCluster | None
    deployments: tuple[Deployment, ...]
    served: tuple[ServedApplication, ...] | None
    """None when the cluster was not or could not be asked."""
    trouble: str
    last: LastPut | None
    refused: str
    """Why the cluster did not take the last document; empty when it did."""
    serve_port: int


@dataclass(frozen=True, slots=True)
class ServingPlan:
    """What to send, what to record, what to forget."""

    document: Mapping[str, Any] | None
    revision: str
    changed: tuple[Deployment, ...]
    removed: tuple[Deployment, ...]


def decide_serving(seen: ServingSeen) -> ServingPlan:
    """One look, one plan."""
    wanted = tuple(d for d in seen.deployments if d.phase != "deleting")
    document = render(wanted, serve_port=seen.serve_port)
    mark = revision(document)
    # Not while it forms: every replica would be packed onto the hosts that came first.
    formed = seen.cluster is not None and seen.cluster.phase in {"running", "degraded"}
    send = formed and seen.served is not None and _must_send(seen, wanted, seen.served, mark)
    removed = tuple(d for d in seen.deployments if d.phase == "deleting" and _is_gone(seen, d))
    gone = {d.id for d in removed}
    changed = tuple(
        fresh
        for old in seen.deployments
        if old.id not in gone and (fresh := _fresh(seen, old, sending=send)) != old
    )
    return ServingPlan(document if send else None, mark, changed, removed)


def _must_send(
    seen: ServingSeen,
    wanted: Sequence[Deployment],
    served: Sequence[ServedApplication],
    mark: str,
) -> bool:
    """True for a new document, and for one whose effect is not to be seen."""
    names = {application_name(d.name) for d in wanted}
    there = {a.name for a in served if a.status != "DELETING"}
    if not names and not there:
        return False  # an empty document would start Serve for nothing
    if seen.last is None or seen.last.revision != mark:
        return True
    return names != there and seen.now - seen.last.at >= SETTLE


def _is_gone(seen: ServingSeen, deployment: Deployment) -> bool:
    """True when nothing can answer for a deployment any more."""
    if seen.cluster is None or seen.cluster.phase == "stopped":
        return True
    if seen.served is None:
        return False
    return application_name(deployment.name) not in {a.name for a in seen.served}


def _fresh(seen: ServingSeen, old: Deployment, *, sending: bool) -> Deployment:
    phase, message = _phase(seen, old, sending=sending)
    return old.model_copy(update={"phase": phase, "message": message[-MESSAGE_MAX_CHARS:]})


def _phase(seen: ServingSeen, old: Deployment, *, sending: bool) -> tuple[Phase, str]:
    cluster = f"{seen.tenant}/{seen.cluster_name}"
    if seen.cluster is None or seen.cluster.phase in {"stopping", "stopped"}:
        claim = f"cluster {cluster} has no hosts; hint: claim units for it"
        return ("deleting", "its cluster is ending") if _leaving(old) else ("pending", claim)
    reason = seen.trouble or seen.cluster.message or seen.cluster.phase
    waits = f"waits for cluster {cluster}: {reason}"
    if seen.served is None:
        if old.phase in {"pending", "deploying", "deleting"}:
            return old.phase, waits
        return old.phase, old.message  # not to be asked is not to be dead
    found = next((a for a in seen.served if a.name == application_name(old.name)), None)
    if _leaving(old):
        return "deleting", f"Serve says {found.status}" if found else ""
    if found is None and seen.cluster.phase == "forming":
        return "pending", waits
    if found is None or (sending and found.status == "DELETING"):
        refused = f"the cluster did not take it yet: {seen.refused}" if seen.refused else ""
        return "deploying", refused or "the cluster was asked to serve it"
    return _reported(found, old)


def _leaving(deployment: Deployment) -> bool:
    return deployment.phase == "deleting"


def _reported(found: ServedApplication, old: Deployment) -> tuple[Phase, str]:
    ready = f"{found.replicas_running} of {old.replicas} replicas run"
    match found.status:
        case "RUNNING" if found.replicas_running > 0:
            return "running", ready
        case "DEPLOY_FAILED":
            return "failed", f"{found.message or 'Serve gave no reason'}"
        case _ if found.replicas_running > 0 and old.phase == "running":
            return "running", f"{ready}; Serve says {found.status}: {found.message}"
        case "UNHEALTHY":
            return "failed", f"no replica runs: {found.message}"
        case _:
            return "deploying", f"Serve says {found.status}; {ready}"
