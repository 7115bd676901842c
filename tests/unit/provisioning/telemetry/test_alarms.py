"""An alarm tells that something got worse, once."""

from __future__ import annotations

import pytest

from provisioning.telemetry.alarms import alarms
from provisioning.telemetry.listening import Intake, Rate

DRY = {"power": 900.0, "leak.a": 0.0, "feedless": 0.0}


@pytest.mark.parametrize(
    ("before", "now", "kinds"),
    [
        (DRY, DRY, []),
        (DRY, {**DRY, "leak.a": 1.0}, ["leak"]),
        (DRY, {**DRY, "leak.a": 2.0}, ["leak"]),
        ({**DRY, "leak.a": 1.0}, {**DRY, "leak.a": 2.0}, ["leak"]),
        ({**DRY, "leak.a": 2.0}, {**DRY, "leak.a": 2.0}, []),
        ({**DRY, "leak.a": 2.0}, {**DRY, "leak.a": 1.0}, []),
        ({}, {**DRY, "leak.a": 2.0}, ["leak"]),
        (DRY, {**DRY, "feedless": 2.0}, ["feed-lost"]),
        ({**DRY, "feedless": 2.0}, {**DRY, "feedless": 2.0}, []),
        (DRY, {**DRY, "power": 40.0}, ["draw-lost"]),
        (DRY, {**DRY, "power": 400.0}, []),
        (DRY, {"leak.a": 0.0}, []),
        ({}, {"power": 0.0}, []),
    ],
)
def test_only_what_got_worse_alarms(
    before: dict[str, float], now: dict[str, float], kinds: list[str]
) -> None:
    assert [one.kind for one in alarms(before, now)] == kinds


def test_a_rate_lets_a_burst_through_and_then_so_many_a_minute() -> None:
    rate = Rate(per_minute=30)

    burst = sum(rate.admits(100.0) for _ in range(100))
    minute = sum(rate.admits(100.0 + tenth / 10) for tenth in range(600))

    assert burst == 30
    assert 28 <= minute <= 30


def test_a_bmc_that_floods_takes_nothing_from_the_others() -> None:
    heard: list[str] = []
    intake = Intake(per_minute=10, on_event=heard.append)
    for _ in range(1000):
        intake.heard("flooding", now=5.0)
    intake.heard("calm", now=5.0)

    assert heard == ["flooding"] * 10 + ["calm"]
    assert (intake.taken, intake.dropped) == (11, 990)
