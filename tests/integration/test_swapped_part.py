"""A ready host's BMC reports another GPU: who hears of it, how often, and what becomes of the host.

Hall and service are real processes; the part is changed under them as a person's hands would.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bed import Bed, bed

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

PERIOD_S = 2


def swap_gpu(one: Bed, host: str, serial: str) -> None:
    """Another part in the first accelerator's slot, from the next question on."""
    root = next(Path(h["root"]) for h in one.hall["hosts"] if h["name"] == host)
    slot = one.get(f"/api/hosts/{host}")["facts"]["accelerators"][0]["slot"]
    (root.parent / "swapped.json").write_text(json.dumps({slot: serial}))


def apply_one_host(one: Bed) -> None:
    """One is enough to be swapped in, and takes a quarter of the time of four."""
    expected = ("name", "slot", "bmc", "fingerprint", "username", "password", "serial", "root")
    given = {key: one.hall["hosts"][0][key] for key in expected}
    body = {"name": "lab", "spec": "lab-4", "hosts": [given], "simulated": True}
    reply = one.call("POST", "/api/pods", body)
    assert reply.is_success, reply.text


def events(one: Bed, kind: str) -> list[dict[str, str]]:
    """Every event of a kind."""
    return [e for e in one.get("/api/events?limit=1000")["results"] if e["kind"] == kind]


def test_a_swapped_gpu_suspends_once_and_only_acceptance_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PODYARD_PROVISIONING_INSPECT_EVERY_S", str(PERIOD_S))
    with bed(speed=4.0) as one:
        one.start_hall()
        one.start_service()
        one.login()
        apply_one_host(one)
        one.approve(one.plan()["digest"])
        one.wait(300, one.settled)
        [before] = one.get("/api/certificates?host=r1-h1")["results"]
        assert not before["suspended"]

        swap_gpu(one, "r1-h1", "SWAPPED-1")
        one.wait(120, lambda: events(one, "certificate.suspended"))
        one.kill_service()  # whatever was not written is found again, and nothing is told twice
        one.start_service()
        one.wait(
            240,
            lambda: (
                one.get("/api/certificates?host=r1-h1")["count"] == 2
                and one.hosts()["r1-h1"]["state"] == "ready"
            ),
        )

        [told] = events(one, "certificate.suspended")
        assert (told["subject"], told["old"], told["new"]) == (
            "host:r1-h1", before["id"], "part_changed",
        )  # fmt: skip
        [part] = events(one, "part.changed")
        assert part["new"] == "SWAPPED-1"
        assert len(events(one, "unit.withdrawn")) == 1
        certificates = {c["id"]: c for c in one.get("/api/certificates?host=r1-h1")["results"]}
        old = certificates.pop(before["id"])
        [cause] = old["suspended"]
        assert "SWAPPED-1 is there" in cause["what"]
        [new] = certificates.values()
        assert not new["suspended"]
        assert new["facts_digest"] != old["facts_digest"]
        assert one.get("/api/units/r1-h1-u0")["state"] == "available"
