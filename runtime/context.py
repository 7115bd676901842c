"""Everything that a cluster's step needs from the records, read in one short go.

It is read twice in a step: before the cluster is asked, to know whom to ask, and again before
anything is written, because asking takes time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from inventory.errors import SecretRefused
from inventory.model import AgentSeen, Claim, ComputeUnit, Deployment, Host, RayCluster, RayMember
from inventory.secrets import SecretBox
from inventory.states import ClaimState
from inventory.store.protocol import Store
from inventory.store.reading import every
from runtime.claiming import Tenanted, still_busy
from runtime.clustering import MemberHost
from runtime.lanes import lane_of
from runtime.reaching import UnreachableError
from runtime.records import by_key, claims_in
from runtime.snapshot import RAY_TOKEN, head_sockets

DEFAULT_SERVE_PORT = 8000


@dataclass(frozen=True, slots=True, order=True)
class ClusterKey:
    """Which cluster: a tenant's, by name."""

    tenant: str
    name: str

    def __str__(self) -> str:
        return f"{self.tenant}/{self.name}"


@dataclass(frozen=True, slots=True)
class Reach:
    """The head's dashboard, or why it cannot be asked."""

    dashboard: Path | None = None
    token: SecretStr | None = None
    trouble: str = ""
    gone: bool = False
    """There is no such cluster, or it has ended: nothing of it runs on any host."""


@dataclass(frozen=True, slots=True)
class ClusterContext:
    """One cluster's surroundings."""

    key: ClusterKey
    record: RayCluster | None
    claims: tuple[Claim, ...]
    """Bound ones, in the order in which they were bound."""
    hosts: tuple[MemberHost, ...]
    leaving: Mapping[str, tuple[RayMember | None, str]]
    deployments: tuple[Deployment, ...]
    reach: Reach

    @property
    def serve_port(self) -> int:
        """Where the head's Serve listens."""
        head = self.record.head_host_id if self.record else ""
        orders = (h.member.order for h in self.hosts if h.host.id == head and h.member)
        return next((o.serve_port for o in orders if o is not None), DEFAULT_SERVE_PORT)


def cluster_keys(store: Store) -> frozenset[ClusterKey]:
    """Every cluster that there is something to do for."""
    claims = claims_in(store, ClaimState.BOUND, ClaimState.RELEASING)
    clusters = (c for c in every(store, RayCluster) if c.phase != "stopped")
    return frozenset(
        {
            *(ClusterKey(c.tenant, c.cluster) for c in claims),
            *(ClusterKey(c.tenant, c.name) for c in clusters),
            *(ClusterKey(d.tenant, d.cluster) for d in every(store, Deployment)),
        }
    )


def load_cluster(store: Store, secrets: SecretBox, key: ClusterKey) -> ClusterContext:
    """Read it. Blocks: call it in a thread."""
    clusters = [c for c in every(store, RayCluster, tenant=key.tenant) if c.name == key.name]
    record = clusters[0] if clusters else None
    bound = [
        claim
        for claim in claims_in(store, ClaimState.BOUND)
        if (claim.tenant, claim.cluster) == (key.tenant, key.name)
    ]
    bound.sort(key=lambda c: (c.bound_at or c.created_at, c.id))
    hosts = _hosts(store, bound)
    return ClusterContext(
        key=key,
        record=record,
        claims=tuple(bound),
        hosts=hosts,
        leaving=_leaving(store, record, hosts) if record else {},
        deployments=tuple(
            d for d in every(store, Deployment, tenant=key.tenant) if d.cluster == key.name
        ),
        reach=_reach(store, secrets, record, hosts),
    )


def lanes_taken(store: Store) -> frozenset[int]:
    """Lanes of all hosts of all clusters that share one machine's network."""
    orders = (m.order for m in every(store, RayMember) if m.order is not None)
    return frozenset(lane_of(o.address) for o in orders if o.address.startswith("127."))


def _hosts(store: Store, bound: list[Claim]) -> tuple[MemberHost, ...]:
    units = by_key(store, ComputeUnit, (i for claim in bound for i in claim.unit_ids))
    placed = [
        (host_id, units[unit_id])
        for claim in bound
        for unit_id in claim.unit_ids
        if unit_id in units
        for host_id in units[unit_id].host_ids
    ]
    ids = {host_id for host_id, _ in placed}
    hosts, agents = by_key(store, Host, ids), by_key(store, AgentSeen, ids)
    members = by_key(store, RayMember, ids)
    return tuple(
        MemberHost(hosts[i], unit, agents.get(i), members.get(i))
        for i, unit in placed
        if i in hosts
    )


def _leaving(
    store: Store, record: RayCluster, staying: tuple[MemberHost, ...]
) -> dict[str, tuple[RayMember | None, str]]:
    """Hosts that were part of the cluster, and why each may still be."""
    ordered = {m.host_id for m in every(store, RayMember, cluster_id=record.id)}
    ids = ({*record.member_host_ids} | ordered) - {h.host.id for h in staying}
    hosts, agents = by_key(store, Host, ids), by_key(store, AgentSeen, ids)
    members = by_key(store, RayMember, ids)
    return {
        i: (
            members.get(i),
            still_busy(
                Tenanted(i, hosts.get(i), agents.get(i), members.get(i)), cluster_id=record.id
            ),
        )
        for i in sorted(ids)
    }


def _reach(
    store: Store, secrets: SecretBox, record: RayCluster | None, hosts: tuple[MemberHost, ...]
) -> Reach:
    if record is None or record.phase == "stopped":
        return Reach(gone=True)
    head = next((h for h in hosts if h.host.id == record.head_host_id), None)
    if head is None or head.agent is None:
        return Reach()
    sealed = store.secret(record.id, RAY_TOKEN)
    try:
        dashboard, _ = head_sockets(record, head.host, head.agent)
        if sealed is None:
            return Reach(trouble="the cluster's token is not on record")
        return Reach(dashboard, secrets.unseal(record.id, RAY_TOKEN, sealed))
    except (UnreachableError, SecretRefused) as error:
        return Reach(trouble=str(error))
