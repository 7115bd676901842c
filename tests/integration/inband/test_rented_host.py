"""From `podyard host adopt` to a unit that says it is rented: a real sshd, agent and service."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bed import PODYARD, ROOT, Bed, bed, is_parked
from tests.beds.second_host import SERIAL, UUID, SecondHost, missing, second_host
from tests.integration.onboarding.test_adopted_to_ready import as_built, spec_without_firmware

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(900)]

NAME = "r1-h1"
UNTIL = "2031-03-01"


@pytest.fixture
def rented(tmp_path: Path) -> Iterator[SecondHost]:
    if lacks := missing():
        pytest.skip(lacks)
    with second_host(tmp_path / "second") as there:
        built = {**as_built(), "serial": SERIAL, "uuid": UUID}
        there.bring("/run/podyard/hardware.json", json.dumps(built))
        yield there


def adopt(made: Bed, there: SecondHost, *options: str) -> subprocess.CompletedProcess[str]:
    """What a person types."""
    return subprocess.run(
        [
            *(*PODYARD, "host", "adopt", f"ssh://root@127.0.0.1:{there.port}"),
            *("--pod", "lab", "--key", str(there.folder / "user"), *options, "-o", "json"),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={
            **os.environ,
            "PODYARD_URL": made.url(""),
            "PODYARD_KEY": made.key,
            "PYTHONPATH": str(ROOT),
        },
    )


def inspected(made: Bed) -> bool:
    """Its agent was installed and started, and has told what is in it."""
    return bool(made.hosts()[NAME]["state"] == "matching")


def serve(made: Bed, there: SecondHost) -> None:
    values = there.folder / "values.json"
    agent = {"python": sys.executable, "environment": {"PYTHONPATH": str(ROOT)}}
    values.write_text(json.dumps({"base": {"hugepages_2mib": 32}, "agent": agent}))
    made.start_service(environment={"PODYARD_PROVISIONING_PLAYBOOK_VALUES": str(values)})
    made.login()
    body = {"name": "lab", "spec": spec_without_firmware(), "hosts": [], "simulated": True}
    reply = made.call("POST", "/api/pods", body)
    assert reply.is_success, reply.text


def test_rented_host_is_adopted_configured_measured_and_its_unit_says_whose_it_is(
    rented: SecondHost,
) -> None:
    with bed() as made:
        serve(made, rented)
        stranger = adopt(made, rented)
        assert stranger.returncode == 2
        assert f"ssh-ed25519 {rented.fingerprint}" in stranger.stderr
        assert "--fingerprint" in stranger.stderr
        half = adopt(made, rented, "--fingerprint", rented.fingerprint, "--provider", "acme")
        assert half.returncode == 2
        assert "--price and --until" in half.stderr
        assert made.hosts() == {}

        terms = ("--provider", "acme", "--price", "21.5", "--until", UNTIL)
        done = adopt(made, rented, "--fingerprint", rented.fingerprint, *terms)
        assert done.returncode == 0, done.stderr
        shown = json.loads(done.stdout)
        assert (shown["name"], shown["serial"], shown["owned"]) == (NAME, SERIAL, False)

        made.wait(300, lambda: is_parked(made.hosts()[NAME]) or inspected(made))
        assert not is_parked(made.hosts()[NAME]), made.hosts()[NAME]["problem"]
        made.approve(made.plan()["digest"])
        told: set[str] = set()

        def is_ready() -> bool:
            host = made.hosts()[NAME]
            told.add(host["waiting"])
            assert not is_parked(host), host["problem"]
            return bool(host["state"] == "ready")

        made.wait(600, is_ready)
        assert any(one.startswith("configuring: ") for one in told), told
        assert rented.parameter("vm.nr_hugepages") == "32"
        assert (
            "runtime.agent" in rented.file("/etc/systemd/system/podyard-agent.service").read_text()
        )
        (unit,) = made.get("/api/units")["results"]
        assert unit["state"] == "available"
        labels: dict[str, Any] = unit["labels"]
        assert labels["podyard.io/owned"] == "false"
        assert labels["podyard.io/provider"] == "acme"
        assert labels["podyard.io/price-per-hour"] == "21.5"
        assert labels["podyard.io/rented-until"] == UNTIL
        events = made.get(f"/api/events?subject=host:{NAME}&limit=1000")["results"]
        (configured,) = [event for event in events if event["kind"] == "host.configured"]
        assert configured["new"] != "0 changed"
