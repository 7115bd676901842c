"""The ladder is whole and sourced; a figure passes above the floor and 95 % of golden."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pods.acceptance import Rung
from pods.ladder import Golden, LadderTest, judge_figure, ladder
from pods.rating_table import figures

TESTS = {test.test: test for test in ladder().tests}
REDUCE = TESTS["all_reduce_one_host"]
FLAPS = TESTS["link_flaps_24_h"]


def golden(value: float, test: str = "all_reduce_one_host") -> Golden:
    return Golden(
        host_type="hgx-b200-8",
        driver="580.1",
        collective_library="nccl 2.27",
        test=test,
        value=value,
        measured_on="four hosts, 2026-03",
    )


@pytest.mark.parametrize("rung", Rung)
def test_every_rung_has_tests_and_each_says_how(rung: Rung) -> None:
    tests = ladder().rung(rung)
    assert tests
    assert all(test.command or test.measure for test in tests)
    assert all(test.floors for test in tests)


def test_names_stand_once_and_parts_are_known() -> None:
    assert len(TESTS) == len(ladder().tests)
    for test in ladder().tests:
        parts = [floor.part for floor in test.floors]
        assert len(parts) == len(set(parts)), test.test
        assert all(figures(part) for part in parts if part)


def test_the_published_floor_alone_says_that_it_is_alone() -> None:
    verdict = judge_figure(REDUCE, 700, part="b200")
    assert verdict.passed
    assert "only the floor counts" in verdict.reason


def test_what_passes_a_lax_floor_fails_the_golden_value() -> None:
    verdict = judge_figure(REDUCE, 700, part="b200", golden=golden(741))
    assert not verdict.passed
    assert verdict.bar == pytest.approx(0.95 * 741)
    assert judge_figure(REDUCE, 705, part="b200", golden=golden(741)).passed


def test_a_golden_value_never_lowers_the_floor() -> None:
    assert not judge_figure(REDUCE, 435, part="b200", golden=golden(440)).passed


def test_lower_is_better_where_the_test_says_so() -> None:
    assert judge_figure(FLAPS, 5, part="b200").passed
    assert not judge_figure(FLAPS, 6, part="b200").passed
    assert not judge_figure(FLAPS, 3, part="b200", golden=golden(2, FLAPS.test)).passed


@pytest.mark.parametrize("value", [math.nan, math.inf, -1])
def test_what_is_no_measurement_fails(value: float) -> None:
    assert not judge_figure(REDUCE, value, part="b200").passed


def test_without_any_bar_nothing_passes() -> None:
    verdict = judge_figure(REDUCE, 1e9, part="gb300")
    assert not verdict.passed
    assert "measure one" in verdict.reason
    assert judge_figure(REDUCE, 800, part="gb300", golden=golden(840)).passed


def test_a_golden_value_of_another_test_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="golden value is of"):
        judge_figure(REDUCE, 700, part="b200", golden=golden(1, "other"))


def test_a_test_that_says_neither_or_both_ways_is_refused() -> None:
    with pytest.raises(ValidationError, match="either a command or a measure"):
        LadderTest(test="t", rung=Rung.A2_IN_BAND, scope="host", floors=())


@given(value=st.floats(min_value=0, max_value=2000), best=st.floats(min_value=1, max_value=2000))
def test_a_pass_means_both_bars(value: float, best: float) -> None:
    verdict = judge_figure(REDUCE, value, part="b200", golden=golden(best))
    assert verdict.passed == (value >= 440 and value >= 0.95 * best)
