"""Requests a minute, in virtual time."""

from __future__ import annotations

from runtime.limits import RequestLimits


class Time:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_passes_at_once_and_the_next_waits() -> None:
    time = Time()
    limits = RequestLimits(time)
    assert all(limits.take("k", 6).allowed for _ in range(6))
    refused = limits.take("k", 6)
    assert (refused.allowed, refused.remaining) == (False, 0)
    assert refused.retry_after_s == 10.0
    time.now += 9.9
    assert not limits.take("k", 6).allowed
    time.now += 0.2
    assert limits.take("k", 6).allowed


def test_waiting_longer_saves_up_no_more_than_a_minute() -> None:
    time = Time()
    limits = RequestLimits(time)
    limits.take("k", 2)
    time.now += 3600
    assert [limits.take("k", 2).allowed for _ in range(3)] == [True, True, False]


def test_no_limit_is_no_limit() -> None:
    limits = RequestLimits(Time())
    assert all(limits.take("k", 0).allowed for _ in range(1000))


def test_a_forgotten_key_starts_anew() -> None:
    limits = RequestLimits(Time())
    limits.take("k", 1)
    assert not limits.take("k", 1).allowed
    limits.forget_all_but(frozenset())
    assert limits.take("k", 1).allowed
