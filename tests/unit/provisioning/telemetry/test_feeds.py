"""What feeds carry by their meters, read from kept readings."""

from __future__ import annotations

from pathlib import Path

from inventory.readings.draw import FeedDraw
from inventory.readings.keeping import Batch, Newest
from inventory.readings.packing import WINDOW_S, Window
from provisioning.telemetry.feeds import measured_by_feed, over_reserved_watts
from tests.migrated import fresh_store
from tests.unit.inventory.records import make_host

NOW = 6_000_000 * WINDOW_S + 10


def test_fresh_meters_count_and_the_others_with_what_they_reserve(tmp_path: Path) -> None:
    hosts = [
        make_host(1, feed="a", feed_b="b", reserved_watts=1000),
        make_host(2, feed="a", reserved_watts=700),
        make_host(3, feed="a", reserved_watts=500),
    ]
    store = fresh_store(tmp_path)
    for host, age_s, watts in ((hosts[0], 20, 1400.0), (hosts[1], 900, 10.0)):
        at = NOW - age_s
        window = Window(start=at // WINDOW_S * WINDOW_S)
        window.add(at % WINDOW_S, {"power": 1})
        store.readings.write(Batch(windows=[(host.id, window, Newest(float(at), watts))]))

    found = measured_by_feed(store.readings, hosts, now=float(NOW))

    assert found == {"a": FeedDraw(700.0, 1200.0, 1, 2), "b": FeedDraw(700.0, 0.0, 1, 0)}
    assert over_reserved_watts(found["b"], 500.0) == 200.0
    assert over_reserved_watts(found["a"], 2200.0) == 0.0
    store.close()
