"""Where namespaces are refused: Ray as plain processes, said loudly, and still leaving nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from inventory.agents import RayOrder

pytestmark = [pytest.mark.integration, pytest.mark.ray]

ORDER = RayOrder(
    cluster_id="c3",
    cluster="acme/plain",
    role="head",
    network="plain",
    address="127.0.0.41/8",
    head_address="127.0.0.41",
    gcs_port=27379,
    dashboard_port=27265,
    serve_port=27080,
    port_block=(27400, 27499),
    token="p" * 64,
    num_cpus=1,
    num_gpus=0,
)


async def test_plain_head_runs_says_what_it_lacks_and_dies_with_its_agent(
    controller: Any, host: Any
) -> None:
    host.boot(isolated=False)
    controller.want(ray=ORDER)
    seen = await controller.until(
        lambda seen: seen.ray is not None and seen.ray.phase in {"running", "failed"}
    )
    assert (seen.ray.phase, seen.ray.isolated) == ("running", False), seen.ray.message
    text = await asyncio.to_thread((host.root / "agent.log").read_text)
    assert "listens on ALL interfaces" in text
    # kill -9 of the agent; the fixture then demands that no process of this host is left.
    await asyncio.to_thread(host.power_off)
