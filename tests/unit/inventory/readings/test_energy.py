"""Energy only ever grows, and what nobody measured is a gap and no guess."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.readings.energy import JOULES_A_KWH, Meter, counted, started

LONGEST_S = 150.0


def test_two_readings_near_each_other_count_with_their_mean() -> None:
    meter = started(0.0, watts=1000.0, counter_kwh=None)

    meter = counted(meter, 60.0, watts=2000.0, counter_kwh=None, longest_s=LONGEST_S)

    assert meter.joules == 90_000
    assert (meter.gaps, meter.gap_s) == (0, 0.0)


def test_a_gap_adds_no_energy_and_says_how_long_it_was() -> None:
    meter = started(0.0, watts=1000.0, counter_kwh=None)

    meter = counted(meter, 3600.0, watts=1000.0, counter_kwh=None, longest_s=LONGEST_S)

    assert meter.joules == 0
    assert (meter.gaps, meter.gap_s) == (1, 3600.0)


def test_a_meter_that_says_nothing_makes_a_gap_until_it_speaks_twice() -> None:
    meter = started(0.0, watts=1000.0, counter_kwh=None)
    meter = counted(meter, 60.0, watts=None, counter_kwh=None, longest_s=LONGEST_S)
    meter = counted(meter, 120.0, watts=1000.0, counter_kwh=None, longest_s=LONGEST_S)
    meter = counted(meter, 180.0, watts=1000.0, counter_kwh=None, longest_s=LONGEST_S)

    assert meter.joules == 60_000
    assert meter.gap_s == 120.0


def test_the_bmcs_own_counter_is_believed_across_a_gap() -> None:
    meter = started(0.0, watts=None, counter_kwh=10.0)

    meter = counted(meter, 7200.0, watts=None, counter_kwh=22.0, longest_s=LONGEST_S)

    assert meter.kwh == pytest.approx(12.0)
    assert meter.gaps == 0


def test_a_counter_that_began_anew_takes_nothing_back() -> None:
    meter = started(0.0, watts=None, counter_kwh=500.0)
    meter = counted(meter, 60.0, watts=None, counter_kwh=501.0, longest_s=LONGEST_S)
    meter = counted(meter, 120.0, watts=None, counter_kwh=0.0, longest_s=LONGEST_S)
    meter = counted(meter, 180.0, watts=None, counter_kwh=1.0, longest_s=LONGEST_S)

    assert meter.joules == 2 * JOULES_A_KWH
    assert (meter.gaps, meter.gap_s) == (1, 60.0)


def test_a_counter_that_leaps_was_set_and_not_counted() -> None:
    meter = started(0.0, watts=None, counter_kwh=0.0)

    meter = counted(meter, 60.0, watts=None, counter_kwh=4_000_000.0, longest_s=LONGEST_S)

    assert meter.joules == 0
    assert meter.gaps == 1


def test_a_clock_that_was_set_back_counts_nothing() -> None:
    meter = started(100.0, watts=1000.0, counter_kwh=None)

    assert counted(meter, 40.0, watts=9.0, counter_kwh=None, longest_s=LONGEST_S) is meter


READ = st.tuples(
    st.floats(-100, 1000, allow_nan=False),
    st.one_of(st.none(), st.floats(0, 20_000)),
    st.one_of(st.none(), st.floats(0, 1000)),
)


@given(st.lists(READ, max_size=30))
def test_it_never_falls_and_never_counts_more_time_than_passed(
    reads: list[tuple[float, float | None, float | None]],
) -> None:
    meter = Meter(since=0.0, at=0.0)
    at = 0.0
    for step, watts, counter in reads:
        at += step
        before = meter
        meter = counted(meter, at, watts=watts, counter_kwh=counter, longest_s=LONGEST_S)
        assert meter.joules >= before.joules
        assert meter.gap_s >= before.gap_s
    assert meter.gap_s <= meter.at - meter.since + 1e-6
