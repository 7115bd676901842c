"""What the gateway knows: keys, models and clusters, as one immutable value.

Its owner builds it from the records and puts it in place whole, so a request sees one state from
start to end and never waits for a database. When the owner is gone, the last state goes on serving.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from inventory.model import ApiKey


@dataclass(frozen=True, slots=True)
class Upstream:
    """One place that serves a model: a cluster's Serve relay and the model's prefix there."""

    name: str
    """For logs: `<tenant>/<cluster>`."""
    socket: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class RayEndpoint:
    """One cluster's dashboard, for its tenant's jobs."""

    name: str
    socket: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class GatewayState:
    """Everything that a request is decided by."""

    keys: Mapping[str, ApiKey] = field(default_factory=dict)
    """By key id. Only tenants' keys open the gateway."""
    models: Mapping[str, Mapping[str, tuple[Upstream, ...]]] = field(default_factory=dict)
    """Tenant, model name, where it is served. No upstream: known, but not ready."""
    clusters: Mapping[str, Mapping[str, RayEndpoint]] = field(default_factory=dict)
    """Tenant, cluster name, its dashboard."""

    def sockets(self) -> frozenset[str]:
        """Every socket that a request may need."""
        models = (up.socket for one in self.models.values() for ups in one.values() for up in ups)
        clusters = (end.socket for one in self.clusters.values() for end in one.values())
        return frozenset({*models, *clusters})
