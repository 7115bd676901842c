"""Watts on a feed: the arithmetic that the planner and the run-time share."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pods.power import (
    Admitted,
    PowerPhase,
    Refused,
    Reservation,
    admit,
    fits,
    measured_or_nameplate,
    reserve,
    reserved_watts,
    spread_over_phases,
    when_feed_dies,
)
from pods.spec import FeedSpec, PodSpec, PowerSpec

BUDGET = {"a": 3680.0}


def ask(watts: float, host: str = "h2", feed: str = "a") -> Reservation:
    return Reservation(host=host, feed=feed, watts=watts)


def test_a_reservation_that_fits_is_admitted_with_what_is_left() -> None:
    answer = admit(BUDGET, {"a": {"h1": 700.0}}, ask(1200.0))
    assert answer == Admitted(ask(1200.0), total_watts=1900.0, left_watts=1780.0)


def test_a_reservation_replaces_the_hosts_own() -> None:
    held = {"a": {"h1": 2480.0, "h2": 1200.0}}
    answer = admit(BUDGET, held, ask(700.0))
    assert isinstance(answer, Admitted)
    assert answer.total_watts == 3180.0


def test_a_reservation_over_the_budget_is_refused_with_the_watts_that_lack() -> None:
    answer = admit(BUDGET, {"a": {"h1": 2500.0}}, ask(1200.0))
    assert isinstance(answer, Refused)
    assert answer.needed_watts == pytest.approx(20.0)
    assert answer.ever
    assert "feed a carries 2500 W of 3680 W" in answer.reason
    assert "h2 needs 1200 W" in answer.reason


def test_a_host_that_alone_exceeds_the_feed_is_refused_for_ever() -> None:
    answer = admit(BUDGET, {}, ask(4000.0))
    assert isinstance(answer, Refused)
    assert not answer.ever


def test_a_feed_without_a_budget_admits_nothing() -> None:
    answer = admit(BUDGET, {}, ask(1.0, feed="b"))
    assert isinstance(answer, Refused)
    assert "feed b has no budget" in answer.reason


@pytest.mark.parametrize("watts", [-1.0, float("nan")])
def test_what_is_no_amount_of_watts_is_refused(watts: float) -> None:
    answer = admit(BUDGET, {}, ask(watts))
    assert isinstance(answer, Refused)
    assert "not an amount" in answer.reason


def test_reserving_leaves_the_old_ledger_alone() -> None:
    old = {"a": {"h1": 1.0}}
    new = reserve(old, [ask(2.0), ask(3.0, host="h3", feed="b")])
    assert old == {"a": {"h1": 1.0}}
    assert new == {"a": {"h1": 1.0, "h2": 2.0}, "b": {"h3": 3.0}}


def test_a_host_reserves_standby_then_inrush_then_nameplate(lab: PodSpec) -> None:
    power = lab.host_types["lab-cpu"].power
    assert [reserved_watts(power, phase) for phase in PowerPhase] == [20, 1200, 700]


def test_a_soft_start_still_reserves_the_nameplate() -> None:
    power = PowerSpec(nameplate_watts=700, typical_watts=450, inrush_watts=500, inrush_s=1.0)
    assert reserved_watts(power, PowerPhase.STARTING) == 700


def test_a_budget_that_is_not_exact_in_binary_may_be_used_up() -> None:
    feed = FeedSpec(rated_amps=0.3, volts=10.0, continuous_limit=0.1)
    assert feed.budget_watts != 0.3
    assert fits(0.3, budget_watts=feed.budget_watts)
    assert not fits(0.31, budget_watts=feed.budget_watts)


def test_three_phases_carry_root_three_times_one() -> None:
    one = FeedSpec(rated_amps=32.0, volts=400.0)
    three = FeedSpec(rated_amps=32.0, volts=400.0, phases=3)
    assert three.budget_watts == pytest.approx(one.budget_watts * 3**0.5)
    assert three.budget_watts == pytest.approx(17_736, abs=1)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0, 2000)), max_size=30))
def test_no_sequence_of_admissions_exceeds_the_budget(requests: list[tuple[str, float]]) -> None:
    ledger: dict[str, dict[str, float]] = {}
    for host, watts in requests:
        answer = admit(BUDGET, ledger, ask(watts, host=host))
        if isinstance(answer, Admitted):
            ledger = reserve(ledger, [answer.reservation])
        assert fits(sum(ledger.get("a", {}).values()), budget_watts=BUDGET["a"])


def on_two_feeds(
    lab: PodSpec, *, amps_b: float = 20.0, psus: dict[str, Any] | None = None
) -> PodSpec:
    """The lab with three hosts on both feeds and one on `a` alone."""
    value = lab.model_dump(mode="json")
    value["feeds"]["b"] = value["feeds"]["a"] | {"rated_amps": amps_b}
    for slot in value["racks"][0]["slots"][:3]:
        slot["feed_b"] = "b"
    if psus:
        value["host_types"]["lab-cpu"]["psus"] = psus
    return PodSpec.model_validate(value, strict=False)


def test_what_remains_when_a_feed_dies_is_told_host_by_host(lab: PodSpec) -> None:
    left = when_feed_dies(on_two_feeds(lab), "a")
    assert left.dark == ("r1-h4",)
    assert left.load_watts == {"b": 2100.0}
    assert (left.overloaded, left.safe) == ({}, False)
    other = when_feed_dies(on_two_feeds(lab), "b")
    assert (other.dark, other.load_watts, other.safe) == ((), {"a": 2800.0}, True)


def test_a_feed_that_cannot_take_over_would_trip_next(lab: PodSpec) -> None:
    left = when_feed_dies(on_two_feeds(lab, amps_b=10.0), "a")
    assert left.overloaded == {"b": pytest.approx(2100 - 1840)}
    measured = {f"r1-h{n}": 500.0 for n in range(1, 5)}
    assert not when_feed_dies(on_two_feeds(lab, amps_b=10.0), "a", draw_watts=measured).overloaded


@pytest.mark.parametrize(
    ("count", "capacity_watts", "degraded"),
    [(6, 250, ()), (6, 200, ("r1-h1", "r1-h2", "r1-h3")), (2, 700, ())],
)
def test_a_host_needs_half_of_its_supplies_to_carry_it(
    lab: PodSpec, count: int, capacity_watts: int, degraded: tuple[str, ...]
) -> None:
    spec = on_two_feeds(lab, psus={"count": count, "capacity_watts": capacity_watts})
    assert when_feed_dies(spec, "b").degraded == degraded


def test_hosts_are_spread_evenly_over_three_phases() -> None:
    even = spread_over_phases([2080.0] * 6, line_volts=208.0)
    assert even.amps == pytest.approx((20 * 3**0.5,) * 3)
    assert even.imbalance == pytest.approx(0.0)
    assert spread_over_phases([], line_volts=208.0).imbalance == 0.0


def test_an_even_load_of_the_whole_budget_is_just_within() -> None:
    feed = FeedSpec(rated_amps=50.0, volts=208.0, phases=3)
    hosts = [feed.budget_watts / 6] * 6
    assert spread_over_phases(hosts, line_volts=208.0).within(feed)
    assert not spread_over_phases([w * 1.01 for w in hosts], line_volts=208.0).within(feed)


def test_an_uneven_load_within_the_budget_can_still_trip_a_line() -> None:
    feed = FeedSpec(rated_amps=50.0, volts=208.0, phases=3)
    uneven = spread_over_phases([feed.budget_watts / 4] * 4, line_volts=208.0)
    assert uneven.imbalance > 0.1
    assert not uneven.within(feed)


def test_a_measured_peak_lowers_a_reservation_and_a_wrong_nameplate_shows() -> None:
    power = PowerSpec(nameplate_watts=1000, typical_watts=600, inrush_watts=1500, inrush_s=1.0)
    assert measured_or_nameplate(power, []) == (1000.0, "nameplate")
    assert measured_or_nameplate(power, [700.0, 800.0]) == (pytest.approx(880.0), "measured")
    assert measured_or_nameplate(power, [700.0], samples_min=2) == (1000.0, "nameplate")
    assert measured_or_nameplate(power, [950.0]) == (1000, "nameplate")
    assert measured_or_nameplate(power, [1100.0]) == (1100.0, "measured")
