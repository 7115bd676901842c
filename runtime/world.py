"""What the runtime controller is given to work with: every outside thing comes in here, by hand.

The composition root builds one with sockets and a system clock; a test builds one with a scripted
cluster and a clock that it moves itself. The controller cannot tell the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr

from inventory.clock import Clock
from inventory.secrets import SecretBox
from inventory.store.protocol import Store
from inventory.threads import InThread
from pods.keys import Keyring
from runtime.cluster import Node, RayJob, ServedApplication
from runtime.routes import GatewayState
from runtime.settings import RuntimeSettings


class ClusterPort(Protocol):
    """One cluster's dashboard. Every method raises `ClusterError` when it cannot say."""

    async def nodes(self) -> tuple[Node, ...]:
        """Every node that the cluster remembers, dead ones included."""

    async def serve_status(self) -> tuple[ServedApplication, ...]:
        """What is served, and how far it is."""

    async def put_serve(self, document: Mapping[str, Any]) -> None:
        """Everything that shall be served. The same document twice changes nothing."""

    async def ray_jobs(self, submission_ids: Iterable[str]) -> dict[str, RayJob]:
        """Those of these jobs that the cluster remembers, by their submission ids."""

    async def submit_job(self, body: Mapping[str, Any]) -> None:
        """Hand a job over under an id that is new. `ClusterRefusedError` when the head says no."""

    async def stop_job(self, submission_id: str) -> None:
        """Ask a job to end."""

    async def forget_job(self, submission_id: str) -> None:
        """The head need not remember a job that has ended. One that it does not know is fine."""

    async def close(self) -> None:
        """Close connections. Safe to call twice."""


class ConnectCluster(Protocol):
    """Makes a client for the dashboard behind a Unix socket; connects lazily."""

    def __call__(self, dashboard_socket: Path, token: SecretStr) -> ClusterPort:
        """`token` is the cluster's Ray token."""


class GatewayHolder(Protocol):
    """Where the gateway finds its keys and routes. Replaced whole, never changed in place."""

    def publish(self, state: GatewayState) -> None:
        """Serve by this from now on. Must not block."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside."""

    store: Store
    secrets: SecretBox
    clock: Clock
    keyring: Keyring
    connect_cluster: ConnectCluster
    gateway: GatewayHolder
    usage_journal: Path
    """The directory in which the gateway journals answers."""
    usage_cursor: Path
    """The file that says how far the journal was ingested."""
    settings: RuntimeSettings
    in_thread: InThread
