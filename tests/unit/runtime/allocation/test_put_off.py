"""Of asks of one moment, those that fill their tenant's quota best are served first."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from runtime.allocation.batching import filling
from runtime.allocation.quota import Quota
from tests.unit.runtime.allocation.makers import NOW, ask, part, site, units


def served(limit: int, *counts: int, later: bool = False) -> list[int]:
    """Sizes that are served when one tenant asks for these, under a limit in units."""
    allocator = site(*units("u", 20))
    allocator.quota_seen(Quota("acme", limit_milli=limit * 1000))
    for place, count in enumerate(counts):
        at = NOW + timedelta(seconds=place if later else 0)
        allocator.enqueue(ask(f"a{place}", part(count), at=at))
    found = allocator.serve(NOW + timedelta(minutes=1))
    return sorted(counts[int(one.ask_id[1:])] for one in found)


def test_two_that_fill_the_quota_go_before_one_that_is_larger() -> None:
    assert served(12, 8, 6, 6) == [6, 6]


def test_who_asked_first_goes_first_whatever_fills_better() -> None:
    assert served(12, 8, 6, 6, later=True) == [8]


def test_a_quota_is_not_spent_on_what_others_want_as_well() -> None:
    allocator = site(*units("b", 4), *units("h", 4, unit_class="h200"))
    allocator.quota_seen(Quota("acme", limit_milli=4000))
    allocator.enqueue(ask("contested", part(4)))
    allocator.enqueue(ask("idle", part(4, classes=("h200",))))
    allocator.enqueue(ask("other", part(4), tenant="zeta"))
    assert {one.ask_id for one in allocator.serve(NOW)} == {"idle", "other"}


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(0, 120))
def test_what_is_chosen_is_the_best_that_fits(amounts: list[int], room: int) -> None:
    chosen = filling(amounts, [float(amount) for amount in amounts], room)
    got = sum(amounts[place] for place in chosen)
    sums = {0}
    for amount in amounts:
        sums |= {one + amount for one in sums}
    assert got == max(one for one in sums if one <= room)
