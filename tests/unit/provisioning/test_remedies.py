"""A host that is late is helped in a fixed order, each thing once, and never into a flash."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.allowed import SAMPLES_MIN, allowed_time_s
from inventory.model import Host, Problem, Tried
from inventory.states import ALLOWED_TIME_S, TRANSITIONS, HostState
from provisioning.remedies import (
    LADDERS,
    Remedy,
    apart,
    late_since,
    mend,
    next_remedy,
    overstayed,
    told,
    why_never,
)
from tests.make import NOW, make_host

S = HostState
BEGUN = frozenset({"firmware:BIOS:2.4.1"})


def late_host(state: HostState = S.INSPECTING, *, done: int = 0, **changes: Any) -> Host:
    """A host in which so many rungs were tried, a minute apart, from when its time was up."""
    since = NOW - timedelta(seconds=ALLOWED_TIME_S[state])
    tried = tuple(
        Tried(remedy=rung.remedy.value, at=NOW + timedelta(seconds=n))
        for n, rung in enumerate(LADDERS.get(state, ())[:done])
    )
    return make_host(state=state, state_since=since, tried=tried, **changes)


def tried_now(host: Host, after_s: float = 1.0, **facts: Any) -> Remedy | None:
    allowed = ALLOWED_TIME_S[host.state]
    return mend(host, allowed_s=allowed, now=NOW + timedelta(seconds=after_s), **facts)


@pytest.mark.parametrize("state", LADDERS)
def test_nothing_is_tried_on_a_host_that_is_in_the_offer(state: HostState) -> None:
    """Its certificate was written and its controller died: by now a claim may hold it."""
    assert tried_now(late_host(state)) is not None
    assert tried_now(late_host(state, certificate_id="c")) is None


@pytest.mark.parametrize("state", LADDERS)
def test_a_ladder_is_climbed_in_order_each_rung_once_and_ends_with_a_person(
    state: HostState,
) -> None:
    host, now, seen = late_host(state), NOW + timedelta(seconds=1), []
    for _ in range(len(LADDERS[state]) + 3):
        remedy = mend(host, allowed_s=ALLOWED_TIME_S[state], now=now)
        if remedy is None:
            break
        seen.append(remedy)
        tried = (*host.tried, Tried(remedy=remedy.value, at=now))
        host = host.model_copy(update={"tried": tried})
        now += timedelta(hours=2)
    assert seen == [rung.remedy for rung in LADDERS[state]]
    assert seen[-1] is Remedy.SET_APART


def test_a_new_boot_is_only_ordered_where_the_host_may_go_there() -> None:
    for state, ladder in LADDERS.items():
        if any(rung.remedy is Remedy.BOOT_AGAIN for rung in ladder):
            assert state is S.BOOTING or (state, S.BOOTING) in TRANSITIONS


def test_no_remedy_resets_a_host() -> None:
    assert {"reset the host", "power cycle"}.isdisjoint(remedy.value for remedy in Remedy)


def test_nothing_is_tried_before_the_time_is_up_nor_before_the_last_had_its_time() -> None:
    host = late_host()
    assert tried_now(host, -1.0) is None
    assert tried_now(host) is Remedy.FRESH_SESSION
    once = late_host(done=1)
    assert tried_now(once, 59.0) is None
    assert tried_now(once, 61.0) is Remedy.RESTART_BMC


@pytest.mark.parametrize("remedy", [r for r in Remedy if r is not Remedy.FRESH_SESSION])
def test_nothing_but_a_new_session_is_tried_while_an_update_is_not_settled(remedy: Remedy) -> None:
    for state, ladder in LADDERS.items():
        for done, rung in enumerate(ladder):
            if rung.remedy is remedy:
                host = late_host(state, done=done)
                assert tried_now(host, 86400.0, open_steps=BEGUN) is None
                assert tried_now(host, 86400.0) is remedy


def test_a_host_out_of_reach_is_set_apart_although_an_update_is_not_settled() -> None:
    """Nobody could watch how it ends, and setting apart touches nothing."""
    host = late_host(S.PREPARING, done=2)
    assert tried_now(host, 86400.0, open_steps=BEGUN, reachable=False) is Remedy.SET_APART


@given(
    state=st.sampled_from(list(LADDERS)),
    done=st.integers(0, 4),
    after_s=st.floats(-7200, 1e6),
    reachable=st.booleans(),
)
def test_whatever_happens_a_begun_update_meets_no_power_and_no_restart(
    state: HostState, done: int, after_s: float, *, reachable: bool
) -> None:
    host = late_host(state, done=done)
    remedy = tried_now(host, after_s, open_steps=BEGUN, reachable=reachable)
    assert remedy not in {Remedy.RESTART_BMC, Remedy.BOOT_AGAIN}


def test_what_was_not_possible_is_not_waited_for() -> None:
    passed = Tried(remedy=Remedy.RESTART_BMC.value, at=NOW, outcome="not possible: no action")
    first = Tried(remedy=Remedy.FRESH_SESSION.value, at=NOW - timedelta(seconds=60))
    host = late_host().model_copy(update={"tried": (first, passed)})
    upcoming = next_remedy(host, ALLOWED_TIME_S[S.INSPECTING])
    assert upcoming is not None
    assert (upcoming.rung.remedy, upcoming.at) == (Remedy.SET_APART, NOW)


@pytest.mark.parametrize("remedy", [Remedy.RESTART_BMC, Remedy.BOOT_AGAIN])
def test_what_interrupts_is_done_once_on_a_way_up(remedy: Remedy) -> None:
    earlier = Tried(remedy=remedy.value, at=NOW - timedelta(days=1))
    host = late_host().model_copy(update={"tried": (earlier,)})
    assert why_never(remedy, host).startswith("not possible: it was done once")
    assert why_never(Remedy.FRESH_SESSION, host) == ""
    not_done = earlier.model_copy(update={"outcome": "not possible: it did not answer"})
    assert why_never(remedy, host.model_copy(update={"tried": (not_done,)})) == ""


def test_waiting_for_others_uses_up_nothing() -> None:
    waited = late_host(counted_from=NOW)
    assert tried_now(waited) is None
    assert late_since(waited, 300.0) == NOW + timedelta(seconds=300)


def test_a_late_host_says_how_long_what_was_tried_and_what_comes_when() -> None:
    host = late_host(done=1, waiting="the hardware has not been read yet")
    problem = overstayed(host, 300.0, NOW + timedelta(seconds=10))
    assert problem is not None
    assert problem.message == (
        "inspecting for 310 s; allowed are 300 s: the hardware has not been read yet"
    )
    assert problem.since == NOW
    assert problem.tried == ("read again", "a fresh session")
    assert (problem.next_step, problem.next_at) == (
        "restart the BMC",
        NOW + timedelta(seconds=60),
    )
    assert overstayed(host, 300.0, NOW) is None


def test_a_state_in_which_others_are_waited_for_is_only_told_of() -> None:
    host = make_host(state=S.DRAINING, state_since=NOW - timedelta(hours=2))
    assert mend(host, allowed_s=3600.0, now=NOW) is None
    problem = overstayed(host, 3600.0, NOW)
    assert problem is not None
    assert not problem.parked


def test_setting_apart_says_all_that_was_tried_and_the_trouble() -> None:
    trouble = Problem(kind="bmc-unreachable", message="no answer", since=NOW, next_at=NOW)
    host = late_host(done=2, problem=trouble)
    message, remedy = apart(host, 300.0, NOW)
    assert "tried: read again, a fresh session, restart the BMC; last: no answer" in message
    assert remedy.endswith(f"podyard host retry {host.name}")


def test_an_outcome_is_told_with_its_remedy() -> None:
    failed = Tried(remedy=Remedy.FRESH_SESSION.value, at=NOW, outcome="not possible: x")
    host = late_host().model_copy(update={"tried": (failed,)})
    assert told(host) == ("read again", "a fresh session (not possible: x)")


# Learned times


def test_a_model_that_is_known_to_be_slow_is_given_twice_what_nearly_all_needed() -> None:
    slow = [1000.0] * 18 + [2000.0, 9000.0]
    assert allowed_time_s(S.BOOTING, {"booting": slow}) == 4000.0


def test_too_few_or_quick_ones_change_nothing() -> None:
    default = ALLOWED_TIME_S[S.BOOTING]
    assert allowed_time_s(S.BOOTING, {"booting": [9000.0] * (SAMPLES_MIN - 1)}) == default
    assert allowed_time_s(S.BOOTING, {"booting": [1.0] * 100}) == default
    assert allowed_time_s(S.READY, {"booting": [9000.0] * 100}) is None


def test_each_component_that_is_flashed_adds_its_time() -> None:
    past = {"flashing": [1500.0] * 20, "preparing": [100.0] * 20}
    assert allowed_time_s(S.PREPARING, past, updates=3) == 2 * (3 * 1500.0 + 100.0)


@given(
    state=st.sampled_from(list(ALLOWED_TIME_S)),
    samples=st.lists(st.floats(0, 1e6), max_size=60),
)
def test_the_past_never_shortens_a_time(state: HostState, samples: list[float]) -> None:
    past = {"booting": samples, "configuring": samples, "accepting": samples}
    learned = allowed_time_s(state, past)
    assert learned is not None
    assert learned >= ALLOWED_TIME_S[state]
