"""The queue against real records and a cluster that remembers what it was told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from inventory.jobs import Job, JobState
from inventory.store.protocol import Change
from runtime.cluster import ClusterError, Node, RayJob
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

    async def ray_jobs(self) -> dict[str, RayJob]:
        return {name: RayJob(name, status, node_id="n") for name, status in self.jobs.items()}

    async def nodes(self) -> tuple[Node, ...]:
        return (Node("n", "10.77.1.10", alive=True, is_head=True),)

    async def submit_job(self, body: Any) -> None:
        if self.deaf:
            raise ClusterError("the answer was lost")
        assert body["submission_id"] not in self.jobs, "Ray was given the same id twice"
        self.jobs[body["submission_id"]] = "RUNNING"

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
