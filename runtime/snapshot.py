"""Keys and routes for the gateway, as one value built from the records.

The gateway has no database. It serves by the last value that was published, for hours if need be,
so a value is published only when all of it could be read; half a truth would cut tenants off.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from inventory.errors import SecretRefused
from inventory.keys import in_force
from inventory.model import AgentSeen, ApiKey, Deployment, Host, RayCluster
from inventory.secrets import SecretBox
from inventory.store.protocol import Store
from inventory.store.reading import every
from runtime.reaching import DASHBOARD, SERVE, UnreachableError, relay_socket
from runtime.records import by_key
from runtime.routes import GatewayState, RayEndpoint, Upstream
from runtime.serving.document import route_prefix

RAY_TOKEN = "ray-token"  # noqa: S105 - the name of a field, not a secret
RAY_TLS = "ray-tls"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How a cluster's head is reached."""

    cluster: RayCluster
    dashboard: Path
    serve: Path
    token: str


def load_snapshot(store: Store, secrets: SecretBox, *, now: datetime) -> GatewayState:
    """Read everything that a request is decided by. Blocks: call it in a thread."""
    clusters = every(store, RayCluster)
    heads = {c.head_host_id for c in clusters if c.head_host_id}
    hosts, agents = by_key(store, Host, heads), by_key(store, AgentSeen, heads)
    endpoints = [
        endpoint
        for cluster in clusters
        if (endpoint := _endpoint(store, secrets, cluster, hosts, agents)) is not None
    ]
    return build_snapshot(
        keys=every(store, ApiKey, role="tenant"),
        deployments=every(store, Deployment),
        endpoints=endpoints,
        now=now,
    )


def build_snapshot(
    *,
    keys: Iterable[ApiKey],
    deployments: Iterable[Deployment],
    endpoints: Iterable[Endpoint],
    now: datetime,
) -> GatewayState:
    """Records as the gateway wants them. Pure."""
    reach = {(e.cluster.tenant, e.cluster.name): e for e in endpoints}
    models: dict[str, dict[str, tuple[Upstream, ...]]] = defaultdict(dict)
    for deployment in deployments:
        if deployment.phase == "deleting":
            continue
        endpoint = reach.get((deployment.tenant, deployment.cluster))
        ready = deployment.phase == "running" and endpoint is not None
        models[deployment.tenant][deployment.name] = (
            (_upstream(deployment, endpoint),) if ready and endpoint else ()
        )
    clusters: dict[str, dict[str, RayEndpoint]] = defaultdict(dict)
    for (tenant, name), endpoint in reach.items():
        clusters[tenant][name] = RayEndpoint(
            f"{tenant}/{name}", str(endpoint.dashboard), endpoint.token
        )
    return GatewayState(
        keys={key.id: key for key in keys if key.role == "tenant" and in_force(key, now=now)},
        models=dict(models),
        clusters=dict(clusters),
    )


def _upstream(deployment: Deployment, endpoint: Endpoint) -> Upstream:
    return Upstream(
        name=f"{deployment.tenant}/{deployment.cluster}",
        socket=str(endpoint.serve),
        prefix=route_prefix(deployment.name),
    )


def _endpoint(
    store: Store,
    secrets: SecretBox,
    cluster: RayCluster,
    hosts: dict[str, Host],
    agents: dict[str, AgentSeen],
) -> Endpoint | None:
    if cluster.phase in {"stopping", "stopped"}:
        return None
    head, agent = hosts.get(cluster.head_host_id), agents.get(cluster.head_host_id)
    sealed = store.secret(cluster.id, RAY_TOKEN)
    if head is None or agent is None or sealed is None:
        return None
    try:
        dashboard, serve = head_sockets(cluster, head, agent)
        token = secrets.unseal(cluster.id, RAY_TOKEN, sealed)
    except (UnreachableError, SecretRefused):
        return None  # the cluster's own step says so on its record
    return Endpoint(cluster, dashboard, serve, token.get_secret_value())


def head_sockets(cluster: RayCluster, head: Host, agent: AgentSeen) -> tuple[Path, Path]:
    """Dashboard and Serve as the head's agent reports them, or why there are none."""
    ray = agent.observed.ray if agent.observed else None
    if ray is None or ray.cluster_id != cluster.id or ray.role != "head" or ray.phase != "running":
        raise UnreachableError(f"host {head.name} does not run the head of {cluster.name}")
    names = ray.relays.get(DASHBOARD), ray.relays.get(SERVE)
    if names[0] is None or names[1] is None:
        raise UnreachableError(f"host {head.name} reports no relays for {cluster.name}")
    return relay_socket(head, names[0]), relay_socket(head, names[1])
