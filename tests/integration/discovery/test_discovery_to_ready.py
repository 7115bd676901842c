"""Two hosts of a delivery note, from a row each to ready: found, enrolled, adopted, brought up."""

from __future__ import annotations

import json

import pytest

from tests.bed import bed
from tests.integration.discovery.test_discovery_of_a_hall import delivery, podyard

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

HOSTS = 2


def test_two_hosts_of_a_delivery_note_are_found_and_come_up_to_ready() -> None:
    with bed(speed=10.0) as made:
        made._start(
            "hall", "simulate", "lab-4", "--hosts", str(HOSTS),
            "--state", str(made.directory / "hall"), "--speed", "10",
        )  # fmt: skip
        made.wait(180, (made.directory / "hall" / "hall.json").exists)
        # A row of a list names no folder of a simulated host, so nothing is configured there.
        made.start_service(environment={"PODYARD_PROVISIONING_PLAYBOOK": "none"})
        made.login()
        hall = made.hall
        spec = json.loads((made.directory / "hall" / "spec.json").read_text())
        empty = made.call("POST", "/api/pods", {"name": "lab", "spec": spec, "simulated": True})
        assert empty.is_success, empty.text
        note = made.directory / "delivery.csv"
        note.write_text(delivery(hall).replace('"yes"', '""'))
        podyard(made, "host", "import", str(note))
        ports = [host["bmc"].rpartition(":")[2] for host in hall["hosts"]]
        words = [word for port in ports for word in ("--port", port)]
        declared = ("bmc", "network", "hall", "127.0.0.1/32", *words)
        podyard(made, *declared, "--simulated", "--ipmi-port", "0")
        podyard(made, "bmc", "discover")
        assert made.hosts() == {}
        podyard(made, "host", "enrol", "--all")

        made.approve(made.plan()["digest"])
        made.wait(300, made.settled)

        hosts = made.hosts()
        assert {name: host["state"] for name, host in hosts.items()} == {
            host["name"]: "ready" for host in hall["hosts"]
        }, hosts
        for name in hosts:
            events = made.get(f"/api/events?subject=host:{name}&limit=1000")["results"]
            kinds = [event["kind"] for event in events]
            assert {"host.first-sight", "host.password-rotated", "host.certified"} <= set(kinds)
        assert len(made.get("/api/units")["results"]) == HOSTS
        done = [entry["what"] for entry in made.journal if entry["what"] == "power.on"]
        assert len(done) == HOSTS
        assert "taken at first sight" in podyard(made, "host", "why", next(iter(hosts))).stdout
