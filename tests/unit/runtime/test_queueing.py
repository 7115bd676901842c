"""Which jobs begin, which are over, and what the others are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inventory.job_limits import JobLimit
from inventory.jobs import TURN, Job, JobState
from runtime.cluster import Node, RayJob
from runtime.queueing import LOSSES_MAX, QueuePlan, QueueSeen, Refusal, decide_jobs

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HEAD = Node("n1", "10.77.1.10", alive=True, is_head=True, resources={"CPU": 4.0})
GONE = Node("n2", "10.77.1.11", alive=False, is_head=False)


def make_job(name: str = "j1", **changes: Any) -> Job:
    fields: dict[str, Any] = {
        "id": name,
        "tenant": "acme",
        "entrypoint": "true",
        "created_at": NOW,
        "asked_by": "key:a",
    }
    return Job(**(fields | changes))


def make_running(**changes: Any) -> Job:
    fields: dict[str, Any] = {"state": JobState.RUNNING, "tries": 1, "started_at": NOW}
    return make_job(**(fields | changes))


def look(*jobs: Job, ray: RayJob | None = None, **changes: Any) -> QueuePlan:
    fields: dict[str, Any] = {
        "now": NOW,
        "active": tuple(j for j in jobs if j.state is not JobState.QUEUED),
        "waiting": tuple(j for j in jobs if j.state is JobState.QUEUED),
        "known": {ray.submission_id: ray} if ray else {},
        "trouble": "",
        "gone": False,
        "refused": {},
        "nodes": (HEAD, GONE),
        "before": {},
        "at_once": 8,
    }
    return decide_jobs(QueueSeen(**(fields | changes)))


def said(status: str, **changes: Any) -> RayJob:
    return RayJob("pyd-j1-1", status, **{"node_id": "n1", **changes})


def test_job_is_recorded_as_starting_under_the_id_that_ray_is_given() -> None:
    plan = look(make_job())
    [job] = plan.changed
    assert (job.state, job.tries, job.submission_id) == (JobState.STARTING, 1, "pyd-j1-1")
    assert plan.submit == (job,)


def test_start_that_ray_never_heard_of_is_asked_again_under_the_same_id() -> None:
    plan = look(make_job(state=JobState.STARTING, tries=1))
    assert [job.submission_id for job in plan.submit] == ["pyd-j1-1"]
    assert plan.changed == ()


def test_start_that_ray_knows_is_not_asked_again() -> None:
    plan = look(make_job(state=JobState.STARTING, tries=1), ray=said("RUNNING"))
    assert plan.submit == ()
    assert plan.changed[0].state is JobState.RUNNING


def test_nothing_is_decided_about_jobs_of_a_head_that_does_not_answer() -> None:
    plan = look(make_running(), make_job("j2"), known=None, trouble="no answer")
    assert plan.submit == ()
    assert [(j.id, j.state, j.why) for j in plan.changed] == [
        ("j1", JobState.RUNNING, "no answer"),
        ("j2", JobState.QUEUED, "no answer"),
    ]


def test_jobs_of_a_cluster_that_is_gone_are_stopped_or_wait_for_another() -> None:
    away: dict[str, Any] = {"known": None, "trouble": "no cluster", "gone": True}
    assert look(make_running(stop_wanted=True), **away).changed[0].state is JobState.STOPPED
    [again] = look(make_running(), **away).changed
    assert (again.state, again.failures) == (JobState.QUEUED, 0)


def test_start_that_is_refused_gives_its_place_away_and_says_why() -> None:
    starting = make_job(state=JobState.STARTING, tries=1)
    refused = {"pyd-j1-1": Refusal("no space left", final=False)}
    plan = look(starting, make_job("j2"), refused=refused, at_once=1)
    assert [job.submission_id for job in plan.submit] == ["pyd-j2-1"]
    assert "no space left" in plan.changed[0].why
    assert plan.changed[0].not_before == NOW + timedelta(seconds=2)


def test_start_that_was_refused_but_that_ray_knows_runs() -> None:
    refused = {"pyd-j1-1": Refusal("it exists", final=False)}
    [job] = look(
        make_job(state=JobState.STARTING, tries=1), ray=said("RUNNING"), refused=refused
    ).changed
    assert job.state is JobState.RUNNING


@pytest.mark.parametrize(("tries", "final"), [(1, True), (LOSSES_MAX + 1, False)])
def test_start_that_is_refused_for_good_or_too_often_has_failed(tries: int, final: bool) -> None:  # noqa: FBT001
    starting = make_job(state=JobState.STARTING, tries=tries)
    [over] = look(
        starting, refused={starting.submission_id: Refusal("bad pip", final=final)}
    ).changed
    assert over.state is JobState.FAILED
    assert over.why.endswith("bad pip")


def test_higher_priority_begins_first_and_equals_take_turns_between_who_asked() -> None:
    jobs = (
        make_job("a1"), make_job("a2"), make_job("a3"),
        make_job("b1", asked_by="key:b"), make_job("z9", priority=5),
    )  # fmt: skip
    assert [job.id for job in look(*jobs, at_once=3).submit] == ["z9", "b1", "a1"]


def test_places_taken_are_not_given_again() -> None:
    running = make_running(name="r1")
    plan = look(running, make_job(), at_once=1, known={"pyd-r1-1": said("RUNNING")})
    assert plan.submit == ()


def test_failed_job_is_tried_again_after_a_pause_and_then_fails() -> None:
    failed = said("FAILED", message="exit code 3")
    [again] = look(make_running(retries=1), ray=failed).changed
    assert (again.state, again.failures) == (JobState.QUEUED, 1)
    assert look(again).submit == ()
    [third] = look(again, now=NOW + timedelta(seconds=3)).submit
    assert third.submission_id == "pyd-j1-2"
    [over] = look(make_running(retries=1, failures=1), ray=failed).changed
    assert (over.state, over.why) == (JobState.FAILED, "exit code 3")


@pytest.mark.parametrize(
    "ray",
    [
        said("RUNNING", node_id="n2"),
        said("RUNNING", node_id="unheard-of"),
        said("FAILED", lost_host=True),
        None,
    ],
)
def test_job_whose_host_is_lost_is_tried_again_without_using_up_a_retry(ray: RayJob | None) -> None:
    [job] = look(make_running(), ray=ray).changed
    assert (job.state, job.failures) == (JobState.QUEUED, 0)
    assert "lost" in job.why


def test_job_that_loses_its_hosts_again_and_again_is_given_up() -> None:
    [job] = look(make_running(tries=LOSSES_MAX + 1), ray=None).changed
    assert job.state is JobState.FAILED


def test_job_that_a_lost_head_took_and_never_began_is_tried_again_and_the_old_try_stopped() -> None:
    young = replace(HEAD, started_ms=2_000)
    forgotten = said("PENDING", node_id="", asked_ms=1_000)
    plan = look(make_running(), ray=forgotten, nodes=(young,))
    assert [(job.state, job.failures) for job in plan.changed] == [(JobState.QUEUED, 0)]
    assert [job.submission_id for job in plan.stop] == ["pyd-j1-1"]


@pytest.mark.parametrize(
    ("ray", "head"),
    [
        (said("PENDING", node_id="", asked_ms=3_000), replace(HEAD, started_ms=2_000)),
        (said("PENDING", node_id="", asked_ms=1_000), replace(HEAD, started_ms=0)),
        (said("PENDING", node_id=""), replace(HEAD, started_ms=2_000)),
        (said("PENDING", asked_ms=1_000), replace(HEAD, started_ms=2_000)),
    ],
)
def test_job_that_waits_in_ray_for_what_it_needs_is_left_alone(ray: RayJob, head: Node) -> None:
    plan = look(make_running(), ray=ray, nodes=(head,))
    assert plan.stop == ()
    assert [job.state for job in plan.changed] in ([], [JobState.RUNNING])


def test_ray_that_does_not_say_where_a_job_runs_is_believed() -> None:
    assert look(make_running(), ray=said("RUNNING", node_id="")).changed == ()


def test_job_over_its_time_limit_is_stopped_and_counts_as_failed() -> None:
    late = NOW + timedelta(seconds=11)
    plan = look(make_running(time_limit_s=10), ray=said("RUNNING"), now=late)
    assert [job.id for job in plan.stop] == ["j1"]
    [stopping] = plan.changed
    assert look(stopping, known=None, trouble="no answer", now=late).changed == ()
    [over] = look(stopping, ray=said("STOPPED"), now=late).changed
    assert (over.state, over.why) == (JobState.FAILED, "it ran longer than 10 s")


def test_stop_is_asked_until_ray_says_stopped() -> None:
    wanted = make_running(stop_wanted=True)
    assert look(wanted, ray=said("RUNNING")).stop == (wanted,)
    assert look(wanted, ray=said("STOPPED")).changed[0].state is JobState.STOPPED


def test_queued_job_that_is_stopped_never_begins() -> None:
    plan = look(make_job(stop_wanted=True))
    assert (plan.submit, plan.changed[0].state) == ((), JobState.STOPPED)


@pytest.mark.parametrize(
    ("before", "state", "why"),
    [
        (JobState.RUNNING, JobState.QUEUED, "waits for job j0"),
        (JobState.FAILED, JobState.FAILED, "job j0, which it waits for, failed"),
        (JobState.SUCCEEDED, JobState.STARTING, ""),
    ],
)
def test_job_waits_for_others_and_fails_with_them(
    before: JobState, state: JobState, why: str
) -> None:
    [job] = look(make_job(after=("j0",)), before={"j0": before}).changed
    assert (job.state, job.why) == (state, why)


def test_what_no_host_has_says_so_and_holds_up_nobody() -> None:
    plan = look(make_job("a", num_gpus=8, priority=9), make_job("b"))
    assert [job.id for job in plan.submit] == ["b"]
    assert "8 GPU and no host of the cluster has more than 0" in plan.changed[0].why


def test_the_same_look_changes_nothing_twice() -> None:
    first = look(make_job("a", num_gpus=8)).changed[0]
    assert look(first).changed == ()


def test_quota_lets_no_more_begin_than_it_has_room_for_and_says_so() -> None:
    plan = look(make_job("j1"), make_job("j2"), limit=JobLimit("lab", most=4, held=3))
    assert [job.id for job in plan.submit] == ["j1"]
    [left] = [job for job in plan.changed if job.id == "j2"]
    assert left.state is JobState.QUEUED
    assert left.why.startswith("waits because quota lab lets 4 jobs run at once; hint: ")
    lowered = look(make_job("j1"), limit=JobLimit("lab", most=1, held=3))
    assert lowered.submit == ()


def test_quota_that_does_not_hold_a_job_up_is_not_blamed() -> None:
    blamed = make_job("j2", why="waits because quota lab lets 4 jobs run at once")
    plan = look(make_job("j1"), blamed, limit=JobLimit("lab", most=9, held=0), at_once=1)
    assert {job.id: job.why for job in plan.changed} == {"j1": "", "j2": TURN}
