"""The host of a cluster's head loses its power: the cluster returns on others."""

from __future__ import annotations

import pytest

from tests.integration.tenants.five_hosts import FiveHosts

pytestmark = [
    pytest.mark.integration,
    pytest.mark.ray,
    pytest.mark.long,
    pytest.mark.timeout(3000),
]


def test_the_cluster_returns_on_other_hosts_and_its_jobs_by_their_retries(site: FiveHosts) -> None:
    head, worker = site.members("red")
    [spare] = set(site.hosts()) - {*site.members("red"), *site.members("blue")}
    name = site.queue("red", "sleep 30; echo ended on $(hostname)", retries=1)
    site.until_job(name, "running")
    try:
        site.reset(head, "ForceOff")
        job = site.until_job(name, "succeeded", "failed", "stopped", limit_s=1200)
        assert (job["state"], job["failures"]) == ("succeeded", 0), job["why"]
        assert job["tries"] >= 2
        site.wait(600, lambda: site.runs("red"))
        assert set(site.members("red")) == {worker, spare}
        code, output = site.ray("red", "job", "submit", "--", "echo", "here", "again")
        assert code == 0, output
        assert "here again" in output
        assert site.runs("blue")
    finally:
        site.reset(head, "On")
