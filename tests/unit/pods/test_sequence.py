"""No instant over a budget, also with any one feed dead; as short as a bound allows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pods.sequence import Line, NoOrder, Start, most_within, shares, steps, steps_min

FEEDS = ("a", "b", "c")
SLACK_WATTS = 0.01

wirings = st.sampled_from([("a",), ("b",), ("a", "b"), ("b", "a"), ("a", "c"), ("b", "c")])
draws = st.tuples(st.integers(0, 5), st.integers(5, 40), st.integers(0, 60), wirings)
groups = st.lists(draws, min_size=1, max_size=5)
budgets_drawn = st.fixed_dictionaries({feed: st.integers(40, 250) for feed in FEEDS})


def hosts(drawn: Sequence[tuple[int, int, int, tuple[str, ...]]]) -> list[Start]:
    return [
        Start(
            name=f"h{n}",
            position=n,
            feeds=feeds,
            before_watts=before,
            starting_watts=running + excess,
            running_watts=running,
            settle_s=1.0,
        )
        for n, (before, running, excess, feeds) in enumerate(drawn)
    ]


def instants(schedule: Sequence[Sequence[Start]]) -> Iterator[dict[str, float]]:
    """The watts of every host at every instant, told without the code under test."""
    everyone = [start for step in schedule for start in step]
    watts = {start.name: start.before_watts for start in everyone}
    yield dict(watts)
    for step in schedule:
        watts |= {start.name: start.starting_watts for start in step}
        yield dict(watts)
        watts |= {start.name: start.running_watts for start in step}
        yield dict(watts)


def worst_watts(schedule: Sequence[Sequence[Start]]) -> dict[str, float]:
    """Per feed the most it ever carries, whichever one feed is dead or none."""
    everyone = [start for step in schedule for start in step]
    worst = dict.fromkeys(FEEDS, 0.0)
    for watts, dead in itertools.product(list(instants(schedule)), ("", *FEEDS)):
        load = dict.fromkeys(FEEDS, 0.0)
        for start in everyone:
            alive = [feed for feed in start.feeds if feed != dead]
            for feed in alive:
                load[feed] += watts[start.name] / len(alive)
        worst = {feed: max(worst[feed], load[feed]) for feed in FEEDS}
    return worst


def keeps(schedule: Sequence[Sequence[Start]], budgets: dict[str, int]) -> bool:
    return all(w <= budgets[feed] + SLACK_WATTS for feed, w in worst_watts(schedule).items())


def every_schedule(starts: Sequence[Start]) -> Iterator[list[list[Start]]]:
    """Every way to start hosts in groups, shortest first."""
    for count in range(1, len(starts) + 1):
        for places in itertools.product(range(count), repeat=len(starts)):
            if set(places) == set(range(count)):
                yield [
                    [s for s, place in zip(starts, places, strict=True) if place == n]
                    for n in range(count)
                ]


def planned(starts: list[Start], budgets: dict[str, int]) -> tuple[list[list[Start]], int]:
    on = shares((start.name, start.feeds) for start in starts)
    room = {line: float(budgets[line.feed]) for pairs in on.values() for line, _ in pairs}
    return steps(starts, on, room), steps_min(starts, on, room)


@settings(max_examples=60)  # every schedule is tried against each
@given(drawn=groups, budgets=budgets_drawn)
def test_a_schedule_keeps_every_budget_and_is_found_whenever_there_is_one(
    drawn: list[tuple[int, int, int, tuple[str, ...]]], budgets: dict[str, int]
) -> None:
    starts = hosts(drawn)
    shortest = next((s for s in every_schedule(starts) if keeps(s, budgets)), None)
    try:
        found, least = planned(starts, budgets)
    except NoOrder:
        assert shortest is None
        return
    assert keeps(found, budgets)
    assert sorted(s.name for step in found for s in step) == sorted(s.name for s in starts)
    assert shortest is not None
    assert least <= len(shortest) <= len(found)


@given(drawn=groups, budgets=budgets_drawn, shuffled=st.randoms())
def test_the_order_in_which_hosts_are_given_changes_nothing(
    drawn: list[tuple[int, int, int, tuple[str, ...]]], budgets: dict[str, int], shuffled: object
) -> None:
    starts = hosts(drawn)
    try:
        found, _ = planned(starts, budgets)
    except NoOrder:
        return
    mixed = list(starts)
    shuffled.shuffle(mixed)  # type: ignore[attr-defined]
    assert planned(sorted(mixed, key=lambda s: s.position), budgets)[0] == found


def test_a_host_on_two_feeds_must_be_carried_by_either_alone() -> None:
    starts = hosts([(0, 40, 20, ("a", "b"))])
    assert [len(step) for step in planned(starts, {"a": 60, "b": 60})[0]] == [1]
    with pytest.raises(NoOrder) as caught:
        planned(starts, {"a": 60, "b": 59})
    assert caught.value.line == Line("b", "a")
    assert caught.value.missing_watts == 1


def test_hosts_of_other_feeds_do_not_wait_for_a_full_one() -> None:
    starts = hosts([(0, 40, 20, ("a",)), (0, 40, 20, ("a",)), (0, 40, 20, ("b",))])
    found, least = planned(starts, {"a": 100, "b": 100})
    assert [sorted(s.name for s in step) for step in found] == [["h0", "h2"], ["h1"]]
    assert least == 2


def test_a_bound_counts_whole_hosts() -> None:
    # Of the last step's 30 W of room only one host of 20 W can be used, so three steps are needed.
    starts = hosts([(0, 10, 20, ("a",)) for _ in range(4)])
    found, least = planned(starts, {"a": 70, "b": 1, "c": 1})
    assert (len(found), least) == (3, 3)


def test_a_failing_feed_is_shared_by_its_partners() -> None:
    # Dead `a` throws h0 on b and h1 on c; b and c lose nothing to each other.
    starts = hosts([(0, 40, 0, ("a", "b")), (0, 40, 0, ("a", "c"))])
    assert keeps(planned(starts, {"a": 60, "b": 40, "c": 40})[0], {"a": 60, "b": 40, "c": 40})
    with pytest.raises(NoOrder):
        planned(starts, {"a": 59, "b": 40, "c": 40})


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=8), st.integers(0, 40))
def test_the_most_within_a_limit_is_that_of_trying_every_choice(
    pairs: list[tuple[int, int]], limit: int
) -> None:
    best = max(
        sum(worth for _, worth in chosen)
        for count in range(len(pairs) + 1)
        for chosen in itertools.combinations(pairs, count)
        if sum(weight for weight, _ in chosen) <= limit
    )
    assert most_within(limit, pairs) == pytest.approx(best)


def test_a_bound_cut_short_is_never_below_the_truth() -> None:
    pairs = [(100.0 + n / 7, 101.0 + (n * 37 % 11) / 3) for n in range(60)]
    cut = most_within(2500.0, pairs)
    assert cut >= max(sum(worth for _, worth in pairs[k : k + 24]) for k in range(36))
