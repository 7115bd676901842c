"""Kept readings on both databases: written in batches, rolled up, removed in sets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from inventory.errors import FenceLost
from inventory.readings.energy import Meter
from inventory.readings.keeping import ROLE, Batch, BmcLine, Newest, Readings
from inventory.readings.packing import DAY_S, WINDOW_S, Window
from inventory.readings.rollup import Bucket
from inventory.store.protocol import Fence
from inventory.store.sql import SqlStore
from tests.contract.store.conftest import BOTH

DAY = 20_000
MORNING = DAY * DAY_S


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    made = SqlStore.open(url)
    yield made
    made.close()


@pytest.fixture
def readings(store: SqlStore) -> Readings:
    return store.readings


pytestmark = pytest.mark.parametrize("url", BOTH, indirect=True)


def window(start: int, *watts: int | None, name: str = "power") -> Window:
    made = Window(start=start)
    for index, one in enumerate(watts):
        made.add(60 * index, {name: one})
    return made


def write(readings: Readings, host: str, made: Window, watts: float = 0.0) -> None:
    seen_at = float(made.start + made.offsets[-1])
    readings.write(Batch(windows=[(host, made, Newest(seen_at, watts))]))


def test_a_window_that_fills_is_one_row(readings: Readings) -> None:
    write(readings, "h1", window(MORNING, 10))
    write(readings, "h1", window(MORNING, 10, 20, None, 40))

    (found,) = readings.windows("h1", since=MORNING, until=MORNING + DAY_S)

    assert found == window(MORNING, 10, 20, None, 40)


def test_hosts_that_tell_other_series_are_told_apart(readings: Readings) -> None:
    write(readings, "h1", window(MORNING, 10))
    write(readings, "h2", window(MORNING, 10, name="temperature.intake"))

    assert readings.windows("h1", since=0, until=MORNING + 1) == [window(MORNING, 10)]
    (other,) = readings.windows("h2", since=0, until=MORNING + 1)
    assert other.layout == ("temperature.intake",)


def test_windows_come_in_order_and_only_those_asked_for(readings: Readings) -> None:
    for index in (3, 1, 2, 0):
        write(readings, "h1", window(MORNING + index * WINDOW_S, index))

    found = readings.windows("h1", since=MORNING + WINDOW_S, until=MORNING + 3 * WINDOW_S)

    assert [one.start for one in found] == [MORNING + WINDOW_S, MORNING + 2 * WINDOW_S]


def test_the_newest_of_all_hosts_leaves_out_who_fell_silent(readings: Readings) -> None:
    write(readings, "silent", window(MORNING, 1), watts=1.0)
    write(readings, "h1", window(MORNING, 2), watts=2.0)
    write(readings, "h1", window(MORNING + WINDOW_S, 3), watts=3.0)

    found = readings.newest(since=MORNING + WINDOW_S)

    assert {host: one.watts for host, one in found.items()} == {"h1": 3.0}
    assert readings.newest(["silent"], since=MORNING)["silent"].watts == 1.0
    assert readings.newest(["nobody"], since=0) == {}


def test_a_day_is_rolled_up_once_and_says_what_its_readings_said(readings: Readings) -> None:
    for host in ("h1", "h2"):
        write(readings, host, window(MORNING, 10, 30, None, 20))
        write(readings, host, window(MORNING + 5 * WINDOW_S, None, None))

    assert readings.days_to_roll_up(before=DAY + 1) == [DAY]
    assert readings.unrolled(day=DAY) == ["h1", "h2"]
    readings.roll_up(day=DAY, hosts=["h1"])
    assert readings.unrolled(day=DAY) == ["h2"]
    readings.roll_up(day=DAY, hosts=["h2"])
    assert readings.unrolled(day=DAY) == []
    day = readings.days("h2", since=DAY, until=DAY + 1)[DAY]
    assert day["power"][0] == Bucket(3, 10, 30, 60)
    assert all(bucket == Bucket() for bucket in day["power"][1:])


def test_a_day_is_rolled_up_across_a_change_of_what_is_told(readings: Readings) -> None:
    write(readings, "h1", window(MORNING, 10))
    write(readings, "h1", window(MORNING + WINDOW_S, 7, name="flow.coolant0"))

    readings.roll_up(day=DAY, hosts=["h1"])

    day = readings.days("h1", since=DAY, until=DAY + 1)[DAY]
    assert day["power"][0] == Bucket(1, 10, 10, 10)
    assert day["flow.coolant0"][1] == Bucket(1, 7, 7, 7)
    assert not day["flow.coolant0"][0].count


def test_what_is_too_old_goes_and_the_rest_stays(readings: Readings) -> None:
    for index in range(5):
        write(readings, "h1", window(MORNING + index * WINDOW_S, index))
    before = MORNING + 3 * WINDOW_S

    gone = [
        readings.forget(windows_before=before, days_before=0, lines_before=0, limit=2)
        for _ in range(3)
    ]

    assert gone == [2, 1, 0]
    assert len(readings.windows("h1", since=0, until=2**40)) == 2


def test_meters_are_replaced_and_go_with_their_hosts(readings: Readings) -> None:
    first = Meter(since=1.0, at=2.0, watts=3.5, joules=2**40)
    readings.write(Batch(meters={"h1": first, "h2": first}))
    second = Meter(since=1.0, at=9.0, counter_kwh=12.5, joules=2**41, gaps=1, gap_s=4.0)
    readings.write(Batch(meters={"h1": second}))

    assert readings.meters() == {"h1": second, "h2": first}
    assert readings.meters(["h2"]) == {"h2": first}
    assert readings.forget_hosts(["h1"]) == 1
    assert set(readings.meters()) == {"h1"}


def test_a_line_that_is_read_again_is_not_another_line(readings: Readings) -> None:
    one = BmcLine("Sel/1", 5.0, None, "Sel", "Critical", "A supply lost its input.")
    other = BmcLine("Sel/2", 6.0, 3.0, "Sel", "OK", "It is back.")

    assert readings.write(Batch(lines=[("h1", one)])) == 1
    assert readings.write(Batch(lines=[("h1", one), ("h1", other), ("h1", other)])) == 1

    assert readings.lines("h1", limit=10) == [other, one]
    assert readings.lines("h1", limit=1) == [other]


def test_a_batch_lands_whole_or_not_at_all(readings: Readings) -> None:
    broken = Meter(since=1.0, at=2.0, joules=None)  # type: ignore[arg-type]

    with pytest.raises(Exception, match=r"(?i)null"):
        readings.write(
            Batch(
                windows=[("h1", window(MORNING, 1), Newest(1.0))],
                meters={"h1": broken},
            )
        )

    assert readings.windows("h1", since=0, until=2**40) == []


T0 = datetime(2026, 1, 1, tzinfo=UTC)
VALID = timedelta(seconds=20)


def joined(store: SqlStore, owner: str) -> Fence:
    fence = store.join(ROLE, owner, now=T0, valid=VALID, alone=False)
    assert fence is not None
    return fence


def test_several_workers_share_the_hosts_and_never_one_of_them(store: SqlStore) -> None:
    hosts = [f"h{number}" for number in range(60)]
    first = joined(store, "a")
    readings = store.readings
    alone = readings.share(first, hosts, now=T0)
    assert alone.hosts == set(hosts)
    assert alone.is_first
    if not shared(store):
        return
    second = joined(store, "b")
    assert not readings.share(second, hosts, now=T0).hosts  # the first one has them still
    kept = readings.share(first, hosts, now=T0)
    assert kept.hosts | kept.moving == set(hosts)
    assert 10 < len(kept.moving) < 50
    readings.let_go(first, kept.moving)
    taken = readings.share(second, hosts, now=T0)
    assert taken.hosts == kept.moving
    assert [kept.is_first, taken.is_first].count(True) == 1
    store.leave(first)
    assert readings.share(second, hosts, now=T0).hosts == set(hosts)


def test_hosts_of_a_worker_that_died_go_to_another(store: SqlStore) -> None:
    if not shared(store):
        return
    hosts = ["h1", "h2", "h3", "h4"]
    dead = store.join(ROLE, "a", now=T0, valid=timedelta(seconds=-1), alone=False)
    living = joined(store, "b")
    assert dead is not None
    assert store.readings.share(living, hosts, now=T0).hosts == set(hosts)
    with pytest.raises(FenceLost):
        store.readings.share(dead, hosts, now=T0)


def test_what_a_zombie_read_does_not_land(store: SqlStore) -> None:
    """It was stopped, its hosts went to another one, and now it goes on with what it had read."""
    readings, hosts = store.readings, ["h1", "h2"]
    zombie = joined(store, "a")
    readings.share(zombie, hosts, now=T0)
    store.leave(zombie)
    with pytest.raises(FenceLost):
        readings.write(batch("h1", 1), fence=zombie, now=T0)
    assert readings.windows("h1", since=0, until=2**40) == []


def test_what_was_read_of_a_host_that_moved_is_not_written(store: SqlStore) -> None:
    if not shared(store):
        return
    readings, hosts = store.readings, [f"h{number}" for number in range(20)]
    first, second = joined(store, "a"), joined(store, "b")
    mine = readings.share(first, hosts, now=T0).hosts
    theirs = readings.share(second, hosts, now=T0).hosts
    one, other = min(mine), min(theirs)

    both = Batch(
        windows=[*batch(one, 5).windows, *batch(other, 7).windows],
        meters={one: Meter(since=0.0, at=1.0), other: Meter(since=0.0, at=1.0)},
        lines=[(other, BmcLine("Sel/1", 1.0, None, "Sel", "OK", "said"))],
    )
    assert readings.write(both, fence=first, now=T0) == 0

    assert readings.windows(one, since=0, until=2**40)
    assert not readings.windows(other, since=0, until=2**40)
    assert readings.meters().keys() == {one}


def test_what_workers_counted_is_left_and_goes_with_them(store: SqlStore) -> None:
    readings = store.readings
    first = joined(store, "a")
    readings.note_counts(first, "[1]", now=T0)
    readings.note_counts(first, "[2]", now=T0)
    assert readings.counts() == ["[2]"]
    second = joined(store, "b")
    readings.note_counts(second, "[3]", now=T0)
    assert sorted(readings.counts()) == ["[2]", "[3]"]
    store.leave(first)
    readings.note_counts(second, "[4]", now=T0)
    assert readings.counts() == ["[4]"]


def shared(store: SqlStore) -> bool:
    """Whether several workers may work on it: on the embedded database one has them all."""
    return store._engine.dialect.name == "postgresql"


def batch(host: str, *watts: int) -> Batch:
    made = window(MORNING, *watts)
    return Batch(windows=[(host, made, Newest(float(MORNING)))])
