"""The peer rule: one at a third is always named, equals are never accused, doubt is no pass."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pods.peers import FAR, PEERS_MIN, judge_peers

speeds = st.floats(min_value=0.1, max_value=1e6)


def group(values: list[float]) -> dict[str, float]:
    return {f"gpu-{index}": value for index, value in enumerate(values)}


def test_one_gpu_at_a_third_of_its_neighbours_is_named() -> None:
    verdict = judge_peers(group([1740, 1745, 1738, 580, 1751, 1744, 1739, 1742]))
    assert not verdict.passed
    (outlier,) = verdict.outliers
    assert outlier.name == "gpu-3"
    assert str(outlier) == "gpu-3 reaches 33% of its peers' median"


@given(
    base=speeds,
    scatter=st.lists(st.floats(min_value=0.9, max_value=1.1), min_size=PEERS_MIN - 1, max_size=72),
    slow=st.floats(min_value=0.01, max_value=1 / 3),
    data=st.data(),
)
def test_a_third_of_the_neighbours_is_caught_wherever_it_stands_and_however_they_scatter(
    base: float, scatter: list[float], slow: float, data: st.DataObject
) -> None:
    values = [base * factor for factor in scatter]
    place = data.draw(st.integers(min_value=0, max_value=len(values)))
    values.insert(place, base * slow)
    verdict = judge_peers(group(values))
    assert verdict.outliers[0].name == f"gpu-{place}"


@given(
    base=speeds,
    scatter=st.lists(st.floats(min_value=0.976, max_value=1.0), min_size=PEERS_MIN, max_size=72),
)
def test_equals_are_never_accused(base: float, scatter: list[float]) -> None:
    assert judge_peers(group([base * factor for factor in scatter])).passed


@given(values=st.lists(speeds, min_size=PEERS_MIN, max_size=40))
def test_the_verdict_knows_no_order_and_takes_times_for_speeds(values: list[float]) -> None:
    named = {outlier.name for outlier in judge_peers(group(values)).outliers}
    times = {name: 1 / value for name, value in group(values).items()}
    turned = dict(reversed(group(values).items()))
    assert {one.name for one in judge_peers(turned).outliers} == named
    assert {one.name for one in judge_peers(times, better="lower").outliers} == named or any(
        # 1 / (1 / x) may differ in the last bit: then a value stands exactly on a limit.
        math.isclose(value / other, limit, rel_tol=1e-9)
        for value in values
        for other in values
        for limit in (FAR, 0.95)
    )


@given(values=st.lists(speeds, min_size=PEERS_MIN, max_size=40))
def test_only_what_is_worse_is_accused(values: list[float]) -> None:
    verdict = judge_peers(group(values))
    assert verdict.median is not None
    assert all(one.value < verdict.median for one in verdict.outliers)


def test_half_a_group_at_a_third_cannot_hide_in_its_own_scatter() -> None:
    verdict = judge_peers(group([1.0, 1.0, 1.0, 1.0, 1 / 3, 1 / 3, 1 / 3, 1 / 3]))
    assert [one.name for one in verdict.outliers] == ["gpu-4", "gpu-5", "gpu-6", "gpu-7"]


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 1.0, 0.3]])
def test_too_few_peers_are_no_pass(values: list[float]) -> None:
    verdict = judge_peers(group(values))
    assert not verdict.passed
    assert "too few" in verdict.problem


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.0])
def test_a_member_without_a_measurement_is_no_pass(value: float) -> None:
    verdict = judge_peers(group([1.0, 1.0, 1.0, value]))
    assert not verdict.passed
    assert verdict.problem == "no measurement from gpu-3"
