"""A breaker's curve keeps every point that the standard sets."""

from __future__ import annotations

import pytest

from pods.spec import FeedSpec
from provisioning.simulator.distribution.breaker import CARRIES, CARRIES_ABOVE_125_A, Breaker

RATED = 4600.0
HOUR_S = 3600.0


def opens_s(times: float, *, heat: float = 0.0) -> float | None:
    return Breaker(RATED).seconds_to_open(heat, times * RATED)


def test_it_carries_its_rating_and_thirteen_percent_more_for_good() -> None:
    assert opens_s(1.0) is None
    assert opens_s(CARRIES) is None


@pytest.mark.parametrize(
    ("times", "least_s", "most_s"),
    [(1.45, 0.0, HOUR_S), (2.55, 1.0, 60.0), (5.0, 0.0, 0.1), (10.0, 0.0, 0.1)],
)
def test_it_opens_within_the_time_of_the_standard(
    times: float, least_s: float, most_s: float
) -> None:
    found = opens_s(times)
    assert found is not None
    assert least_s * 0.999 <= found <= most_s


def test_a_warm_one_opens_sooner_and_cools_when_the_load_has_gone() -> None:
    breaker, watts = Breaker(RATED), 2 * RATED
    cold = breaker.seconds_to_open(0.0, watts)
    assert cold is not None
    warm = breaker.heat_after(0.0, watts, cold / 2)
    rest = breaker.seconds_to_open(warm, watts)
    assert rest == pytest.approx(cold / 2)
    cooled = breaker.heat_after(warm, 0.0, 60.0)
    assert breaker.seconds_to_open(cooled, watts) == pytest.approx(cold, rel=0.01)


def test_a_short_inrush_passes_and_a_long_one_does_not() -> None:
    found = opens_s(2.0)
    assert found is not None
    assert 1.5 < found < 3.0


def test_a_feeds_budget_is_a_share_of_the_rating_that_opens_it() -> None:
    small = Breaker.of(FeedSpec(rated_amps=20, volts=230))
    assert small.rated_watts == pytest.approx(4600)
    assert small.carries == CARRIES
    large = Breaker.of(FeedSpec(rated_amps=400, volts=415, phases=3))
    assert large.carries == CARRIES_ABOVE_125_A
