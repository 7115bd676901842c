"""A real hall is read over HTTPS: what its meters say arrives at the API, and its events are heard.

The poll, the store and the API are the service's own processes; the hall is another one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.bed import Bed, bed

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

READY_WITHIN_S = 400


@pytest.fixture(scope="module")
def hall() -> Iterator[Bed]:
    """Four ready hosts, read every two seconds instead of every minute."""
    faults = ("no-event-stream@r1-h2", "event-storm@r1-h2:rate=2", "repeats-events@r1-h2:count=2")
    with pytest.MonkeyPatch.context() as environment, bed(*faults, speed=20) as made:
        environment.setenv("PODYARD_TELEMETRY_EVERY_S", "2")
        environment.setenv("PODYARD_TELEMETRY_FLUSH_S", "1")
        made.start_hall()
        made.start_service()
        made.login()
        made.apply_pod()
        made.approve(made.plan()["digest"])
        made.wait(READY_WITHIN_S, made.settled)
        yield made
        service = made.processes["service"]
        service.terminate()
        service.wait(120)
        # An end in order leaves nothing behind at the BMCs, whatever the tests did meanwhile.
        assert subscriptions(made, "r1-h2") == []


def readings(hall: Bed, host: str, **query: Any) -> dict[str, Any]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return hall.get(f"/api/hosts/{host}/readings?{asked}")


def series(found: dict[str, Any], name: str) -> list[float]:
    (one,) = [one for one in found["series"] if one["name"] == name]
    return [value for value in one["mean"] if value is not None]


def test_every_ready_host_is_read_and_its_draw_is_what_its_meter_says(hall: Bed) -> None:
    hosts = sorted(hall.hosts())

    def all_read() -> bool:
        return all(
            len(readings(hall, host, series="power", resolution="raw")["at"]) >= 3 for host in hosts
        )

    hall.wait(120, all_read)
    for host in hosts:
        watts = series(readings(hall, host, series="power", resolution="raw"), "power")
        assert watts[-1] > 0


def test_energy_grows_and_a_coarser_look_says_the_same(hall: Bed) -> None:
    host = min(hall.hosts())

    def grown() -> bool:
        found = readings(hall, host, series="energy", resolution="raw")
        return len(set(series(found, "energy"))) >= 2

    hall.wait(240, grown)
    found = readings(hall, host, resolution="raw")
    counter = series(found, "energy")
    assert counter == sorted(counter)
    assert found["energy"]["kwh"] >= counter[-1] - 0.001
    coarse = readings(hall, host, series="power", resolution="5m")
    assert max(series(coarse, "power")) > 0
    assert coarse["at"][1] - coarse["at"][0] == 300


def test_a_bmcs_log_is_kept_line_by_line(hall: Bed) -> None:
    host = min(hall.hosts())

    hall.wait(120, lambda: hall.get(f"/api/hosts/{host}/bmc-log")["results"])

    said = [line["message"] for line in hall.get(f"/api/hosts/{host}/bmc-log")["results"]]
    assert "The host was powered on." in said
    assert len(said) == len(set(map(str, said))) or said.count("The host was powered on.") >= 1


def test_an_unknown_series_is_empty_and_a_wrong_span_is_refused(hall: Bed) -> None:
    host = min(hall.hosts())

    assert readings(hall, host, series="humidity")["series"] == []
    refused = hall.call(
        "GET", f"/api/hosts/{host}/readings?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z"
    )
    assert refused.status_code == 422
    assert "hint" in refused.text


def subscriptions(hall: Bed, host: str) -> list[dict[str, Any]]:
    """As the BMC keeps them."""
    state = hall.directory / "hall" / "hosts" / host / "state.json"
    found: list[dict[str, Any]] = json.loads(state.read_text())["subscriptions"]
    return found


def sent(hall: Bed, destination: str, **said: Any) -> int:
    """Somebody on this machine speaks as if it were the BMC."""
    with httpx.Client(verify=False, trust_env=False) as client:  # noqa: S501 - as BMCs do
        return client.post(destination, json=said).status_code


def counted(hall: Bed, name: str) -> float:
    found = [
        line.rpartition(" ")[2]
        for line in hall.call("GET", "/metrics").text.splitlines()
        if line.startswith(f"podyard_telemetry_{name} ")
    ]
    return float(found[0]) if found else 0.0


def test_a_bmc_without_a_stream_sends_its_events_to_the_door(hall: Bed) -> None:
    hall.wait(120, lambda: len(subscriptions(hall, "r1-h2")) == 1)
    hall.wait(120, lambda: any(line["what"] == "event.sent" for line in hall.journal))
    told = [line for line in hall.journal if line["what"] == "event.sent"]
    assert {(line["host"], line["status"]) for line in told} == {("r1-h2", 204)}
    assert not subscriptions(hall, "r1-h1")  # it has a stream, and one way is enough


def test_an_event_without_its_secrets_finds_nothing(hall: Bed) -> None:
    (one,) = subscriptions(hall, "r1-h2")
    path, _, token = one["destination"].rpartition("/")
    assert sent(hall, f"{path}/{'0' * len(token)}", Context=one["context"]) == 404
    assert sent(hall, one["destination"], Context="guessed") in {404, 204}
    assert sent(hall, f"{path.rpartition('/')[0]}/nobody/{token}", Context=one["context"]) == 404


def test_storms_and_repeated_events_are_counted_and_slow_nobody_down(hall: Bed) -> None:
    hall.wait(180, lambda: counted(hall, "dropped_total") > 0 and counted(hall, "events_total") > 0)
    assert counted(hall, "replayed_total") > 0
    assert counted(hall, "subscriptions") == 1
    assert counted(hall, "streams") >= 1
    before = {host: len(readings(hall, host, resolution="raw")["at"]) for host in hall.hosts()}
    hall.wait(
        120,
        lambda: all(
            len(readings(hall, host, resolution="raw")["at"]) > count
            for host, count in before.items()
        ),
    )
