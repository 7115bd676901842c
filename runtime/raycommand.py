"""How a Ray order becomes a command line and an environment: a pure translation.

Everything that Ray would otherwise choose by itself is said here: which address it takes, which
ports it opens, where its files go, that tokens are demanded and that nobody is phoned. It starts
from an empty environment, because whatever stands in Ray's environment reaches every tenant's job.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from inventory.agents import RayOrder
from runtime.place import Place

FIXED_PORTS = 10
"""The first ports of a host's block are Ray's own services', the rest its workers'."""

SIMULATED_STORE_BYTES = 128 * 1024**2
"""Several simulated hosts share one machine: Ray's default of 30 % of memory each would be a lie.
Ray refuses less than 75 MiB."""

HEALTH = {
    # Power off is a refused connection: noticed after threshold x period = 5 s, not 15.
    # A stalled machine is not a dead one: a node is given up only after 5 probes of 5 s each.
    "RAY_health_check_initial_delay_ms": "5000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "5000",
    "RAY_health_check_failure_threshold": "5",
    # Workers wait this long for a head that restarts before they end themselves.
    "RAY_gcs_rpc_server_reconnect_timeout_s": "120",
}
KEPT = ("LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH")
"""What Ray may inherit. LD_LIBRARY_PATH: NVIDIA's libraries may stand there."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What one host's Ray opens, out of its block."""

    node_manager: int
    object_manager: int
    agent_http: int
    agent_grpc: int
    runtime_env: int
    metrics: int
    ray_client: int
    worker_first: int
    worker_last: int

    @classmethod
    def of(cls, order: RayOrder) -> Ports:
        """Cut the order's block."""
        first, last = order.port_block
        if last - first < FIXED_PORTS * 2:
            raise ValueError(
                f"port block {first}-{last} of {order.cluster} is too small; "
                f"hint: give at least {FIXED_PORTS * 2 + 1} ports"
            )
        return cls(
            node_manager=first,
            object_manager=first + 1,
            agent_http=first + 2,
            agent_grpc=first + 3,
            runtime_env=first + 4,
            metrics=first + 5,
            ray_client=first + 6,
            worker_first=first + FIXED_PORTS,
            worker_last=last,
        )


def ray_command(order: RayOrder, place: Place, *, simulated: bool) -> list[str]:
    """`ray start` for this order, in the foreground, so that it can be supervised."""
    ports = Ports.of(order)
    command = [
        *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block"),
        f"--node-ip-address={node_address(order)}",
        f"--node-manager-port={ports.node_manager}",
        f"--object-manager-port={ports.object_manager}",
        f"--dashboard-agent-listen-port={ports.agent_http}",
        f"--dashboard-agent-grpc-port={ports.agent_grpc}",
        f"--runtime-env-agent-port={ports.runtime_env}",
        f"--metrics-export-port={ports.metrics}",
        f"--min-worker-port={ports.worker_first}",
        f"--max-worker-port={ports.worker_last}",
        f"--num-cpus={order.num_cpus}",
        f"--num-gpus={order.num_gpus}",
        f"--resources={json.dumps(order.resources, sort_keys=True)}",
        f"--labels={_labels(order.labels)}",
        "--disable-usage-stats",
    ]
    if simulated:
        command.append(f"--object-store-memory={SIMULATED_STORE_BYTES}")
    return command + (_head(order, place) if order.role == "head" else _worker(order))


def _head(order: RayOrder, place: Place) -> list[str]:
    return [
        "--head",
        f"--port={order.gcs_port}",
        f"--temp-dir={place.ray_temp}",  # workers learn it from the head
        "--include-dashboard=true",
        "--dashboard-host=127.0.0.1",
        f"--dashboard-port={order.dashboard_port}",
        f"--ray-client-server-port={Ports.of(order).ray_client}",  # cannot be switched off
    ]


def _worker(order: RayOrder) -> list[str]:
    return [f"--address={order.head_address}:{order.gcs_port}"]


def ray_environment(order: RayOrder, place: Place, inherited: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of Ray's processes."""
    programs = Path(sys.executable).parent  # so that a job's `python` and `ray` are this one's
    return {
        **{name: inherited[name] for name in KEPT if name in inherited},
        **HEALTH,
        "PATH": f"{programs}{os.pathsep}{inherited.get('PATH', '/usr/bin:/bin')}",
        "HOME": str(place.home),
        "PYTHONUNBUFFERED": "1",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(place.ray_token),
        "RAY_USAGE_STATS_ENABLED": "0",
        **_tls(order, place),
        **_storage(order, place),
    }


def store_of(order: RayOrder, place: Place) -> Path:
    """Where this cluster's head keeps what it knows.

    A cluster that ended and was formed again has another token, and finds nothing here: what it
    once was must not come back on a host that was part of it then.
    """
    life = hashlib.sha256(f"{order.cluster_id} {order.token}".encode()).hexdigest()[:16]
    return place.ray_store / life


def _storage(order: RayOrder, place: Place) -> dict[str, str]:
    """A head that starts again knows its nodes, jobs and Serve applications."""
    if order.role != "head":
        return {}
    return {"RAY_gcs_storage": "rocksdb", "RAY_gcs_storage_path": str(store_of(order, place))}


def _tls(order: RayOrder, place: Place) -> dict[str, str]:
    """Encrypt gRPC between Ray's processes, with the cluster's own authority as the only one."""
    if order.tls is None:
        return {}
    return {
        "RAY_USE_TLS": "1",
        "RAY_TLS_CA_CERT": str(place.ray_tls / "ca.pem"),
        "RAY_TLS_SERVER_CERT": str(place.ray_tls / "certificate.pem"),
        "RAY_TLS_SERVER_KEY": str(place.ray_tls / "key.pem"),
    }


def node_address(order: RayOrder) -> str:
    """This host's address in the tenant network, without prefix."""
    return order.address.partition("/")[0]


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
