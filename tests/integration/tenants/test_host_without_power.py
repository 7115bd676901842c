"""A host of a tenant's cluster loses its power: its work ends on another one, by itself."""

from __future__ import annotations

import time

import pytest

from tests.integration.tenants.five_hosts import FiveHosts

pytestmark = [
    pytest.mark.integration,
    pytest.mark.ray,
    pytest.mark.long,
    pytest.mark.timeout(1800),
]


def test_job_ends_on_a_replacement_when_its_own_host_loses_power(site: FiveHosts) -> None:
    head, worker = site.members("red")
    [spare] = set(site.hosts()) - {*site.members("red"), *site.members("blue")}
    # One for each unit: whichever is on the head keeps its unit, so that the other must wait.
    work = f"test $(hostname) = {head} && sleep 1200; sleep 20; echo ended on $(hostname)"
    began = f"began-{time.monotonic_ns()}"
    tries = {
        site.queue(
            "red", f"touch $HOME/{began}-{n}; {work}", retries=1, resources={"compute_unit": 1.0}
        ): n
        for n in range(2)
    }
    on_head = site.place(head) / "root"
    on_worker = site.place(worker) / "root"
    site.wait(300, lambda: len([*on_head.glob(f"{began}-?"), *on_worker.glob(f"{began}-?")]) == 2)
    [moves] = [one for one, n in tries.items() if (on_worker / f"{began}-{n}").exists()]
    [holds] = set(tries) - {moves}
    try:
        site.reset(worker, "ForceOff")
        job = site.until_job(moves, "succeeded", "failed", "stopped", limit_s=900)
        assert (job["state"], job["tries"], job["failures"]) == ("succeeded", 2, 0), job["why"]
        site.wait(300, lambda: site.members("red") == (head, spare))
        code, output = site.ray("red", "job", "logs", f"pyd-{moves}-{job['tries']}")
        assert code == 0, output
        assert f"ended on {spare}" in output
        assert site.job(holds)["tries"] == 1
    finally:
        site.call("POST", f"/api/jobs/{holds}/stop")
        site.reset(worker, "On")
