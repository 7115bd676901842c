"""The order of firmware versions: wrongly answered, a host is flashed backwards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pods.versions import Order, order

ASCENDING = [
    ("1.8.0", "1.8.1"),
    ("1.9.0", "1.10.0"),
    ("2.4", "2.4.1"),
    ("24.08.2", "24.09.1"),
    ("46.02.07", "46.02.10"),
    ("v2.4.0", "2.4.1"),
    ("2.4.1", "2.4.1a"),
    ("2.4.1a", "2.4.1b"),
    ("A05", "A12"),
    ("2.4.1-rc1", "2.4.1"),
    ("2.4.1-rc1", "2.4.1-rc2"),
    ("2.4.1-alpha1", "2.4.1-beta1"),
    ("2.4.0", "2.4.1-rc1"),
    ("2.4.1+76", "2.4.1+77"),
    ("2.4.1-b9", "2.4.1-b10"),
    ("2.4.1 build 9", "2.4.1 build 10"),
    ("2.4.0+99", "2.4.1+1"),
    ("iLO 5 v2.72", "iLO 5 v2.78"),
    ("U46 v2.34 (02/01/2024)", "U46 v2.50 (01/01/2023)"),
]

SAME = [
    ("2.4.1", "2.4.1"),
    ("2.4", "2.4.0"),
    ("V2.4.1", "v2.4.1"),
    ("v2.4.1", "2.4.1"),
    ("02.04.01", "2.4.1"),
    ("2.4.1", "2.4.1+77"),
    ("2.4.1 (2024-01-01)", "2.4.1"),
    ("unreadable", "unreadable"),
]

UNCLEAR = [
    ("", "2.4.1"),
    ("", ""),
    ("unknown", "2.4.1"),
    ("U46 v2.34", "P89 v2.34"),
    ("hgx 1.2", "dgx 1.2"),
    ("2.4.rc", "2.4.foo"),
    ("2.a.1", "2.4.1"),
    ("2.4.1-dev", "2.4.1-rc"),
]


@pytest.mark.parametrize(("older", "newer"), ASCENDING)
def test_the_older_of_two_vendor_versions_is_behind(older: str, newer: str) -> None:
    assert order(older, wanted=newer) is Order.BEHIND
    assert order(newer, wanted=older) is Order.AHEAD


@pytest.mark.parametrize(("a", "b"), SAME)
def test_two_spellings_of_one_version_are_the_same(a: str, b: str) -> None:
    assert order(a, wanted=b) is Order.SAME
    assert order(b, wanted=a) is Order.SAME


@pytest.mark.parametrize(("a", "b"), UNCLEAR)
def test_versions_without_a_plain_order_are_unclear(a: str, b: str) -> None:
    assert order(a, wanted=b) is Order.UNCLEAR
    assert order(b, wanted=a) is Order.UNCLEAR


dotted = st.lists(st.integers(0, 30), min_size=1, max_size=4)


@given(dotted, dotted)
def test_dotted_numbers_are_ordered_as_tuples(a: list[int], b: list[int]) -> None:
    width = max(len(a), len(b))
    left, right = ([*n, *[0] * (width - len(n))] for n in (a, b))
    expected = Order.SAME if left == right else Order.BEHIND if left < right else Order.AHEAD
    assert order(".".join(map(str, a)), wanted=".".join(map(str, b))) is expected


MIRROR = {
    Order.BEHIND: Order.AHEAD,
    Order.AHEAD: Order.BEHIND,
    Order.SAME: Order.SAME,
    Order.UNCLEAR: Order.UNCLEAR,
}
any_version = st.text("0123456789.ab-+rc v()", max_size=12) | st.text(max_size=12)


@given(any_version, any_version)
def test_turning_the_question_round_turns_the_answer_round(a: str, b: str) -> None:
    assert order(a, wanted=b) is MIRROR[order(b, wanted=a)]
