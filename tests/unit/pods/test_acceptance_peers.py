"""One slow accelerator among its peers is named, whatever the host reaches as a whole."""

from __future__ import annotations

import pytest

from pods.acceptance import Measurement, judge
from pods.spec import Floor

FLOORS = (Floor(test="matrix_multiply", kind="ratio", floor=0.8),)
WHOLE = Measurement(test="matrix_multiply", value=1.0, reference=1.0)


def parts(*values: float) -> list[Measurement]:
    """One measurement an accelerator."""
    return [
        WHOLE,
        *(
            Measurement(test="matrix_multiply", value=value, part=f"GPU{number}")
            for number, value in enumerate(values)
        ),
    ]


def test_a_third_of_its_peers_speed_is_named() -> None:
    verdict = judge(FLOORS, parts(99, 101, 33, 100, 98, 100, 102, 100))

    assert not verdict.passed
    (line,) = verdict.failures()
    assert "GPU2 runs at 0.33 of its peers" in line.reason
    assert "GPU1" not in line.reason
    assert line.reached == pytest.approx(0.33)


def test_several_slow_ones_are_all_named() -> None:
    (line,) = judge(FLOORS, parts(100, 30, 100, 40, 100, 100)).failures()

    assert "GPU1" in line.reason
    assert "GPU3" in line.reason


def test_a_few_percent_are_no_reason() -> None:
    assert judge(FLOORS, parts(97, 103, 100, 99)).passed
    assert not judge(FLOORS, parts(97, 103, 100, 99), peer_share=0.98).passed


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1.0, 0.0])
def test_what_is_no_measurement_is_no_pass(wrong: float) -> None:
    assert not judge(FLOORS, parts(wrong, wrong, wrong)).passed


def test_parts_do_not_stand_for_the_whole() -> None:
    verdict = judge(FLOORS, parts(100, 100)[1:])

    assert not verdict.passed
    assert "was not measured" in verdict.failures()[0].reason
