"""A Ray order as a command line and an environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inventory.agents import RayOrder
from runtime.place import Place
from runtime.raycommand import Ports, ray_command, ray_environment

PLACE = Place(run=Path("/run"), root=Path("/srv/host-1"), isolated=True)


def make_order(**changes: Any) -> RayOrder:
    return RayOrder(
        **{
            "cluster_id": "c1",
            "cluster": "acme/main",
            "role": "head",
            "network": "n",
            "address": "10.77.1.2/24",
            "head_address": "10.77.1.1",
            "token": "very-secret",
            "num_cpus": 2,
            "num_gpus": 8,
            "labels": {"podyard.io/unit": "u1", "podyard.io/rack": "r1"},
            "resources": {"compute_unit": 1.0},
            **changes,
        }
    )


def test_head_listens_with_its_dashboard_on_loopback_only() -> None:
    command = ray_command(make_order(), PLACE, simulated=True)
    assert "--head" in command
    assert "--dashboard-host=127.0.0.1" in command
    assert "--node-ip-address=10.77.1.2" in command
    assert "--temp-dir=/srv/host-1/var/lib/podyard/ray" in command
    assert not [one for one in command if one.startswith("--address")]


def test_worker_joins_the_head_and_takes_no_temp_dir() -> None:
    command = ray_command(make_order(role="worker"), PLACE, simulated=True)
    assert "--address=10.77.1.1:6379" in command
    assert not {"--head", "--dashboard-host=127.0.0.1"} & set(command)
    assert not [one for one in command if one.startswith("--temp-dir")]


def test_labels_and_resources_are_passed_in_a_stable_order() -> None:
    command = ray_command(make_order(), PLACE, simulated=False)
    assert "--labels=podyard.io/rack=r1,podyard.io/unit=u1" in command
    assert '--resources={"compute_unit": 1.0}' in command
    assert not [one for one in command if one.startswith("--object-store-memory")]


def test_every_port_comes_from_the_block() -> None:
    ports = Ports.of(make_order(port_block=(30000, 30099)))
    fixed = [value for name, value in _fields(ports) if not name.startswith("worker")]
    assert len(set(fixed)) == len(fixed)
    assert all(30000 <= port < 30010 for port in fixed)
    assert (ports.worker_first, ports.worker_last) == (30010, 30099)


def test_a_block_without_room_for_workers_is_refused() -> None:
    with pytest.raises(ValueError, match="30000-30010 of acme/main is too small"):
        Ports.of(make_order(port_block=(30000, 30010)))


def test_environment_holds_the_tokens_path_and_nothing_of_the_agents() -> None:
    inherited = {"PATH": "/bin", "SECRET": "x", "RAY_ADDRESS": "elsewhere", "LANG": "C"}
    environment = ray_environment(make_order(role="worker"), PLACE, inherited)
    assert environment["RAY_AUTH_MODE"] == "token"
    assert environment["RAY_AUTH_TOKEN_PATH"] == "/srv/host-1/etc/podyard/ray-token"
    assert environment["HOME"] == "/srv/host-1/root"
    assert environment["RAY_USAGE_STATS_ENABLED"] == "0"
    assert not {"SECRET", "RAY_ADDRESS", "RAY_AUTH_TOKEN"} & set(environment)


def test_the_token_is_on_no_command_line() -> None:
    assert "very-secret" not in " ".join(ray_command(make_order(), PLACE, simulated=True))


def _fields(ports: Ports) -> list[tuple[str, int]]:
    return [(name, getattr(ports, name)) for name in Ports.__slots__]
