"""The judge of measurements: a floor is reached by a measurement or it is not reached."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pods.acceptance import Measurement, Rung, judge
from pods.spec import Floor, PodSpec

RATIO = Floor(test="matrix_multiply", kind="ratio", floor=0.6)
ABSOLUTE = Floor(test="disk_write", kind="absolute", floor=200.0, unit="MiB/s")


def measured(
    value: float, reference: float | None = 100.0, *, test: str = "matrix_multiply", unit: str = ""
) -> Measurement:
    return Measurement(test=test, value=value, reference=reference, unit=unit)


def test_the_lab_floors_pass_a_healthy_host_and_name_a_slow_one(lab: PodSpec) -> None:
    tests = [floor.test for floor in lab.acceptance.floors]
    healthy = [measured(95.0, test=test) for test in tests]
    assert judge(lab.acceptance.floors, healthy).passed
    slow = [measured(33.0 if test == "matrix_multiply" else 95.0, test=test) for test in tests]
    verdict = judge(lab.acceptance.floors, slow)
    assert not verdict.passed
    (failure,) = verdict.failures()
    assert str(failure) == "matrix_multiply: 0.33 of reference is below the floor of 0.6"


def test_a_busy_machine_slows_host_and_reference_alike_and_passes() -> None:
    assert judge([RATIO], [measured(10.0, reference=11.0)]).passed


def test_exactly_the_floor_is_reached() -> None:
    assert judge([RATIO], [measured(60.0)]).passed


def test_an_absolute_floor_compares_in_its_own_unit() -> None:
    assert judge([ABSOLUTE], [measured(250.0, None, test="disk_write", unit="MiB/s")]).passed
    slow = judge([ABSOLUTE], [measured(150.0, None, test="disk_write", unit="MiB/s")])
    assert "150 MiB/s is below the floor of 200" in slow.lines[0].reason


@pytest.mark.parametrize(
    ("floor", "results", "reason"),
    [
        (RATIO, [], "was not measured"),
        (RATIO, [measured(90.0, test="disk_write")], "was not measured"),
        (RATIO, [measured(90.0), measured(10.0)], "was reported 2 times"),
        (RATIO, [measured(math.nan)], "nan is not a measurement"),
        (RATIO, [measured(math.inf)], "inf is not a measurement"),
        (RATIO, [measured(-1.0)], "-1.0 is not a measurement"),
        (RATIO, [measured(90.0, None)], "has no reference"),
        (RATIO, [measured(90.0, 0.0)], "its reference 0.0 is not"),
        (RATIO, [measured(90.0, math.nan)], "its reference nan is not"),
        (ABSOLUTE, [measured(9e9, test="disk_write", unit="B/s")], "was measured in B/s"),
        (ABSOLUTE, [measured(9e9, test="disk_write")], "was measured in no unit"),
    ],
)
def test_what_cannot_count_counts_against_the_host(
    floor: Floor, results: list[Measurement], reason: str
) -> None:
    verdict = judge([floor], results)
    assert not verdict.passed
    assert verdict.lines[0].reached is None
    assert reason in verdict.lines[0].reason


def test_a_spec_without_floors_passes_nobody() -> None:
    assert not judge([], [measured(100.0)]).passed


def test_the_ladder_has_eight_rungs_in_order() -> None:
    assert [rung.value for rung in Rung] == [f"A{n}" for n in range(8)]


@given(
    floor=st.floats(0.01, 1.5),
    value=st.floats(0, 1e6),
    reference=st.floats(0.001, 1e6),
)
def test_a_ratio_passes_exactly_when_it_reaches_the_floor(
    floor: float, value: float, reference: float
) -> None:
    wanted = Floor(test="disk_write", kind="ratio", floor=floor)
    verdict = judge([wanted], [measured(value, reference, test="disk_write")])
    assert verdict.passed == (value / reference >= floor)
