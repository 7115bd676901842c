"""Turns a cluster's deployments into Ray Serve's declarative document: pure, and always whole.

Serve takes the document as full desired state: what is not in it is removed. So there is one writer
per cluster, and one function that says everything. Equal deployments give an equal document, so a
digest of it is its revision.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from inventory.model import Deployment
from pods.canonical import canonical_json

PARALLEL = 2
"""Requests that one replica computes together: each slot costs its own context memory."""

ONGOING_PER_REPLICA = 32
"""What a replica holds, computing or queued. Serve's own default of 5 collapses the throughput of
its router under 32 connections; unbounded would let one replica hoard what another could answer."""

REPLICA_CPUS = 0.5
"""An engine has one thread and is idle half of the time on the lab's hosts; two fit a CPU."""


def render(
    deployments: Sequence[Deployment],
    *,
    serve_port: int,
    label_selector: Mapping[str, str] | None = None,
    replica_cpus: float = REPLICA_CPUS,
) -> dict[str, Any]:
    """The document for `PUT /api/serve/applications/`."""
    selector = dict(label_selector or {})
    return {
        "proxy_location": "HeadOnly",
        "http_options": {
            "host": "127.0.0.1",  # Serve asks nobody for a token: only our relay may reach it
            "port": serve_port,
        },
        "logging_config": {"log_level": "WARNING", "enable_access_log": False},
        "applications": [
            _application(one, selector, replica_cpus)
            for one in sorted(deployments, key=lambda one: one.name)
        ],
    }


def revision(document: Mapping[str, Any]) -> str:
    """Equal documents have equal revisions."""
    return hashlib.sha256(canonical_json(dict(document))).hexdigest()[:16]


def route_prefix(deployment: str) -> str:
    """Where a deployment answers behind its cluster's Serve port."""
    return f"/{deployment}"


def application_name(deployment: str) -> str:
    """What Serve's status calls it."""
    return f"model-{deployment}"


def _application(
    deployment: Deployment, selector: Mapping[str, str], replica_cpus: float
) -> dict[str, Any]:
    actor: dict[str, Any] = {"num_cpus": replica_cpus}
    if selector:
        actor["label_selector"] = dict(selector)
    return {
        "name": application_name(deployment.name),
        "route_prefix": route_prefix(deployment.name),
        "import_path": "runtime.serving.replica:build",
        "args": {
            "model": deployment.name,
            "engine": deployment.engine,
            "source": deployment.source,
            "sha256": deployment.sha256,
            "context_tokens": deployment.context_tokens,
            "parallel": PARALLEL,
        },
        "deployments": [
            {
                "name": "replica",
                "num_replicas": deployment.replicas,
                "max_ongoing_requests": ONGOING_PER_REPLICA,
                "graceful_shutdown_timeout_s": 10.0,
                "ray_actor_options": actor,
            }
        ],
    }
