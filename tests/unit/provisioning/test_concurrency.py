"""Limits that are found out: they meet a knee, fall in a freeze, and hear one vote a host."""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.concurrency import Limit, Usual, Width

MOST = 1024
Server = Callable[[int], float]
"""What an exchange takes beside so many others; infinite: it is lost."""


def worked(
    limit: Limit, server: Server, *, rounds: int, hosts: int = 200, deadline_s: float = 10.0
) -> list[int]:
    """The limit after each round in which every place is taken."""
    usual, found = Usual(), []
    for number in range(rounds):
        places = limit.at_once
        for taken in range(places):
            assert limit.takes(taken)
        assert not limit.takes(places)
        for exchange in range(4 * places):
            took_s = server(places)
            lost = took_s > deadline_s
            troubled = lost or usual.is_slow(took_s)
            if not lost:
                usual.hear(took_s, at=float(number))
            limit.hear(f"h{(number * 7 + exchange) % hosts}", troubled=troubled)
        found.append(limit.at_once)
    return found


def test_the_limit_of_a_server_with_a_known_knee_is_found_within_a_factor() -> None:
    for knee in (40, 150):
        limit = Limit(4, MOST, 16.0)

        def server(at_once: int, knee: int = knee) -> float:
            return 0.5 * max(1.0, at_once / knee)

        found = worked(limit, server, rounds=80)[30:]
        assert knee <= max(found), knee
        assert max(found) <= 8 * knee, knee
        assert min(found) >= knee / 2, knee


def test_it_backs_off_when_the_server_freezes_and_comes_back_after_it() -> None:
    limit = Limit(4, MOST, 64.0)
    before = worked(limit, lambda _n: 0.1, rounds=20)[-1]
    frozen = worked(limit, lambda _n: 99.0, rounds=30)[-1]
    assert limit.narrowed == "100% of the exchanges with 16 hosts were late or unanswered"
    after = worked(limit, lambda _n: 0.1, rounds=120)[-1]
    assert (before, frozen) == (MOST, 4)
    assert after > MOST / 4
    worked(limit, lambda _n: 0.1, rounds=200)
    assert (limit.at_once, limit.narrowed) == (MOST, "")


def test_it_says_when_it_was_the_controller_that_was_late() -> None:
    limit = Limit(4, MOST, 64.0)
    for number in range(1000):
        limit.hear(f"h{number % 50}", troubled=False, behind=True)
    assert limit.narrowed == "the controller was itself behind during 100% of exchanges"


def test_a_server_that_freezes_beyond_its_knee_is_not_asked_much_more_than_it_can() -> None:
    limit = Limit(4, MOST, 16.0)
    found = worked(limit, lambda n: 0.1 if n <= 100 else 99.0, rounds=120)[40:]
    assert max(found) < 2 * 100
    assert min(found) > 100 / 2
    assert sum(one <= 100 for one in found) > len(found) / 2


@settings(max_examples=8, deadline=None)
@given(st.floats(0.0, 0.35), st.integers(0, 99))
def test_bad_luck_shrinks_nothing(share: float, seed: int) -> None:
    luck = random.Random(seed)
    limit = Limit(4, 256, 64.0)
    found = worked(limit, lambda _n: 99.0 if luck.random() < share else 0.1, rounds=20, hosts=40)
    assert found[-1] >= 64


def test_one_host_that_says_much_has_one_vote() -> None:
    limit = Limit(4, MOST, 64.0)
    for number in range(4000):
        limit.takes(limit.at_once)
        limit.hear("dead" if number % 4 else f"h{number % 50}", troubled=number % 4 != 0)
    assert limit.at_once > 64


def test_slow_hosts_that_were_asked_once_are_not_the_place() -> None:
    limit = Limit(4, MOST, 64.0)
    for number in range(8000):  # four of five hosts heard of are slow, of one exchange in four
        limit.takes(limit.at_once)
        is_slow = number % 4 == 0
        limit.hear(f"slow{number}" if is_slow else f"h{number % 16}", troubled=is_slow)
    assert limit.at_once > 64


def test_two_hosts_cannot_tell_a_slow_place_from_a_slow_host() -> None:
    limit = Limit(4, MOST, 64.0)
    for number in range(1000):
        limit.hear(f"h{number % 2}", troubled=True)
    assert limit.at_once == 64


def test_a_limit_that_nobody_meets_does_not_grow() -> None:
    limit = Limit(4, MOST, 64.0)
    for number in range(10_000):
        assert limit.takes(10)
        limit.hear(f"h{number % 50}", troubled=False)
    assert limit.at_once == 64


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.integers(0, 80)), max_size=2000))
def test_a_limit_stays_within_its_bounds(heard: list[tuple[int, bool, int]]) -> None:
    limit = Limit(3, 50, 10.0)
    for host, troubled, taken in heard:
        assert limit.takes(taken) == (taken < limit.at_once)
        limit.hear(str(host), troubled=troubled)
        assert 3 <= limit.at_once <= 50


def test_a_model_whose_bmcs_fail_at_two_reads_at_once_is_asked_one() -> None:
    width, luck = Width(3, 3), random.Random(1)
    for _ in range(4000):
        together = width.value > 1 and luck.random() < 0.8
        width.hear(together=together, troubled=together and luck.random() < 0.6)
    assert width.value == 1


def test_trouble_that_is_there_alone_too_narrows_no_model() -> None:
    width, luck = Width(3, 3), random.Random(1)
    for _ in range(4000):
        width.hear(together=luck.random() < 0.7, troubled=luck.random() < 0.6)
    assert width.value == 3


def test_a_model_that_got_better_is_asked_more_again() -> None:
    width = Width(3, 1)
    for _ in range(4000):
        width.hear(together=width.value > 1, troubled=False)
    assert width.value == 3


@given(st.lists(st.floats(0.01, 5.0), min_size=1, max_size=200))
def test_what_is_usual_is_never_above_what_was_heard(took_s: list[float]) -> None:
    usual = Usual()
    for number, one in enumerate(took_s):
        usual.hear(one, at=number * 0.01)
        assert usual.s is not None
        assert min(took_s[: number + 1]) <= usual.s <= max(took_s[: number + 1])


def test_what_became_worse_for_good_is_usual_after_some_minutes() -> None:
    usual = Usual()
    usual.hear(0.3, at=0.0)
    assert usual.is_slow(3.0)
    for second in range(1200):
        usual.hear(3.0, at=float(second))
    assert not usual.is_slow(3.0)
