"""Packed readings come back as they went in; a rollup of rollups is a rollup of the readings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.readings.packing import (
    WINDOW_S,
    WINDOWS_A_DAY,
    Unreadable,
    Window,
    pack_day,
    pack_window,
    unpack_day,
    unpack_window,
)
from inventory.readings.rollup import EMPTY, Bucket, rolled_up
from inventory.readings.series import QUANTA_MAX, SORTS, measure, quanta, series_name

NAMES = st.sampled_from(["power", "temperature.gpu-0", "leak.a", "energy"])
NUMBERS = st.one_of(st.none(), st.integers(-QUANTA_MAX, QUANTA_MAX))
COLUMNS = st.lists(NUMBERS, max_size=20)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    offsets = sorted(draw(st.sets(st.integers(0, WINDOW_S - 1), max_size=12)))
    made = Window(start=draw(st.integers(0, 10**7)) * WINDOW_S)
    names = sorted(draw(st.sets(NAMES)))
    for offset in offsets:
        made.add(offset, {name: draw(NUMBERS) for name in names if draw(st.booleans())})
    return made


@given(windows())
def test_a_window_comes_back_as_it_was_packed(window: Window) -> None:
    packed = pack_window(window)

    assert unpack_window(window.start, window.layout, packed) == window


@given(st.dictionaries(st.integers(0, WINDOWS_A_DAY - 1), COLUMNS, max_size=8))
def test_a_day_comes_back_as_it_was_packed(columns: dict[int, list[int | None]]) -> None:
    told = [rolled_up(columns.get(n, [])) for n in range(WINDOWS_A_DAY)]
    day = {"power": told, "leak.a": [EMPTY] * WINDOWS_A_DAY}

    assert unpack_day(sorted(day), pack_day(day)) == day


@given(COLUMNS, COLUMNS, COLUMNS)
def test_a_rollup_of_rollups_equals_the_rollup_of_their_readings(
    first: list[int | None], second: list[int | None], third: list[int | None]
) -> None:
    apart = rolled_up(first) + rolled_up(second) + rolled_up(third)

    assert apart == rolled_up([*first, *second, *third])


@given(COLUMNS)
def test_a_rollup_says_what_its_readings_say(column: list[int | None]) -> None:
    told = [one for one in column if one is not None]

    found = rolled_up(column)

    assert found.count == len(told)
    if told:
        assert (found.least, found.most, found.total) == (min(told), max(told), sum(told))


def test_nothing_read_is_not_a_zero() -> None:
    assert rolled_up([None, None]) == EMPTY
    assert rolled_up([0, None]) == Bucket(1, 0, 0, 0)


def test_a_column_that_comes_later_was_not_there_before() -> None:
    window = Window(start=0)
    window.add(0, {"power": 5})
    window.add(60, {"power": 6, "leak.a": 0})
    window.add(120, {"leak.a": 1})

    assert window.columns == {"power": [5, 6, None], "leak.a": [None, 0, 1]}
    assert window.last("power") == 6


@pytest.mark.parametrize("cut", [0, 1, 3, -1])
def test_what_was_cut_off_is_refused_not_read_short(cut: int) -> None:
    window = Window(start=0)
    window.add(0, {"power": 500, "leak.a": 7000})
    window.add(60, {"power": 501, "leak.a": 7001})

    with pytest.raises(Unreadable):
        unpack_window(0, window.layout, pack_window(window)[:cut])


def test_twenty_series_of_five_minutes_are_small() -> None:
    window = Window(start=0)
    for minute in range(5):
        values: dict[str, int | None] = {
            f"temperature.s{n}": 300 + n + minute % 2 for n in range(19)
        }
        window.add(minute * 60 + 3, {"power": 65_000 + 111 * minute, **values})

    assert len(pack_window(window)) <= 140


@pytest.mark.parametrize("name", sorted(SORTS))
def test_a_reading_is_kept_to_its_quantum(name: str) -> None:
    quantum = SORTS[name].quantum

    steps = quanta(name, 213 * quantum)

    assert steps == 213
    assert measure(name, steps) == pytest.approx(213 * quantum, abs=0)


def test_what_no_sensor_reads_is_not_kept() -> None:
    assert quanta("power", 1e300) is None


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("GPU 0 Temp", "temperature.gpu-0-temp"),
        ("<script>alert(1)</script>", "temperature.script-alert-1-script"),
        ("\u00e9", "temperature"),
        ("", "temperature"),
        ("x" * 200, "temperature." + "x" * 52),
    ],
)
def test_a_place_is_named_in_small_letters(said: str, name: str) -> None:
    assert series_name("temperature", said) == name
