"""The guard's decisions: what may be done when an earlier life's act is in doubt."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.drivers.protocol import TaskPhase, TaskReading
from provisioning.guarded import (
    UNWATCHED_S,
    Act,
    Again,
    Done,
    Failed,
    Pending,
    settle_update,
    watched,
)
from provisioning.lifecycle.actions import Action, UpdateFirmware
from tests.make import NOW, lab, make_intent, make_seen

ACTION = UpdateFirmware(lab().firmware["lab-cpu"][0])
OLD, NEW = {"BIOS": "2.3.0"}, {"BIOS": "2.4.1"}
GRACE_S = 12.0
ALLOWED_S = 600.0
LATER = NOW + timedelta(seconds=GRACE_S + 1)


def task(phase: TaskPhase, uri: str = "/redfish/v1/TaskService/Tasks/7") -> TaskReading:
    """One look at a task."""
    return TaskReading(uri=uri, phase=phase, percent=40, message="because")


def settle(intent: Any, **seen: Any) -> object:
    """What the guard answers."""
    return settle_update(ACTION, intent, make_seen(**seen), grace_s=GRACE_S, allowed_s=ALLOWED_S)


def test_without_an_intent_it_may_act() -> None:
    assert settle(None, firmware=OLD) == Act()


def test_the_effect_settles_it_whatever_the_task_says() -> None:
    assert settle(make_intent(), firmware=NEW, tasks=(task(TaskPhase.FAILED),)) == Done()


def test_a_running_task_is_waited_for_however_long() -> None:
    answer = settle(
        make_intent(),
        firmware=OLD,
        tasks=(task(TaskPhase.RUNNING),),
        now=NOW + timedelta(hours=2),
    )

    assert isinstance(answer, Pending)


def test_within_the_grace_nobody_acts_again() -> None:
    answer = settle(make_intent(), firmware=OLD, now=NOW + timedelta(seconds=GRACE_S - 1))

    assert isinstance(answer, Pending)


def test_after_the_grace_with_no_trace_it_was_never_done() -> None:
    assert settle(make_intent(), firmware=OLD, now=LATER) == Act()


def test_a_task_that_was_there_before_the_intent_is_not_ours() -> None:
    intent = make_intent(
        arguments={
            "acts": 1,
            "tasks_before": ["/redfish/v1/TaskService/Tasks/7"],
            "touched_at": NOW.isoformat(),
        }
    )

    assert settle(intent, firmware=OLD, now=LATER, tasks=(task(TaskPhase.FAILED),)) == Act()


@pytest.mark.parametrize("phase", [TaskPhase.FAILED, TaskPhase.DONE])
def test_a_task_that_ended_without_the_effect_goes_to_a_person(phase: TaskPhase) -> None:
    assert isinstance(settle(make_intent(), firmware=OLD, now=LATER, tasks=(task(phase),)), Failed)


def test_an_image_that_never_arrived_may_be_asked_for_again() -> None:
    """Our own image server was away: that must not cost a host."""
    lost = task(TaskPhase.FAILED).model_copy(update={"nothing_written": True})

    assert settle(make_intent(), firmware=OLD, now=LATER, tasks=(lost,)) == Act()


def traced(**facts: Any) -> Any:
    """An open intent about which something is known."""
    known = {"acts": 1, "tasks_before": [], "touched_at": NOW.isoformat()}
    return make_intent(arguments={**known, **facts})


def test_a_running_update_is_remembered() -> None:
    answer = settle(make_intent(), firmware=OLD, tasks=(task(TaskPhase.RUNNING),))

    assert isinstance(answer, Pending)
    assert answer.begun


@pytest.mark.parametrize(
    "trace", [{"begun": True}, {"task": "/redfish/v1/TaskService/Tasks/7"}, {"lost": True}]
)
def test_what_may_have_begun_is_never_done_again(trace: dict[str, Any]) -> None:
    """A BMC that restarts forgets its tasks; one without tasks flashes before it answers."""
    soon = settle(traced(**trace), firmware=OLD, now=NOW + timedelta(seconds=ALLOWED_S - 1))
    late = settle(traced(**trace), firmware=OLD, now=NOW + timedelta(seconds=ALLOWED_S + 1))

    assert isinstance(soon, Pending)
    assert isinstance(late, Failed)


VANISHED = {"task": "/redfish/v1/TaskService/Tasks/7", "from": "2.3.0"}
OVER = NOW + timedelta(seconds=ALLOWED_S + 1)


def test_a_task_that_a_watched_bmc_lost_with_nothing_changed_is_tried_once_more() -> None:
    soon = settle(traced(**VANISHED), firmware=OLD, now=OVER - timedelta(seconds=2))

    assert isinstance(soon, Pending)
    assert settle(traced(**VANISHED), firmware=OLD, now=OVER) == Again(
        "BIOS is still 2.3.0, not 2.4.1"
    )


@pytest.mark.parametrize(
    "fact",
    [
        {"retried": True},
        {"unwatched": True},
        {"from": "2.2.0"},
        {"task": "", "lost": True},
        {"task": "", "retried": True},
    ],
    ids=["tried again before", "out of sight", "another version", "no answer", "cut short"],
)
def test_without_all_of_the_evidence_there_is_no_second_try(fact: dict[str, Any]) -> None:
    answer = settle(traced(**{**VANISHED, **fact}), firmware=OLD, now=OVER)

    assert isinstance(answer, Failed)
    assert "BIOS is still 2.3.0, not 2.4.1" in answer.reason


def test_a_component_that_shows_no_version_is_not_written_again() -> None:
    lost = traced(**{**VANISHED, "from": "unknown"})

    assert isinstance(settle(lost, firmware={}, now=OVER), Failed)


@pytest.mark.parametrize("phase", TaskPhase)
def test_a_task_that_is_there_decides_and_no_second_try(phase: TaskPhase) -> None:
    answer = settle(traced(**VANISHED), firmware=OLD, now=OVER, tasks=(task(phase),))

    assert isinstance(answer, Again) == (phase is TaskPhase.VANISHED)


def test_an_effect_that_came_late_settles_it() -> None:
    assert settle(traced(**VANISHED), firmware=NEW, now=OVER) == Done()


def test_a_bmc_that_was_out_of_sight_for_long_is_remembered() -> None:
    away = timedelta(seconds=UNWATCHED_S + 1)
    near = watched(traced(), NOW + timedelta(seconds=UNWATCHED_S))
    far = watched(near, NOW + timedelta(seconds=UNWATCHED_S) + away)

    assert not near.arguments["unwatched"]
    assert far.arguments["unwatched"]
    assert watched(far, NOW + 2 * away + timedelta(seconds=1)).arguments["unwatched"]


def test_a_version_that_went_back_after_it_was_done_goes_to_a_person() -> None:
    assert isinstance(settle(make_intent(state="done"), firmware=OLD, now=LATER), Failed)


def test_it_does_not_ask_for_ever() -> None:
    intent = make_intent(arguments={"acts": 3, "tasks_before": [], "touched_at": NOW.isoformat()})

    assert isinstance(settle(intent, firmware=OLD, now=LATER), Failed)


@given(
    quiet_s=st.floats(min_value=0, max_value=1000),
    phase=st.sampled_from([None, *TaskPhase]),
    version=st.sampled_from(["2.3.0", "2.4.1"]),
    acts=st.integers(min_value=1, max_value=3),
    trace=st.sampled_from([{}, {"begun": True}, {"task": "/x"}, {"lost": True}]),
)
def test_it_acts_again_only_when_nothing_can_be_on_its_way(
    quiet_s: float, phase: TaskPhase | None, version: str, acts: int, trace: dict[str, Any]
) -> None:
    intent = traced(acts=acts, **trace)
    tasks = (task(phase),) if phase else ()

    answer = settle(
        intent,
        firmware={"BIOS": version},
        tasks=tasks,
        now=NOW + timedelta(seconds=quiet_s),
    )

    if isinstance(answer, Act):
        assert quiet_s >= GRACE_S
        assert version == "2.3.0"
        assert phase in {None, TaskPhase.VANISHED}
        assert not trace


def test_an_action_without_a_step_class_does_not_import() -> None:
    with pytest.raises(TypeError, match="step_class"):
        type("Wipe", (Action,), {})
