"""Hardware changes after a pod was applied: each has a remedy, and it is a command."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from tests.bed import PODYARD, ROOT, Bed, bed, is_parked

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

WRONG = "sha256:" + "00" * 32
EXPECTED = ("name", "slot", "bmc", "fingerprint", "username", "password", "serial", "root")


def test_what_changed_by_hand_is_corrected_by_command() -> None:
    with bed(speed=4.0) as one:
        one.start_hall()
        one.start_service()
        one.login()
        entries = {h["name"]: {key: h[key] for key in EXPECTED} for h in one.hall["hosts"]}
        given = [*entries.values()]
        given[1] = {**given[1], "fingerprint": WRONG}
        body = {"name": "lab", "spec": "lab-4", "hosts": given, "simulated": True}
        assert one.call("POST", "/api/pods", body).is_success
        one.wait(30, lambda: matching(one) == {"r1-h1", "r1-h3", "r1-h4"})

        assert_a_changed_certificate_is_corrected(one, entries["r1-h2"])
        assert_a_forgotten_host_can_be_added_again(one, entries["r1-h3"])
        assert_a_repaired_host_comes_back(one)
        assert_a_replaced_board_and_a_parked_host_wanted_retired(one, entries["r1-h1"])


def assert_a_changed_certificate_is_corrected(one: Bed, entry: dict[str, Any]) -> None:
    """Parked before anything was sent; with the right fingerprint it goes on by itself."""
    one.wait(10, lambda: is_parked(one.hosts()["r1-h2"]))
    problem = one.hosts()["r1-h2"]["problem"]
    assert problem["kind"] == "certificate-changed"
    assert "podyard host bmc r1-h2 --fingerprint" in problem["remedy"]
    wrong = run(one, "host", "bmc", "r1-h2", "--fingerprint", "sha256:12")
    assert wrong.returncode == 1
    assert "hint: sha256: and 64 hexadecimal digits" in wrong.stderr
    secret = one.directory / "password"
    secret.touch(mode=0o600)
    secret.write_text(entry["password"] + "\n")
    done = run(
        one, "host", "bmc", "r1-h2",
        "--fingerprint", entry["fingerprint"], "--password-file", str(secret),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert entry["password"] not in done.stdout + done.stderr
    one.wait(15, lambda: "r1-h2" in matching(one))


def assert_a_forgotten_host_can_be_added_again(one: Bed, entry: dict[str, Any]) -> None:
    """A host at work is not forgotten; at rest it is, and serial and slot are free."""
    refused = run(one, "host", "forget", "r1-h3", "--yes")
    assert refused.returncode == 1
    assert "podyard host want r1-h3 retired" in refused.stderr
    assert run(one, "host", "want", "r1-h3", "enrolled").returncode == 0
    one.wait(15, lambda: one.hosts()["r1-h3"]["state"] == "enrolled")
    before = one.hosts()["r1-h3"]["id"]
    done = run(one, "host", "forget", "r1-h3", "--yes")
    assert done.returncode == 0, done.stderr
    assert "r1-h3" not in one.hosts()
    file = one.directory / "replaced.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps({"hosts": [entry], "simulated": True}))
    added = run(one, "pod", "add-hosts", "lab", "--hosts", str(file))
    assert added.returncode == 0, added.stderr
    one.wait(15, lambda: "r1-h3" in matching(one))
    assert one.hosts()["r1-h3"]["id"] != before
    again = run(one, "pod", "add-hosts", "lab", "--hosts", str(file))
    assert again.returncode == 1
    assert "podyard host forget r1-h3" in again.stderr


def assert_a_repaired_host_comes_back(one: Bed) -> None:
    """Nothing is done to it while a person has it; retry begins from the beginning."""
    assert run(one, "host", "repair", "r1-h4", "--why", "fan 2 is loud").returncode == 0
    one.wait(10, lambda: one.hosts()["r1-h4"]["state"] == "repairing")
    one.wait(5, lambda: "fan 2 is loud" in one.get("/api/hosts/r1-h4/why")["summary"])
    assert run(one, "host", "retry", "r1-h4").returncode == 0
    one.wait(15, lambda: "r1-h4" in matching(one))
    assert one.hosts()["r1-h4"]["target"] == "ready"


def assert_a_replaced_board_and_a_parked_host_wanted_retired(
    one: Bed, entry: dict[str, Any]
) -> None:
    """Another serial registers anew and parks on a wrong one; retiring it never touches that."""
    assert run(one, "host", "bmc", "r1-h1", "--serial", "ANOTHER").returncode == 0
    one.wait(15, lambda: is_parked(one.hosts()["r1-h1"]))
    host = one.hosts()["r1-h1"]
    assert (host["state"], host["problem"]["kind"]) == ("registering", "wrong-host")
    assert run(one, "host", "want", "r1-h1", "retired").returncode == 0
    one.wait(15, lambda: one.hosts()["r1-h1"]["state"] == "cleaning")
    one.wait(15, lambda: is_parked(one.hosts()["r1-h1"]))
    assert run(one, "host", "bmc", "r1-h1", "--serial", entry["serial"]).returncode == 0
    one.wait(15, lambda: one.hosts()["r1-h1"]["state"] == "retired")
    assert not [e for e in one.journal if e["what"].startswith("power.")]


def matching(one: Bed) -> set[str]:
    """Names of hosts that wait for the plan."""
    return {n for n, h in one.hosts().items() if h["state"] == "matching" and h["waiting"]}


def run(one: Bed, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command, as a person gives it."""
    return subprocess.run(
        [*PODYARD, *arguments],
        check=False, capture_output=True, text=True, cwd=ROOT, timeout=30,
        env={**os.environ, "PODYARD_STATE": str(one.directory / "service")},
    )  # fmt: skip
