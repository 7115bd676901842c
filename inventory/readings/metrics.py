"""What a site draws and how its reading goes, for Prometheus: sums by site and pod, no host names.

Read at every scrape from the newest readings, which is one question to the database however many
hosts there are. What the workers that read them count, each leaves in a note: they may be other
processes than the one that is scraped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from inventory.clock import Clock
from inventory.model import Host
from inventory.readings.freshness import FRESH_S
from inventory.readings.keeping import Newest, Readings
from inventory.store.protocol import Store

Metric = CounterMetricFamily | GaugeMetricFamily
COUNTED = {
    "rounds": "Rounds that BMCs answered.",
    "failures": "Rounds that they did not.",
    "requests": "Requests that the answered ones took.",
    "events": "Events of BMCs that were taken in.",
    "dropped": "Events of BMCs beyond the rate of one BMC.",
    "forged": "Events that came from elsewhere, or without their secret.",
    "replayed": "Events that had been told before.",
    "let_go": "Five-minute windows that waited too long for the database.",
}
LEVELS = {
    "late_seconds": "How long the next host to be read has been waiting.",
    "streams": "BMCs whose events are listened to.",
    "subscriptions": "BMCs that send their events by themselves.",
}
"""What a worker leaves, in this order: a list, for a note is short."""


@dataclass(slots=True)
class _Sums:
    watts: float = 0.0
    measured: int = 0
    leaking: int = 0
    warmest: float | None = None
    kwh: float = 0.0
    gap_s: float = 0.0

    def add(self, newest: Newest) -> None:
        """One host more."""
        if newest.watts is not None:
            self.watts += newest.watts
            self.measured += 1
        self.leaking += bool(newest.leak)
        if newest.celsius is not None:
            self.warmest = max(newest.celsius, self.warmest or newest.celsius)


class ReadingsCollector(Collector):
    """Sums of the newest readings."""

    def __init__(self, store: Store, readings: Readings, clock: Clock) -> None:
        self._store = store
        self._readings = readings
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Everything, from three questions."""
        sums = self._sums()
        labels = ("site", "pod")
        families = (
            ("podyard_drawn_watts", "Watts drawn, by the BMCs' meters.", "watts"),
            ("podyard_hosts_metered", "Hosts whose draw was read lately.", "measured"),
            ("podyard_hosts_leaking", "Hosts with a leak detector that is not dry.", "leaking"),
            ("podyard_warmest_celsius", "The warmest sensor of all.", "warmest"),
        )
        for name, told, field in families:
            gauge = GaugeMetricFamily(name, told, labels=labels)
            for key, one in sums.items():
                if (value := getattr(one, field)) is not None:
                    gauge.add_metric(key, value)
            yield gauge
        energy = CounterMetricFamily(
            "podyard_energy_kwh", "Energy drawn since hosts are read.", labels=labels
        )
        gaps = CounterMetricFamily(
            "podyard_energy_gap_seconds", "Time that the energy leaves out.", labels=labels
        )
        for key, one in sums.items():
            energy.add_metric(key, one.kwh)
            gaps.add_metric(key, one.gap_s)
        yield energy
        yield gaps
        yield from self._worker()

    def _sums(self) -> dict[tuple[str, str], _Sums]:
        since = self._clock.now().timestamp() - FRESH_S
        newest, meters = self._readings.newest(since=since), self._readings.meters()
        sums: dict[tuple[str, str], _Sums] = {}
        for host_id, site, pod in self._store.tally(Host, "key", "site", "pod"):
            one = sums.setdefault((site, pod), _Sums())
            if (read := newest.get(host_id)) is not None:
                one.add(read)
            if (meter := meters.get(host_id)) is not None:
                one.kwh += meter.kwh
                one.gap_s += meter.gap_s
        return sums

    def _worker(self) -> Iterator[Metric]:
        """What all workers counted; each began at nothing when it began."""
        said = [json.loads(one) for one in self._readings.counts()]
        if not said:
            return
        for place, (name, told) in enumerate(COUNTED.items()):
            value = sum(one[place] for one in said)
            yield CounterMetricFamily(f"podyard_telemetry_{name}", told, value=value)
        for place, (name, told) in enumerate(LEVELS.items(), start=len(COUNTED)):
            levels = [one[place] for one in said]
            value = max(levels) if name == "late_seconds" else sum(levels)
            yield GaugeMetricFamily(f"podyard_telemetry_{name}", told, value=value)
