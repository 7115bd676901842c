"""A real Ray head, ordered from a controller, in a namespace set of its own."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.agents import RayOrder

pytestmark = [pytest.mark.integration, pytest.mark.ray]


def make_order(**changes: Any) -> RayOrder:
    return RayOrder(
        **{
            "cluster_id": "c1",
            "cluster": "acme/main",
            "role": "head",
            "network": "acme-main",
            "address": "10.77.9.10/24",
            "head_address": "10.77.9.10",
            "token": "t" * 64,
            "num_cpus": 2,
            "num_gpus": 1,
            "labels": {"podyard.io/unit": "u1"},
            **changes,
        }
    )


async def test_ordered_head_runs_and_leaves_nothing(controller: Any, host: Any) -> None:
    host.boot(isolated=True)
    await controller.until(lambda seen: seen.generation == 1)
    controller.want(ray=make_order())
    seen = await controller.until(
        lambda seen: seen.ray is not None and seen.ray.phase in {"running", "failed"}
    )
    assert seen.ray.phase == "running", seen.ray.message
    assert seen.ray.relays == {"dashboard": "relay/dashboard.sock", "serve": "relay/serve.sock"}
    controller.want(ray=None)
    await controller.until(lambda seen: seen.ray is None)
    assert [one for one in host.processes() if "ray" in one and "runtime.agent" not in one] == []
    assert not (host.root / "etc/podyard/ray-token").exists()
    host.process.terminate()
