"""An undelivered message is tried for three days, and then given up aloud."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from inventory.outbound.schedule import WAITS, next_try

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_the_waits_grow_and_end_after_the_last() -> None:
    tries = [next_try("msg_a_1", failures=n, now=NOW) for n in range(1, len(WAITS) + 1)]
    assert all(at is not None for at in tries)
    assert sorted(tries, key=str) == tries
    assert next_try("msg_a_1", failures=len(WAITS) + 1, now=NOW) is None


def test_all_tries_together_take_three_days() -> None:
    assert timedelta(days=3) <= sum(WAITS, timedelta()) <= timedelta(days=4)


def test_messages_do_not_all_come_back_at_the_same_moment() -> None:
    times = {next_try(f"msg_a_{n}", failures=2, now=NOW) for n in range(50)}
    assert len(times) > 25
    assert all(WAITS[1] <= at - NOW <= WAITS[1] * 1.1 for at in times if at)


def test_a_receiver_may_ask_for_more_time_up_to_a_day() -> None:
    hour, year = timedelta(hours=1), timedelta(days=365)
    assert next_try("m", failures=1, now=NOW, asked=hour) == NOW + hour
    assert next_try("m", failures=1, now=NOW, asked=year) == NOW + timedelta(days=1)
