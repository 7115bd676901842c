"""Jobs that have ended are remembered for a while, and by no head for longer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from inventory.jobs import Job, JobState
from inventory.store.protocol import Change
from runtime.cluster import ClusterError, ClusterRefusedError
from runtime.context import ClusterKey, Reach
from runtime.jobkeeping import ASKED_AT_ONCE, JobKeeping
from tests.unit.runtime_control.builders import START, Site
from tests.unit.runtime_control.test_job_tending import Cluster, make_job


class Reached(JobKeeping):
    """Whose cluster is there without a head's relay."""

    def _reach(self, key: ClusterKey) -> Reach:
        del key
        return Reach(self._world.usage_cursor, SecretStr("t"))


def put_ended(site: Site, *names: str, **changes: Any) -> None:
    fields: dict[str, Any] = {"state": JobState.SUCCEEDED, "tries": 1, "ended_at": START}
    jobs = tuple(make_job(name, **(fields | changes)) for name in names)
    site.store.apply(Change(insert=jobs), now=START)


def make_keeping(site: Site, cluster: Cluster, *, kept: int = 100, days: float = 30) -> JobKeeping:
    settings = site.settings.model_copy(update={"jobs_kept": kept, "jobs_kept_days": days})
    world = replace(
        site.world(), settings=settings, connect_cluster=lambda _socket, _token: cluster
    )
    return Reached(world, site.fence)


def known(site: Site) -> list[str]:
    return [job.id for job in site.store.find(Job)]


async def test_the_oldest_beyond_so_many_go(site: Site) -> None:
    put_ended(site, "a", "b", "c")
    put_ended(site, "d", state=JobState.FAILED)
    put_ended(site, "e", state=JobState.QUEUED, ended_at=None)
    assert await make_keeping(site, Cluster(), kept=2).sweep() == 2
    assert known(site) == ["c", "d", "e"]


async def test_what_ended_long_ago_goes_however_few_there_are(site: Site) -> None:
    put_ended(site, "a", ended_at=START - timedelta(days=31))
    put_ended(site, "b")
    await make_keeping(site, Cluster()).sweep()
    assert known(site) == ["b"]


async def test_job_that_another_one_waits_for_stays(site: Site) -> None:
    put_ended(site, "a", "b", "c")
    site.store.apply(
        Change(
            insert=(
                make_job("x", after=("a",), priority=7),
                make_job("y", after=("b",), cluster="other", state=JobState.RUNNING, tries=1),
            )
        ),
        now=START,
    )
    await make_keeping(site, Cluster(), kept=1).sweep()
    assert known(site) == ["a", "b", "x", "y"]


async def test_the_head_forgets_every_try_of_it(site: Site) -> None:
    put_ended(site, "a", tries=2)
    put_ended(site, "b")
    cluster = Cluster()
    await make_keeping(site, cluster, kept=1).sweep()
    assert sorted(cluster.forgotten) == ["pyd-a-1", "pyd-a-2"]


class Refusing(Cluster):
    """A head that answers for some of its jobs with an error."""

    def __init__(self, error: ClusterError, *refused: str) -> None:
        super().__init__()
        self._error = error
        self._refused = refused
        self.asked = 0

    async def forget_job(self, submission_id: str) -> None:
        self.asked += 1
        if submission_id.split("-")[1] in self._refused:
            raise self._error
        await super().forget_job(submission_id)


async def test_jobs_that_the_head_refuses_to_forget_keep_it_from_no_other(site: Site) -> None:
    running = tuple(f"a{n}" for n in range(10))
    put_ended(site, *running, "b", "c")
    head = Refusing(ClusterRefusedError("DELETE: 500", status=500, said="not terminal"), *running)
    assert await make_keeping(site, head, kept=1).sweep() == 11
    assert head.forgotten == ["pyd-b-1"]


async def test_head_that_does_not_answer_is_not_asked_for_every_job(site: Site) -> None:
    names = tuple(f"a{n:02}" for n in range(30))
    put_ended(site, *names)
    head = Refusing(ClusterError("no answer"), *names)
    await make_keeping(site, head, kept=1).sweep()
    assert head.asked == ASKED_AT_ONCE


async def test_nothing_is_removed_once_the_lease_is_lost_and_no_head_is_told(site: Site) -> None:
    put_ended(site, "a", "b")
    head = Cluster()
    keeping = make_keeping(site, head, kept=1)
    site.take_lease("another")
    assert await keeping.sweep() == 0
    assert known(site) == ["a", "b"]
    assert head.forgotten == []


class Overtaken(Cluster):
    """While this head forgets, somebody asks for a job that waits for one of these."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self._site = site

    async def forget_job(self, submission_id: str) -> None:
        if not self.forgotten:
            self._site.store.apply(Change(insert=(make_job("x", after=("a",)),)), now=START)
        await super().forget_job(submission_id)


async def test_job_that_another_one_came_to_wait_for_meanwhile_stays(site: Site) -> None:
    put_ended(site, "a", "b", "c")
    assert await make_keeping(site, Overtaken(site), kept=1).sweep() == 1
    assert known(site) == ["a", "c", "x"]


class Meeting(Cluster):
    """Heads that answer once two of them were asked."""

    def __init__(self, barrier: asyncio.Barrier) -> None:
        super().__init__()
        self._barrier = barrier

    async def forget_job(self, submission_id: str) -> None:
        async with asyncio.timeout(5):
            await self._barrier.wait()
        await super().forget_job(submission_id)


async def test_a_slow_head_holds_up_no_other(site: Site) -> None:
    old = START - timedelta(days=31)
    put_ended(site, "a", ended_at=old)
    put_ended(site, "b", ended_at=old, cluster="other")
    head = Meeting(asyncio.Barrier(2))
    assert await make_keeping(site, head).sweep() == 2
    assert sorted(head.forgotten) == ["pyd-a-1", "pyd-b-1"]
