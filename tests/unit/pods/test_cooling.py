"""Coolant by arithmetic that the published figures confirm, and gates that open only in order."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pods import catalogue
from pods.cooling import (
    GATES,
    WATER,
    Seen,
    check_gates,
    coolant_flow_proven,
    flow_lpm,
    gates,
    gates_of,
    is_liquid,
    rise_kelvin,
)

ORDER = [gate.name for gate in GATES]


@pytest.mark.parametrize(
    ("kw", "rise", "litres"),
    [(120, 10, 182), (120, 15, 122), (120, 20, 91), (142, 10, 216), (142, 15, 144), (142, 20, 108)],
)
def test_a_racks_flow_is_the_published_one(kw: int, rise: int, litres: int) -> None:
    assert round(flow_lpm(kw * 1000, rise_kelvin=rise)) == litres


def test_water_needs_less_than_glycol() -> None:
    assert flow_lpm(120_000, rise_kelvin=10, coolant=WATER) < flow_lpm(120_000, rise_kelvin=10)


@given(st.floats(1, 1e6), st.floats(0.5, 40))
def test_flow_and_rise_are_each_others_answer(heat_watts: float, rise: float) -> None:
    flow = flow_lpm(heat_watts, rise_kelvin=rise)
    assert rise_kelvin(heat_watts, flow_lpm=flow) == pytest.approx(rise)


@pytest.mark.parametrize("nothing", [0.0, -1.0])
def test_no_rise_and_no_flow_carry_nothing(nothing: float) -> None:
    with pytest.raises(ValueError, match="carries no heat"):
        flow_lpm(1.0, rise_kelvin=nothing)
    with pytest.raises(ValueError, match="carries no heat"):
        rise_kelvin(1.0, flow_lpm=nothing)


def test_gates_stand_in_the_order_that_protects_a_rack() -> None:
    assert ORDER == [
        "coolant-flow",
        "leak-detectors",
        "busbar",
        "bmc-standby",
        "hosts-staged",
        "load",
    ]
    assert [gate.name for gate in gates(liquid=False)] == ORDER[2:]


@pytest.mark.parametrize(
    "states", list(itertools.product(["passed", "failed", "unknown"], repeat=3))
)
def test_no_gate_counts_behind_one_that_has_not_passed(states: tuple[Seen, ...]) -> None:
    seen: dict[str, Seen] = dict(zip(ORDER, states, strict=False))
    seen |= dict.fromkeys(ORDER[3:], "passed")
    answer = check_gates(seen, liquid=True)
    first = next((n for n, state in enumerate(states) if state != "passed"), None)
    if first is None:
        assert (answer.gate, answer.passed) == (None, tuple(ORDER))
        return
    assert answer.gate == ORDER[first]
    assert answer.passed == tuple(ORDER[:first])
    assert not answer.may("load")
    assert ("has failed" if states[first] == "failed" else "not proven yet") in answer.reason


def test_what_was_not_observed_is_not_passed() -> None:
    assert check_gates({}, liquid=True).gate == "coolant-flow"
    assert check_gates({}, liquid=False).gate == "busbar"
    assert check_gates({"busbar": "passed"}, liquid=False).may("busbar")


def test_the_worst_branch_decides_over_the_flow() -> None:
    assert coolant_flow_proven([130.0, 121.0], designed_lpm=122) == "passed"
    assert coolant_flow_proven([300.0, 60.0], designed_lpm=122) == "failed"
    assert coolant_flow_proven([130.0, None], designed_lpm=122) == "unknown"
    assert coolant_flow_proven([], designed_lpm=122) == "unknown"


def test_a_liquid_pod_waits_for_its_coolant_and_an_air_one_does_not() -> None:
    liquid, air = catalogue.load("nvl72-gb300"), catalogue.load("lab-4")
    assert (is_liquid(liquid), is_liquid(air)) == (True, False)
    assert gates_of(liquid) == tuple(ORDER[:4])
    assert gates_of(air) == ("busbar", "bmc-standby")
