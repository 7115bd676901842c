"""Counters: what they grew by, and that a reset is seen and never counts below nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inventory.readings.asked import raw, stepped
from inventory.readings.growth import growths
from inventory.readings.packing import DAY_S, WINDOW_S, Day, Window
from inventory.readings.rollup import EMPTY, rolled_up

START = 20_000 * DAY_S


def window(index: int, value: int, name: str = "ecc.gpu-0") -> Window:
    made = Window(start=START + index * WINDOW_S)
    made.add(7, {name: value})
    return made


COUNTED = [100, 103, 103, 2, 5]
"""It was reset between the third and the fourth."""


def test_a_counter_that_begins_anew_is_told_and_grew_by_what_it_counted_since() -> None:
    found = growths(enumerate(COUNTED))
    assert [one.steps for one in found] == [3, 0, 2, 3]
    assert [one.at for one in found if one.anew] == [3]


@given(st.lists(st.integers(0, 10**9), max_size=50))
def test_no_counter_ever_grows_by_less_than_nothing(said: list[int]) -> None:
    found = growths(enumerate(said))
    assert all(one.steps >= 0 for one in found)
    assert len(found) == max(0, len(said) - 1)


def test_raw_readings_say_it() -> None:
    windows = [window(index, value) for index, value in enumerate(COUNTED)]
    answer = raw(windows, since=START, until=START + 5 * WINDOW_S, wanted=())
    (column,) = answer.columns
    assert [one for one in column.grew if one is not None] == [3.0, 0.0, 2.0, 3.0]
    assert column.anew == (START + 3 * WINDOW_S + 7,)
    assert len(column.grew) == len(answer.at)


def test_coarser_steps_add_it_up_across_rollups_and_raw_readings() -> None:
    day: Day = {"ecc.gpu-0": [rolled_up([value]) for value in COUNTED[:3]] + [EMPTY] * 285}
    windows = [window(index, value) for index, value in list(enumerate(COUNTED))[3:]]
    answer = stepped(
        {START // DAY_S: day}, windows, since=START, until=START + 3600, step_s=900, wanted=()
    )
    (column,) = answer.columns
    assert column.grew == (3.0, 5.0, None, None)
    assert column.anew == (START + 3 * WINDOW_S,)


def test_what_is_no_counter_has_no_growth() -> None:
    windows = [window(0, 50, "power"), window(1, 40, "power")]
    raw_answer = raw(windows, since=START, until=START + 600, wanted=())
    coarse = stepped({}, windows, since=START, until=START + 600, step_s=300, wanted=())
    for answer in (raw_answer, coarse):
        assert answer.columns[0].grew == ()
        assert answer.columns[0].anew == ()
