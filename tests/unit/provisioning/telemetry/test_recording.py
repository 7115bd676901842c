"""What was read is written once, waits for the database, and goes on after a restart."""

from __future__ import annotations

from inventory.readings.energy import Meter
from inventory.readings.keeping import BmcLine, Newest
from inventory.readings.packing import WINDOW_S
from provisioning.drivers.rounds import Round
from provisioning.telemetry.recording import WAITING_MAX, Recorder, newest_of

START = 1_000_000 * WINDOW_S


def read(watts: float, **values: float) -> Round:
    return Round(values={"power": watts, **values})


def recorder() -> Recorder:
    return Recorder(longest_s=150.0)


def test_rounds_of_five_minutes_are_one_window() -> None:
    made = recorder()
    for minute in range(3):
        made.note("h1", START + 60.0 * minute, read(1000.0 + minute))

    (((host, window, newest)),) = made.take().windows

    assert (host, window.start, window.offsets) == ("h1", START, [0, 60, 120])
    assert window.columns["power"] == [10000, 10010, 10020]
    assert window.columns["energy"] == [0, 17, 33]
    assert newest == Newest(START + 120.0, 1002.0)


def test_what_was_taken_is_not_taken_again_until_it_grows() -> None:
    made = recorder()
    made.note("h1", START + 1.0, read(1.0))
    assert len(made.take().windows) == 1
    assert not made.take().windows

    made.note("h1", START + 61.0, read(2.0))

    (((_, window, _)),) = made.take().windows
    assert window.offsets == [1, 61]


def test_the_end_of_a_window_is_not_lost_when_the_next_begins() -> None:
    made = recorder()
    made.note("h1", START + 299.0, read(1.0))
    made.note("h1", START + 359.0, read(2.0))

    starts = sorted(window.start for _, window, _ in made.take().windows)

    assert starts == [START, START + WINDOW_S]


def test_what_could_not_be_written_is_written_later() -> None:
    made = recorder()
    line = BmcLine("Sel/1", 1.0, None, "Sel", "OK", "said")
    made.note("h1", START + 1.0, read(1.0))
    made.note_lines("h1", [line])
    made.put_back(made.take())
    made.note("h1", START + 61.0, read(2.0))

    batch = made.take()

    assert [window.offsets for _, window, _ in batch.windows] == [[1, 61]]
    assert batch.lines == [("h1", line)]


def test_a_long_outage_of_the_database_keeps_the_newest_hour() -> None:
    made = recorder()
    for number in range(WAITING_MAX + 5):
        made.note("h1", START + 1.0 + number * WINDOW_S, read(1.0))
        made.put_back(made.take())

    starts = sorted(window.start for _, window, _ in made.take().windows)

    assert starts[-1] == START + (WAITING_MAX + 4) * WINDOW_S
    assert len(starts) == WAITING_MAX + 1
    assert made.let_go == 4


def test_a_restart_goes_on_with_the_window_and_the_meter() -> None:
    before = recorder()
    before.note("h1", START + 0.0, read(3600.0))
    before.note("h1", START + 60.0, read(3600.0))
    (((_, window, _)),) = before.take().windows
    after = recorder()
    after.resume(before.meters, {"h1": window})

    after.note("h1", START + 120.0, read(3600.0))

    batch = after.take()
    assert batch.windows[0][1].offsets == [0, 60, 120]
    assert batch.meters["h1"].kwh == 0.12


def test_two_rounds_in_one_second_are_one_reading() -> None:
    made = recorder()
    made.note("h1", START + 5.1, read(1.0))
    made.note("h1", START + 5.9, read(2.0))

    assert made.take().windows[0][1].offsets == [5]


def test_a_host_that_is_read_no_more_is_written_all_the_same() -> None:
    made = recorder()
    made.note("h1", START + 5.0, read(1.0))
    made.forget("h1")

    assert len(made.take().windows) == 1
    assert not made.take().windows


def test_in_short_the_warmest_and_the_worst_count() -> None:
    values = {"power": 5.0, "temperature.a": 30.0, "temperature.b": 71.5, "leak.a": 0.0}

    assert newest_of(1.0, {**values, "leak.b": 2.0}) == Newest(1.0, 5.0, 71.5, 2)
    assert newest_of(1.0, {"fan.a": 1.0}) == Newest(1.0)


def test_the_time_that_energy_leaves_out_is_a_series_beside_it() -> None:
    made = recorder()
    for at in (0.0, 60.0, 1000.0, 1060.0):
        made.note("h1", START + at, read(6000.0))

    windows = [window for _, window, _ in made.take().windows]

    told = [one for w in sorted(windows, key=lambda w: w.start) for one in w.columns["unmetered"]]
    assert told == [0, 0, 940, 940]


def test_what_else_was_read_stands_beside_the_newest_round() -> None:
    made = recorder()
    made.note_beside("h1", {"ecc.gpu-0": 3.0})  # before any round: there is nothing to stand beside
    made.note("h1", START + 1.0, read(1.0))
    made.note("h1", START + 61.0, read(2.0))
    made.note_beside("h1", {"ecc.gpu-0": 3.0})
    made.note("h1", START + 121.0, read(3.0))

    (((_, window, _)),) = made.take().windows
    assert window.columns["ecc.gpu-0"] == [None, 3, None]
    assert window.columns["power"] == [10, 20, 30]


def test_a_host_that_came_back_goes_on_where_the_other_worker_ended() -> None:
    made = recorder()
    made.note("h1", START + 1.0, read(1000.0))
    made.forget("h1")
    elsewhere = Meter(since=START, at=START + 600.0, watts=1000.0, joules=10**9)

    made.resume({"h1": elsewhere}, {})
    assert made.meters["h1"].joules == 0  # what was read here still waits: it is the newer one
    made.take()
    made.resume({"h1": elsewhere}, {})
    made.note("h1", START + 660.0, read(1000.0))

    assert made.meters["h1"].joules == 10**9 + 60_000
