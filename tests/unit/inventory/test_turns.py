"""Pods share the free places, however many hosts each has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inventory.turns import Turns


def waiting(**pods: int) -> list[tuple[str, str]]:
    """Hosts that wait, in the order in which they became due: pod after pod."""
    return [(f"{pod}-{number}", pod) for pod, count in pods.items() for number in range(count)]


def test_a_pod_of_five_does_not_wait_for_one_of_five_thousand() -> None:
    turns = Turns()
    turns.waiting(waiting(large=5000, small=5))
    found = turns.pick(64, busy=())
    assert [host for host in found if host.startswith("small")] == [
        f"small-{number}" for number in range(5)
    ]
    assert len(found) == 64


def test_who_has_more_at_work_waits() -> None:
    turns = Turns()
    turns.waiting(waiting(a=10, b=10))
    first = turns.pick(4, busy=())
    turns.waiting(waiting(a=10, b=10))
    assert turns.pick(1, busy=[host for host in first if host.startswith("a")]) == ["b-0"]


def test_within_a_pod_the_longest_due_goes_first() -> None:
    turns = Turns()
    turns.waiting(waiting(a=5))
    assert turns.pick(3, busy=["a-1"]) == ["a-0", "a-2", "a-3"]


def test_who_holds_what_others_wait_for_goes_ahead_of_the_line_and_does_not_stop_it() -> None:
    turns = Turns()
    turns.waiting(waiting(a=100), ahead={f"a-{number}" for number in range(90, 100)})
    found = turns.pick(8, busy=())
    assert found == ["a-90", "a-91", "a-92", "a-0", "a-93", "a-94", "a-95", "a-1"]
    assert sorted(found + turns.pick(100, busy=())) == sorted(f"a-{n}" for n in range(100))


@given(st.lists(st.integers(0, 30), min_size=1, max_size=6), st.integers(1, 50))
def test_nobody_is_named_twice_and_no_place_stays_free(sizes: list[int], room: int) -> None:
    turns, due = Turns(), waiting(**{f"p{n}": size for n, size in enumerate(sizes)})
    turns.waiting(due)
    found = turns.pick(room, busy=())
    assert len(found) == len(set(found)) == min(room, len(due))
    taken = [sum(host.startswith(f"p{n}-") for host in found) for n in range(len(sizes))]
    unserved = [taken[n] for n, size in enumerate(sizes) if taken[n] < size]
    assert not unserved or max(taken) <= min(unserved) + 1
