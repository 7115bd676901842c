"""A machine's clock that is set does not hurry or delay what waits for time to pass."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from inventory.clock import FOLLOW, SteadyClock

HOUR = 3600.0


@dataclass
class Machine:
    """Two clocks: the one that can be set, and the one that cannot."""

    wall: float = 1_000_000.0
    up: float = 50.0

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.up += seconds


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def clock(machine: Machine) -> SteadyClock:
    return SteadyClock(wall=lambda: machine.wall, elapsed=lambda: machine.up)


def test_it_is_the_machines_own_while_nobody_sets_that(
    machine: Machine, clock: SteadyClock
) -> None:
    for seconds in (0.0, 0.001, 5.0, 86400.0):
        machine.passes(seconds)
        assert clock.now().timestamp() == pytest.approx(machine.wall)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_ten_seconds_stay_about_ten_seconds_whatever_the_machine_says(
    machine: Machine, clock: SteadyClock, jump: float
) -> None:
    before = clock.now()
    machine.wall += jump
    assert clock.now() == before
    for _ in range(100):
        machine.passes(0.1)
        clock.now()
    passed = (clock.now() - before).total_seconds()
    assert abs(passed - 10.0) <= 10.0 * FOLLOW + 1e-6


def test_where_the_machine_was_set_back_meanwhile_it_goes_on_from_what_was_written(
    machine: Machine,
) -> None:
    """Else whatever was begun a moment before would seem to begin in an hour."""
    known = datetime.fromtimestamp(machine.wall + HOUR, UTC)
    clock = SteadyClock(wall=lambda: machine.wall, elapsed=lambda: machine.up, known=known)
    assert clock.now() == known
    machine.passes(10.0)
    assert (clock.now() - known).total_seconds() == pytest.approx(9.0)
    machine.passes(11 * HOUR)
    assert clock.now().timestamp() == pytest.approx(machine.wall)


@pytest.mark.parametrize("ahead", [-HOUR, 2 * 86400.0])
def test_what_was_written_long_ago_or_by_a_clock_in_another_year_does_not_count(
    machine: Machine, ahead: float
) -> None:
    known = datetime.fromtimestamp(machine.wall + ahead, UTC)
    clock = SteadyClock(wall=lambda: machine.wall, elapsed=lambda: machine.up, known=known)
    assert clock.now().timestamp() == machine.wall


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_it_is_there_after_ten_hours(machine: Machine, clock: SteadyClock, jump: float) -> None:
    machine.wall += jump
    for _ in range(600):
        machine.passes(61.0)
        clock.now()
    assert clock.now().timestamp() == pytest.approx(machine.wall)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_it_never_goes_back(machine: Machine, clock: SteadyClock, jump: float) -> None:
    told = [clock.now()]
    machine.wall += jump
    for _ in range(100):
        machine.passes(0.01)
        told.append(clock.now())
    assert told == sorted(told)


def test_a_clock_that_was_set_is_said_once(
    machine: Machine, clock: SteadyClock, caplog: pytest.LogCaptureFixture
) -> None:
    machine.wall += HOUR
    for _ in range(5):
        machine.passes(1.0)
        clock.now()
    assert [record.getMessage() for record in caplog.records] == [
        "the machine's clock was set; following slowly"
    ]
