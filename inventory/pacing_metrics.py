"""Limits that controllers have found out, in Prometheus' words; no series has a host's name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from inventory.clock import Clock
from inventory.pacing import heard
from inventory.store.protocol import Store

COUNTS = (
    ("podyard_pacing_beside", "beside", "Hosts at work whose BMC lets us wait."),
    ("podyard_pacing_slow_bmcs", "slow", "BMCs that were too slow the last time."),
    ("podyard_pacing_racks_limited", "racks_limited", "Racks with a limit below the upper bound."),
)


class PacingCollector(Collector):
    """Reads the controllers' note at every scrape."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """What all controllers that speak have said last."""
        told = heard(self._store, now=self._clock.now())
        hosts = GaugeMetricFamily(
            "podyard_pacing_hosts", "Hosts at work at once, by site: limit and now.",
            labels=("site", "what"),
        )  # fmt: skip
        reads = GaugeMetricFamily(
            "podyard_pacing_reads_at_once", "Reads that one BMC is asked at once, by host type.",
            labels=("host_type",),
        )  # fmt: skip
        for site in sorted({site for one in told for site in one["sites"]}):
            for what in ("at_once", "at_work"):
                found = sum(one["sites"].get(site, {}).get(what, 0) for one in told)
                hosts.add_metric((site, what), found)
        for model in sorted({model for one in told for model in one["models"]}):
            least = min(one["models"][model] for one in told if model in one["models"])
            reads.add_metric((model,), least)
        yield hosts
        yield reads
        for name, key, text in COUNTS:
            total = sum(one[key] for one in told)
            yield GaugeMetricFamily(name, text, value=total)
        # A controller of an older version tells no lag, and shares the note during an upgrade.
        lag_s = max((one.get("lag_s", 0.0) for one in told), default=0.0)
        yield GaugeMetricFamily(
            "podyard_pacing_lag_seconds",
            "How late the busiest controller turns to what is ready: above 0.1 it asks less.",
            value=lag_s,
        )
