"""What Prometheus reads: counted from the records, by route and never by host."""

from __future__ import annotations

import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from inventory.metrics import UNMATCHED, Metrics
from inventory.model import Problem
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW, make_host, make_unit

DASHBOARD = Path(__file__).parents[3] / "examples" / "grafana" / "podyard.json"


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def labels(**given: str) -> frozenset[tuple[str, str]]:
    return frozenset(given.items())


def test_records_are_counted_and_an_absent_state_is_a_zero(site: Site) -> None:
    problem = Problem(kind="bmc-busy", message="m", since=NOW)
    site.put(make_host(1), make_host(2, problem=problem), make_unit())
    found = samples(site.app.state.metrics)
    assert found["podyard_hosts", labels(state="enrolled")] == 2
    assert found["podyard_hosts", labels(state="retired")] == 0
    assert found["podyard_host_problems", labels(kind="bmc-busy")] == 1
    assert found["podyard_units", labels(state="available")] == 1
    assert not any(name == "podyard_host_problems" and not which for name, which in found)


async def test_requests_are_counted_by_declared_route(site: Site, admin: str) -> None:
    site.put(make_host(1))
    for path in ("/api/hosts/r1-h1", "/api/hosts/nobody", "/api/<script>", "/x" * 200):
        await site.ask("GET", path, key=admin)
    found = samples(site.app.state.metrics)
    routes = {dict(which).get("route", "") for _, which in found}
    assert UNMATCHED in routes
    assert not any("script" in route or "r1-h1" in route or "/x/x" in route for route in routes)
    total = sum(
        value
        for (name, which), value in found.items()
        if name == "podyard_http_requests_total" and ("status", "404") in which
    )
    assert total == 3


async def test_the_dashboard_asks_only_for_what_is_exported(site: Site, admin: str) -> None:
    await site.ask("GET", "/api/hosts", key=admin)
    site.put(make_host(1, problem=Problem(kind="k", message="m", since=NOW)), make_unit())
    exported = {name for name, _ in samples(site.app.state.metrics)}
    dashboard = json.loads(DASHBOARD.read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
        for name in re.findall(r"podyard_\w+", target["expr"])
    }
    assert asked
    assert asked <= exported


def test_two_services_in_one_process_do_not_add_up(site: Site) -> None:
    one, two = Metrics(site.store), Metrics(site.store)
    one.answered("GET", "/api/hosts", 200, 0.01)
    assert (
        "podyard_http_requests_total",
        labels(method="GET", route="/api/hosts", status="200"),
    ) in (samples(one))
    assert not any(name == "podyard_http_requests_total" for name, _ in samples(two))
