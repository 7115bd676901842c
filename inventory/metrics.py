"""What the service counts about itself and its site, in Prometheus' words.

Gauges are read from the records at every scrape, by grouping in the database, so that they can
never drift from what the API says and cost the same at ten thousand hosts. No metric carries a
host's name: that would be a series per host, for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inventory.clock import Clock
from inventory.model import Claim, ComputeUnit, Deployment, Host, Pod, Record, Tenant
from inventory.pacing_metrics import PacingCollector
from inventory.readings.metrics import ReadingsCollector
from inventory.states import ClaimState, HostState, UnitState
from inventory.store.protocol import Store
from inventory.store.sql import SqlStore
from inventory.webhooks import Delivery

BUCKETS_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
UNMATCHED = "unmatched"
"""The route of a request that fits none: its path is a stranger's text and no label."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """Records counted by some of their columns."""

    name: str
    help: str
    kind: type[Record]
    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    """Values of a single label that are shown with 0: an alert on an absent series never fires."""


GAUGES = (
    Gauge(
        "podyard_hosts",
        "Hosts by state.",
        Host,
        ("state",),
        ("state",),
        tuple(state.value for state in HostState),
    ),
    Gauge("podyard_hosts_health", "Hosts by health.", Host, ("health",), ("health",)),
    Gauge("podyard_hosts_power", "Hosts by power state.", Host, ("power",), ("power",)),
    Gauge(
        "podyard_host_problems",
        "Hosts that a problem stands beside, by its kind; parked or not.",
        Host,
        ("problem",),
        ("kind",),
    ),
    Gauge("podyard_pod_hosts", "Hosts by pod and state.", Host, ("pod", "state"), ("pod", "state")),
    Gauge(
        "podyard_units",
        "Compute units by state.",
        ComputeUnit,
        ("state",),
        ("state",),
        tuple(state.value for state in UnitState),
    ),
    Gauge(
        "podyard_unit_classes",
        "Compute units by class and state.",
        ComputeUnit,
        ("unit_class", "state"),
        ("class", "state"),
    ),
    Gauge(
        "podyard_claims",
        "Claims by state.",
        Claim,
        ("state",),
        ("state",),
        tuple(state.value for state in ClaimState),
    ),
    Gauge("podyard_pods", "Pods.", Pod),
    Gauge("podyard_tenants", "Tenants.", Tenant),
    Gauge("podyard_deployments", "Deployments.", Deployment),
    Gauge(
        "podyard_webhook_deliveries",
        "Messages to webhook receivers that are kept, by state.",
        Delivery,
        ("state",),
        ("state",),
        ("pending", "delivered", "failed"),
    ),
)


class SiteCollector(Collector):
    """Counts the records at every scrape."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every gauge, and how many events there ever were."""
        for gauge in GAUGES:
            yield self._counted(gauge)
        events = CounterMetricFamily("podyard_events", "Events ever recorded.")
        events.add_metric((), self._store.last_event())
        yield events

    def _counted(self, gauge: Gauge) -> Metric:
        family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
        found = self._store.tally(gauge.kind, *gauge.columns)
        if not gauge.columns:
            found = found or {(): 0}
        zeros: dict[tuple[str, ...], int] = {(value,): 0 for value in gauge.always}
        for values, count in {**zeros, **found}.items():
            if all(values):
                family.add_metric(values, count)
        return family


class Metrics:
    """One registry per app, so that two apps in one process do not add up."""

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(SiteCollector(store))
        if clock is not None:
            self._registry.register(PacingCollector(store, clock))
        if clock is not None and isinstance(store, SqlStore):
            self._registry.register(ReadingsCollector(store, store.readings, clock))
        self._requests = Counter(
            "podyard_http_requests",
            "Requests answered, by route as it is declared.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "podyard_http_request_seconds",
            "Time until the first byte of the answer.",
            ("method", "route"),
            buckets=BUCKETS_S,
            registry=self._registry,
        )

    def text(self) -> bytes:
        """The exposition, as Prometheus reads it. Asks the store: call it in a thread."""
        return generate_latest(self._registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)


class Counted:
    """Middleware that counts requests by their declared route."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: Callable[[], Metrics],
        stopwatch: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._stopwatch = stopwatch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count an HTTP request when its answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = self._stopwatch()

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", UNMATCHED)
                method = scope["method"] if route != UNMATCHED else "any"
                seconds = self._stopwatch() - started
                self._metrics().answered(method, route, message["status"], seconds)
            await send(message)

        await self._app(scope, receive, counting)
