"""A bring-up over Redfish, judged by the hall's own journal; and BMCs that cannot be trusted."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from provisioning.simulator.journal import destructive_acts, feed_peaks, repeated_acts, trips
from tests.bed import PODYARD, ROOT, Bed, bed, is_parked

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def test_four_hosts_come_up_as_planned_and_inside_their_feed() -> None:
    """One is behind in firmware, one lacks a module, one is three times slower than its peers."""
    with bed("old-firmware@h2", "missing-dimm@h3", "slow-host@h4:ratio=0.33", speed=4.0) as one:
        one.start_hall()
        one.start_service()
        one.login()
        one.apply_pod()
        plan = one.plan()
        one.approve(plan["digest"])
        one.wait(180, one.settled)

        hosts = one.hosts()
        assert {n: h["state"] for n, h in hosts.items() if not is_parked(h)} == {
            "r1-h1": "ready",
            "r1-h2": "ready",
        }
        assert hosts["r1-h3"]["problem"]["kind"] == "spec-mismatch"
        assert "DIMM" in hosts["r1-h3"]["problem"]["remedy"]
        assert hosts["r1-h4"]["problem"]["kind"] == "acceptance-failed"
        assert "matrix_multiply" in hosts["r1-h4"]["problem"]["message"]
        assert one.get("/api/units")["count"] == 2

        journal = one.journal
        planned = [
            (act["host"], act["component"], act["from_version"], act["to_version"])
            for wave in plan["waves"]
            for act in wave["acts"]
            if act["destructive"]
        ]
        done = [(a.host, a.component, a.old, a.new) for a in destructive_acts(journal)]
        assert done == planned == [("r1-h2", "BIOS", done[0][2], "2.4.1")]
        assert repeated_acts(journal) == []
        assert 0 < feed_peaks(journal)["a"] <= plan["peak_watts"] <= plan["budget_watts"]
        assert not trips(journal)
        assert not any(e["what"] == "power.on" and e["host"] == "r1-h3" for e in journal)
        assert_intents_are_settled(one)
        assert_why_tells_everything(one)
        assert_a_ready_host_can_be_taken_back(one)


def assert_a_ready_host_can_be_taken_back(one: Bed) -> None:
    """Withdrawn, drained, switched off, medium out, watts given back."""
    assert one.call("POST", "/api/hosts/r1-h1/target", {"target": "enrolled"}).is_success
    one.wait(60, lambda: one.hosts()["r1-h1"]["state"] == "enrolled")
    host = one.hosts()["r1-h1"]
    assert host["reserved_watts"] == 20
    units = {u["name"]: u["state"] for u in one.get("/api/units")["results"]}
    assert units["r1-h1-u0"] == "withdrawn"
    acts = [e["what"] for e in one.journal if e["host"] == "r1-h1"]
    assert acts.index("power.off") > acts.index("power.on")
    assert "media.eject" in acts


def assert_intents_are_settled(one: Bed) -> None:
    """What was begun was driven to a known end, and the events say so."""
    kinds = [e["kind"] for e in one.get("/api/events?limit=1000")["results"]]
    assert kinds.count("intent.open") == kinds.count("intent.done") == 1


def assert_why_tells_everything(one: Bed) -> None:
    """One call answers: why, since when, what happens next, what a person must do."""
    why = one.get("/api/hosts/r1-h3/why")
    text = str(why)
    assert "memory.modules" in text
    assert "seat or replace" in text


def test_replies_that_are_lost_and_updates_that_lie_flash_once() -> None:
    """What a BMC answers is not what it did; the journal says what it did."""
    faults = (
        "error-after-act@h1:path=Reset",
        "old-firmware@h2",
        "lost-reply@h2:path=SimpleUpdate",
        "stale-power@h3:seconds=3",
        "old-firmware@h4",
        "update-lies@h4",
    )
    with bed(*faults, speed=4.0) as one:
        one.start_hall()
        one.start_service()
        one.login()
        one.apply_pod()
        one.approve(one.plan()["digest"])
        one.wait(240, one.settled)

        hosts = one.hosts()
        ready = {n for n, h in hosts.items() if h["state"] == "ready" and not h["problem"]}
        assert ready == {"r1-h1", "r1-h2", "r1-h3"}, hosts
        assert hosts["r1-h4"]["problem"]["kind"] == "firmware-update-failed"
        acts = [(a.host, a.component) for a in destructive_acts(one.journal)]
        assert sorted(acts) == [("r1-h2", "BIOS"), ("r1-h4", "BIOS")]
        fired = {e["fault"] for e in one.journal if e["what"] == "fault.fired"}
        assert fired >= {"error-after-act", "lost-reply", "update-lies"}


def wrong_fingerprint(host: dict[str, Any]) -> dict[str, Any]:
    """As if the BMC's certificate had changed since the import."""
    return {**host, "fingerprint": "sha256:" + "0" * 64}


def wrong_password(host: dict[str, Any]) -> dict[str, Any]:
    """Credentials that the BMC refuses."""
    return {**host, "password": "not the one"}


def wrong_serial(host: dict[str, Any]) -> dict[str, Any]:
    """Another host than the one that was expected."""
    return {**host, "serial": "EXPECTED-OTHER"}


BAD_IMPORTS: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "r1-h1": (wrong_fingerprint, "certificate-changed"),
    "r1-h2": (wrong_password, "credentials-refused"),
    "r1-h3": (wrong_serial, "wrong-host"),
}


def take_every_session(host: dict[str, Any]) -> None:
    """What controllers that were killed leave behind: a BMC with no free session."""
    url = host["bmc"].removeprefix("redfish+") + "/redfish/v1/SessionService/Sessions"
    account = {"UserName": host["username"], "Password": host["password"]}
    for _ in range(64):
        # The hall's own BMC: what is tried here is its session table, not its certificate.
        reply = httpx.post(url, json=account, verify=False, trust_env=False)  # noqa: S501 - as above
        if not reply.is_success:
            return
    pytest.fail("this BMC has no limit of sessions")


def test_a_bmc_that_cannot_be_trusted_is_parked_and_holds_up_nobody() -> None:
    with bed(speed=4.0) as one:
        one.start_hall()
        one.start_service()
        one.login()
        keys = (
            "name", "slot", "bmc", "fingerprint", "username", "password", "serial", "mac", "root",
        )  # fmt: skip
        hosts = [{key: host[key] for key in keys} for host in one.hall["hosts"]]
        bad = [BAD_IMPORTS.get(h["name"], (dict, ""))[0](h) for h in hosts]
        body = {"name": "lab", "site": "here", "spec": "lab-4", "hosts": bad, "simulated": True}
        full = next(h for h in one.hall["hosts"] if h["name"] == "r1-h4")
        take_every_session(full)
        assert one.call("POST", "/api/pods", body).is_success

        one.wait(60, lambda: sum(is_parked(h) for h in one.hosts().values()) == len(BAD_IMPORTS))
        found = one.hosts()

        for name, (_, kind) in BAD_IMPORTS.items():
            problem = found[name]["problem"]
            assert problem["kind"] == kind, problem
            assert problem["remedy"]
        one.wait(60, lambda: one.hosts()["r1-h4"]["state"] == "matching")
        assert not [e for e in one.journal if e["what"] in {"power.on", "firmware.update.start"}]


def test_a_port_in_use_is_named_with_the_option_that_changes_it(tmp_path: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        done = subprocess.run(
            [
                *PODYARD, "serve", "--state", str(tmp_path / "s"),
                "--gateway-listen", f"127.0.0.1:{port}",
            ],
            capture_output=True, text=True, timeout=60, cwd=ROOT, check=False,
        )  # fmt: skip

    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "--gateway-listen" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_spec_that_is_wrong_creates_nothing() -> None:
    with bed() as one:
        one.start_service()
        one.login()

        reply = one.call(
            "POST", "/api/pods",
            {"name": "lab", "site": "here", "spec": {"name": "x"}, "hosts": [], "simulated": True},
        )  # fmt: skip

        assert reply.status_code in {400, 422}
        assert "hint" in reply.text
        assert one.get("/api/pods")["count"] == 0
        assert one.get("/api/hosts")["count"] == 0
