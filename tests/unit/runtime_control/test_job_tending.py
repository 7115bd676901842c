"""The queue against real records and a cluster that remembers what it was told."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from inventory.job_limits import JobLimit, running_limit
from inventory.jobs import Job, JobState
from inventory.quotas import TenantQuota
from inventory.store.protocol import Change
from runtime.cluster import ClusterError, ClusterRefusedError, Node, RayJob
from runtime.context import ClusterKey, Reach
from runtime.joblines import clusters_with_jobs
from runtime.jobtending import JobTending
from tests.unit.runtime_control.builders import START, Site

KEY = ClusterKey("acme", "main")


class Cluster:
    """A head that starts what it is given."""

    def __init__(self) -> None:
        self.jobs: dict[str, str] = {}
        self.deaf = False
        self.refuses = 0
        self.forgotten: list[str] = []
        self.bodies: list[Any] = []

    async def ray_jobs(self, submission_ids: Iterable[str]) -> dict[str, RayJob]:
        known = {name: self.jobs[name] for name in submission_ids if name in self.jobs}
        return {name: RayJob(name, status, node_id="n") for name, status in known.items()}

    async def nodes(self) -> tuple[Node, ...]:
        return (Node("n", "10.77.1.10", alive=True, is_head=True),)

    async def submit_job(self, body: Any) -> None:
        if self.deaf:
            raise ClusterError("the answer was lost")
        if self.refuses:
            raise ClusterRefusedError("POST: 500", status=self.refuses, said="no agent")
        assert body["submission_id"] not in self.jobs, "Ray was given the same id twice"
        self.jobs[body["submission_id"]] = "RUNNING"
        self.bodies.append(body)

    async def forget_job(self, submission_id: str) -> None:
        self.forgotten.append(submission_id)

    async def stop_job(self, submission_id: str) -> None:
        self.jobs[submission_id] = "STOPPED"

    async def close(self) -> None:
        return


class Reached(JobTending):
    """Whose cluster is there without a head's relay."""

    def _reach(self, key: ClusterKey) -> Reach:
        del key
        return Reach(self._world.usage_cursor, self.token)

    token: Any = None


def make_queue(site: Site, cluster: Cluster) -> Reached:
    world = replace(site.world(), connect_cluster=lambda _socket, _token: cluster)
    found = Reached(world, site.fence)
    found.token = SecretStr("t")
    return found


def put(site: Site, *jobs: Job) -> None:
    site.store.apply(Change(insert=jobs), now=START)


def make_job(name: str, **changes: Any) -> Job:
    fields: dict[str, Any] = {"entrypoint": "true", "created_at": START, "tenant": "acme"}
    return Job(id=name, **(fields | changes))


async def look(queue: JobTending) -> None:
    await queue.look()
    await queue.settled()


async def test_jobs_run_a_few_at_a_time_to_their_end(site: Site) -> None:
    cluster = Cluster()
    queue = make_queue(site, cluster)
    put(site, *(make_job(f"j{n:02}") for n in range(20)))
    await look(queue)
    assert len(cluster.jobs) == 8
    for _ in range(10):
        cluster.jobs = dict.fromkeys(cluster.jobs, "SUCCEEDED")
        await look(queue)
    assert {site.store.get(Job, f"j{n:02}").state for n in range(20)} == {JobState.SUCCEEDED}
    assert clusters_with_jobs(site.store) == {}


async def test_lost_answer_and_a_new_controller_start_nothing_twice(site: Site) -> None:
    cluster = Cluster()
    put(site, make_job("j1"))
    cluster.deaf = True
    await look(make_queue(site, cluster))
    cluster.deaf = False
    later = make_queue(site, cluster)
    await look(later)
    await look(later)
    assert cluster.jobs == {"pyd-j1-1": "RUNNING"}
    assert site.store.get(Job, "j1").state is JobState.RUNNING


async def test_refused_start_is_told_and_keeps_nobody_from_its_place(site: Site) -> None:
    cluster = Cluster()
    queue = make_queue(site, cluster)
    put(site, *(make_job(f"a{n}", priority=5) for n in range(8)), make_job("z"))
    cluster.refuses = 500
    await look(queue)
    cluster.refuses = 0
    await look(queue)
    assert list(cluster.jobs) == ["pyd-z-1"]
    assert "no agent" in site.store.get(Job, "a0").why
    site.clock.forward(3)
    await look(queue)
    assert site.store.get(Job, "a0").state is JobState.STARTING
    assert len(cluster.jobs) == 8


async def test_start_that_ray_calls_wrong_has_failed(site: Site) -> None:
    cluster = Cluster()
    queue = make_queue(site, cluster)
    put(site, make_job("j1", retries=5))
    cluster.refuses = 400
    await look(queue)
    await look(queue)
    job = site.store.get(Job, "j1")
    assert (job.state, job.why) == (JobState.FAILED, "Ray refused to start it: no agent")


async def test_nothing_is_asked_of_a_cluster_once_the_lease_is_lost(site: Site) -> None:
    cluster = Cluster()
    queue = make_queue(site, cluster)
    put(site, make_job("j1"))
    cluster.deaf = True
    await look(queue)
    cluster.deaf = False
    site.take_lease("another")
    await look(queue)
    assert cluster.jobs == {}


async def test_stopping_a_job_whose_cluster_is_gone_ends(site: Site) -> None:
    queue = JobTending(site.world(), site.fence)
    put(site, make_job("j1", state=JobState.RUNNING, tries=1, stop_wanted=True))
    await look(queue)
    assert site.store.get(Job, "j1").state is JobState.STOPPED


async def test_sealed_variables_reach_ray_and_go_with_the_end(site: Site) -> None:
    cluster = Cluster()
    queue = make_queue(site, cluster)
    values = SecretStr('{"TOKEN": "hush"}')
    sealed = {("j1", "env_vars"): site.secrets.seal("j1", "env_vars", values)}
    job = make_job("j1", runtime_env={"pip": ["six"], "env_vars": {"TOKEN": "***"}})
    site.store.apply(Change(insert=(job,), secrets=sealed), now=START)
    await look(queue)
    assert cluster.bodies[0]["runtime_env"] == {"pip": ["six"], "env_vars": {"TOKEN": "hush"}}
    cluster.jobs = dict.fromkeys(cluster.jobs, "SUCCEEDED")
    await look(queue)
    assert site.store.secret("j1", "env_vars") is None


async def test_job_without_a_cluster_says_so(site: Site) -> None:
    put(site, make_job("j1"))
    queue = JobTending(site.world(), site.fence)
    await look(queue)
    assert "claim units for it" in site.store.get(Job, "j1").why


async def test_a_line_that_cannot_begin_does_not_hold_up_another(site: Site) -> None:
    cluster = Cluster()
    waits = START + timedelta(hours=1)
    put(site, *(make_job(f"a{n:03}", priority=5, not_before=waits) for n in range(120)))
    put(site, make_job("z"))
    await look(make_queue(site, cluster))
    assert list(cluster.jobs) == ["pyd-z-1"]


async def test_jobs_that_no_host_can_hold_do_not_hold_up_a_lower_priority(site: Site) -> None:
    cluster = Cluster()
    put(site, *(make_job(f"a{n}", priority=5, num_gpus=8, asked_by="key:a") for n in range(8)))
    put(site, *(make_job(f"z{n}", asked_by="key:z") for n in range(5)))
    await look(make_queue(site, cluster))
    assert sorted(cluster.jobs) == [f"pyd-z{n}-1" for n in range(5)]


async def test_jobs_that_no_host_can_hold_do_not_hold_up_their_own_line(site: Site) -> None:
    cluster = Cluster()
    put(site, *(make_job(f"a{n:02}", num_gpus=8) for n in range(50)))
    put(site, *(make_job(f"z{n}") for n in range(5)))
    await look(make_queue(site, cluster))
    assert sorted(cluster.jobs) == [f"pyd-z{n}-1" for n in range(5)]


async def test_clusters_of_one_tenant_share_what_its_quota_lets_run(site: Site) -> None:
    cluster = Cluster()
    queue = make_queue(site, cluster)
    site.store.apply(Change(insert=(TenantQuota(name="acme", jobs_running_max=3),)), now=START)
    for name in ("main", "more", "third"):
        put(site, *(make_job(f"{name}{n}", cluster=name) for n in range(4)))
    for ended in (3, 6, 9, 12):
        await look(queue)
        assert len(cluster.jobs) == ended
        cluster.jobs = dict.fromkeys(cluster.jobs, "SUCCEEDED")
        await look(queue)  # what ended makes room; whoever looked first begins with the next look
        cluster.jobs = {name: s for name, s in cluster.jobs.items() if s == "SUCCEEDED"}


async def test_tenants_below_one_quota_do_not_both_take_its_last_place(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has read the room waits a moment for the other to read it as well."""
    both = threading.Barrier(2, timeout=0.2)

    def read(store: Any, tenant: str) -> JobLimit | None:
        found = running_limit(store, tenant)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait()
        return found

    monkeypatch.setattr("runtime.jobtending.running_limit", read)
    cluster = Cluster()
    queue = make_queue(site, cluster)
    lab = TenantQuota(name="lab", jobs_running_max=1)
    below = (TenantQuota(name="acme", parent="lab"), TenantQuota(name="zeta", parent="lab"))
    site.store.apply(Change(insert=(lab, *below)), now=START)
    put(site, make_job("a"), make_job("z", tenant="zeta"))
    await look(queue)
    assert len(cluster.jobs) == 1
