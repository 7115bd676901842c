"""Gaps are nulls, at every resolution; what is kept twice counts once."""

from __future__ import annotations

from inventory.readings.asked import GAP_S, RAW, finest, raw, stepped
from inventory.readings.packing import DAY_S, WINDOW_S, WINDOWS_A_DAY, Window
from inventory.readings.rollup import EMPTY, Bucket

DAY = 20_000
START = DAY * DAY_S


def window(index: int, *offsets: int, power: int = 1000) -> Window:
    made = Window(start=START + index * WINDOW_S)
    for offset in offsets:
        made.add(offset, {"power": power + offset})
    return made


def test_raw_readings_stand_at_their_moments_and_a_hole_is_a_nothing() -> None:
    windows = [window(0, 0, 60, 120), window(2, 0)]

    found = raw(windows, since=START, until=START + 700, wanted=())

    assert found.at == (START, START + 60, START + 120, START + 360, START + 600)
    assert found.columns[0].mean == (100.0, 106.0, 112.0, None, 100.0)
    assert found.gaps == ((START + 120, START + 600),)


def test_nothing_read_at_all_is_one_gap() -> None:
    found = raw([], since=START, until=START + 3600, wanted=())

    assert (found.at, found.columns, found.gaps) == ((), (), ((START, START + 3600),))
    assert GAP_S < 3600


def test_a_grid_has_a_null_where_nothing_was_read() -> None:
    found = stepped(
        {}, [window(0, 0, 60), window(3, 0)],
        since=START, until=START + 4 * WINDOW_S, step_s=WINDOW_S, wanted=(),
    )  # fmt: skip

    (column,) = found.columns
    assert column.mean == (103.0, None, None, 100.0)
    assert column.least == (100.0, None, None, 100.0)
    assert column.most == (106.0, None, None, 100.0)
    assert found.gaps == ((START + WINDOW_S, START + 3 * WINDOW_S),)


def test_a_day_that_is_kept_both_ways_counts_once() -> None:
    buckets = [EMPTY] * WINDOWS_A_DAY
    buckets[0], buckets[1] = Bucket(2, 1000, 1060, 2060), Bucket(1, 500, 500, 500)

    found = stepped(
        {DAY: {"power": buckets}}, [window(0, 0, 60)],
        since=START, until=START + DAY_S, step_s=DAY_S, wanted=("power",),
    )  # fmt: skip

    (column,) = found.columns
    assert column.least == (50.0,)
    assert column.mean == (round((100.0 + 106.0 + 50.0) / 3, 4),)


def test_an_hour_of_rollups_says_what_an_hour_of_readings_says() -> None:
    windows = [window(n, 1, 61, 121, power=1000 + n) for n in range(12)]
    buckets = [EMPTY] * WINDOWS_A_DAY
    for n, one in enumerate(windows):
        told = [value for value in one.columns["power"] if value is not None]
        buckets[n] = Bucket(len(told), min(told), max(told), sum(told))
    hour = {"since": START, "until": START + 3600, "step_s": 3600, "wanted": ()}

    assert stepped({}, windows, **hour) == stepped({DAY: {"power": buckets}}, [], **hour)  # type: ignore[arg-type]


def test_only_what_is_asked_for_is_answered_and_gaps_are_those_of_all() -> None:
    found = raw([window(0, 0)], since=START, until=START + 60, wanted=("temperature",))

    assert found.columns == ()
    assert found.gaps == ()


def test_the_finest_step_is_one_that_is_kept_and_fits() -> None:
    now = START + 100 * DAY_S

    assert finest(now - 3600, now, now=now) == RAW
    assert finest(now - 2 * DAY_S, now, now=now) == WINDOW_S
    assert finest(now - 90 * DAY_S, now - 90 * DAY_S + 3600, now=now) == WINDOW_S
    assert finest(now - 30 * DAY_S, now, now=now) == 3600
    assert finest(now - 365 * DAY_S, now, now=now) == DAY_S
