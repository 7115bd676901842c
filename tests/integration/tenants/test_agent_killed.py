"""`kill -9` of agents under running work: Ray goes on, and the agents that follow take it over."""

from __future__ import annotations

import os
import signal

import pytest

from tests.integration.tenants.five_hosts import FiveHosts, until

pytestmark = [pytest.mark.integration, pytest.mark.ray, pytest.mark.timeout(1800)]

AGENT = "runtime.agent"


def test_ray_outlives_its_agent_and_is_taken_over(site: FiveHosts) -> None:
    head, worker = site.members("blue")
    jobs = [
        site.queue("blue", "sleep 40; echo ended", resources={"compute_unit": 1.0})
        for _ in range(2)
    ]
    for job in jobs:
        site.until_job(job, "running")
    raylets = {host: site.running_on(host, "raylet/raylet") for host in (head, worker)}
    boots = {host: site.boot_of(host) for host in (head, worker)}
    for host in (head, worker):
        [agent] = site.running_on(host, AGENT)
        os.kill(agent, signal.SIGKILL)
        until(60, lambda host=host, old=agent: site.running_on(host, AGENT) not in ([], [old]))
    for job in jobs:
        ended = site.until_job(job, "succeeded", "failed", "stopped")
        assert (ended["state"], ended["tries"]) == ("succeeded", 1), ended["why"]
    site.wait(120, lambda: site.runs("blue"))
    assert {host: site.running_on(host, "raylet/raylet") for host in raylets} == raylets
    assert {host: site.boot_of(host) for host in boots} == boots
    assert site.members("blue") == (head, worker)
    # Taken over is not only left alone: it ends when it is told to.
    assert site.call("DELETE", f"/api/claims/{site.claims['blue']}").is_success
    site.wait(300, lambda: site.cluster("blue")["phase"] == "stopped")
    assert not site.running_on(head, "raylet/raylet")
    assert not site.running_on(worker, "raylet/raylet")
    site.claims["blue"] = site.claim("blue")
