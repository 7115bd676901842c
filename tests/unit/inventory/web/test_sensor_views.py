"""Drawings of readings: no line across a hole, and the same in words."""

from __future__ import annotations

from datetime import UTC, datetime

from inventory.readings.asked import Answer, Column
from inventory.readings.energy import Meter
from inventory.readings.keeping import Newest
from inventory.web.views.measured import by_step, summed
from inventory.web.views.sensors import now_of, panel, path

UNTIL = datetime(2026, 3, 1, 12, tzinfo=UTC)
END = int(UNTIL.timestamp())
AT = tuple(END - 600 + 60 * n for n in range(5))
GAP = ((AT[1], AT[3]),)


def answered(*columns: Column) -> Answer:
    return Answer(0, AT, columns, GAP)


def test_a_line_is_broken_where_nothing_was_read() -> None:
    drawn = path(AT, (1.0, 2.0, None, 4.0, 5.0), lambda at: at - AT[0], lambda value: value)

    assert drawn == "M0 1.0 L60 2.0 M180 4.0 L240 5.0"


def test_a_reading_between_two_holes_is_seen() -> None:
    drawn = path(AT, (None, 2.0, None, None, None), lambda at: at - AT[0], lambda value: value)

    assert drawn == "M60 2.0 h1.5"


def test_the_hole_is_drawn_and_told() -> None:
    found = panel(
        answered(Column("power", (1.0, 2.0, None, 4.0, 5.0))), None, chosen="1h", until=UNTIL
    )

    (drawing,) = found.drawings
    assert len(drawing.holes) == 1
    assert drawing.holes[0].width > 0
    assert "Nothing was read for 2 min" in drawing.told


def test_the_warmest_sensor_is_the_line_and_each_has_its_row() -> None:
    found = panel(
        answered(
            Column("temperature.a", (20.0, 21.0, None, 90.0, 22.0)),
            Column("temperature.b", (30.0, 31.0, None, None, 32.0)),
        ),
        None,
        chosen="1h",
        until=UNTIL,
    )

    assert "from 30 to 90 °C, 32 °C last" in found.drawings[0].told
    assert [(row.where, row.last, row.most) for row in found.rows] == [
        ("a", "22 °C", "90 °C"),
        ("b", "32 °C", "32 °C"),
    ]


def test_dry_detectors_are_told_in_words() -> None:
    dry = panel(answered(Column("leak.a", (0.0,) * 5)), None, chosen="1h", until=UNTIL)
    wet = panel(
        answered(Column("leak.a", (0.0, 0.0, 0.0, 2.0, 0.0))), None, chosen="1h", until=UNTIL
    )

    assert (dry.drawings, dry.dry) == ((), "1 leak detector, dry whenever they were read")
    assert [one.name for one in wet.drawings] == ["leak"]
    assert not wet.dry


def test_energy_tells_what_it_leaves_out() -> None:
    meter = Meter(since=END - 7200.0, at=float(END), joules=7_200_000, gaps=1, gap_s=600.0)

    told = panel(answered(), meter, chosen="6h", until=UNTIL).energy

    assert told.startswith("2.000 kWh since 2026-03-01 10:00 UTC")
    assert "nothing was added for 1 gap of 10 min" in told


def test_an_old_reading_is_not_what_is_now() -> None:
    newest = Newest(END - 170.0, 900.0, 91.0, 2)

    found = now_of(newest, now=float(END))

    assert found is not None
    assert found.heat_look is not None
    assert found.leak is not None
    assert (found.heat_look.tone, found.leak.tone) == ("stop", "stop")
    assert now_of(newest, now=END + 60.0) is None
    assert now_of(None, now=float(END)) is None


def test_meters_are_summed_minute_by_minute_and_fall_silent_after_three() -> None:
    samples = {"a": [(0, 1000), (60, 2000)], "b": [(30, 500)]}

    found = summed(samples, since=0, until=600)

    assert found.watts[:5] == (100.0, 250.0, 250.0, 250.0, 0.0)
    assert found.hosts[:5] == (1, 2, 2, 2, 0)


def test_a_step_that_starts_counts_its_most_and_one_that_runs_its_last() -> None:
    found = summed({"a": [(n * 60, 1000 + (500 if n == 2 else 0)) for n in range(6)]}, since=0,
                   until=360)  # fmt: skip

    told = by_step(found, [(0, 60), (60, 200), (200, 360), (1000, 1200)])

    assert told == [100.0, 150.0, 100.0, None]
