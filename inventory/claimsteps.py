"""How far a claim is on its way to a cluster that can be used: one line for each step.

Derived from the records each time that somebody asks, so it can neither be lost nor be out of date:
the claim says when it was bound, each agent since when its part of Ray is as it is, and an event
when the cluster ran.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from inventory.model import AgentSeen, Claim, ComputeUnit, RayCluster
from inventory.routes.shapes import View
from inventory.store.protocol import Store
from inventory.store.reading import every

EVENTS_LOOKED_AT = 20
"""A cluster that changed more often since the claim was bound does not say when it first ran."""


class ClaimStep(View):
    """One step."""

    step: str
    """`asked`, `bound`, then `ray` for each host, then `cluster`."""
    done: bool
    at: datetime | None
    """When it was done; of one that goes on, since when."""
    says: str


def steps_of(store: Store, claim: Claim) -> tuple[ClaimStep, ...]:
    """All steps of a claim that waits or is bound, in order."""
    asked = ClaimStep(step="asked", done=True, at=claim.created_at, says=claim.wants)
    bound = claim.bound_at is not None
    units = ", ".join(u.name for u in _units(store, claim))
    binding = ClaimStep(
        step="bound", done=bound, at=claim.bound_at, says=units if bound else claim.why
    )
    if not bound or claim.released_at is not None:
        return (asked, binding)
    found = every(store, RayCluster, tenant=claim.tenant)
    cluster = next((c for c in found if c.name == claim.cluster and c.phase != "stopped"), None)
    if cluster is None:
        return (asked, binding, ClaimStep(step="cluster", done=False, at=None, says="not begun"))
    return (asked, binding, *_ray(store, claim, cluster), _cluster(store, claim, cluster))


def _units(store: Store, claim: Claim) -> list[ComputeUnit]:
    known = store.get_many(ComputeUnit, claim.unit_ids)
    return [known[unit_id] for unit_id in claim.unit_ids if unit_id in known]


def _ray(store: Store, claim: Claim, cluster: RayCluster) -> Iterator[ClaimStep]:
    units = _units(store, claim)
    agents = store.get_many(AgentSeen, (i for unit in units for i in unit.host_ids))
    for unit in units:
        for host_id in unit.host_ids:
            agent = agents.get(host_id)
            ray = agent.observed.ray if agent and agent.observed else None
            if ray is None or ray.cluster_id != cluster.id:
                says = f"{unit.name}: its agent has not begun"
                yield ClaimStep(step="ray", done=False, at=None, says=says)
                continue
            trouble = f": {ray.message[:300]}" if ray.message else ""
            says = f"{unit.name}: {ray.role} {ray.phase}{trouble}"
            yield ClaimStep(step="ray", done=ray.phase == "running", at=ray.since, says=says)


def _cluster(store: Store, claim: Claim, cluster: RayCluster) -> ClaimStep:
    subject = f"cluster:{cluster.tenant}/{cluster.name}"
    moved = store.newest_events(subject=subject, kind="cluster.phase", limit=EVENTS_LOOKED_AT)
    ran = [e.at for e in moved if e.new == "running" and claim.bound_at and e.at >= claim.bound_at]
    runs = cluster.phase == "running"
    at = min(ran, default=claim.bound_at) if runs else None
    says = f"{cluster.name} {cluster.phase}" + (f": {cluster.message}" if cluster.message else "")
    return ClaimStep(step="cluster", done=runs, at=at, says=says)
