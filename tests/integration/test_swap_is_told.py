"""A swapped GPU, told to everybody who asked: the slot's history, the certificate, NetBox, a pager.

Nobody is told twice, though the service is killed in the middle: hall, service, NetBox's stand-in
and the receiver are separate, and only what they hold is believed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from tests.bed import Bed, bed
from tests.beds.netbox_fake import FakeNetbox, fake_netbox

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

HOST = "r1-h1"
NEW_SERIAL = "SWAPPED-1"


@dataclass
class Pager:
    """Somebody else's receiver: it remembers every message, and verifies it with the key."""

    url: str = ""
    key: str = ""
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By message id: a repetition is no news, as the specification tells receivers."""

    def take(self, headers: dict[str, str], body: str) -> None:
        told = Verifier(self.key).verify(body, headers)
        self.messages[headers["webhook-id"]] = told

    def heard(self, kind: str) -> list[dict[str, Any]]:
        return [told["data"] for told in self.messages.values() if told["type"] == kind]


@contextmanager
def pager() -> Iterator[Pager]:
    found = Pager()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            found.take({k.lower(): v for k, v in self.headers.items()}, body)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Nothing: the test says what it got."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    found.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def netbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNetbox]:
    with fake_netbox() as found:
        token = tmp_path / "token"
        token.touch(mode=0o600)
        token.write_text(found.token)
        monkeypatch.setenv("PODYARD_NETBOX_URL", found.url)
        monkeypatch.setenv("PODYARD_NETBOX_TOKEN_FILE", str(token))
        monkeypatch.setenv("PODYARD_NETBOX_PUSH", "always")
        monkeypatch.setenv("PODYARD_NETBOX_SIMULATED", "true")
        monkeypatch.setenv("PODYARD_NETBOX_INTERVAL_S", "5")
        yield found


def test_the_history_the_certificate_netbox_and_a_pager_hear_of_a_swapped_gpu_once(
    netbox: FakeNetbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODYARD_PROVISIONING_INSPECT_EVERY_S", "2")
    monkeypatch.setenv("PODYARD_WEBHOOKS_NETWORKS", "127.0.0.0/8")
    with pager() as receiver, bed(speed=4.0) as one:
        one.start_hall()
        one.start_service()
        one.login()
        made = one.call(
            "POST",
            "/api/webhooks",
            {"name": "pager", "url": receiver.url, "kinds": ["certificate.*", "part.*"]},
        )
        receiver.key = made.json()["key"]
        one.apply_pod()
        one.approve(one.plan()["digest"])
        one.wait(300, one.settled)
        slot, old_serial = first_gpu(one)
        one.wait(120, lambda: serials(netbox, old_serial))
        [before] = one.get(f"/api/certificates?host={HOST}")["results"]
        assert not before["suspended"]

        swap(one, slot)
        one.wait(120, lambda: receiver.heard("certificate.suspended"))
        one.kill_service()  # whatever was not written is found again, and nothing is told twice
        one.start_service()
        one.wait(300, lambda: ready_again(one))
        one.wait(120, lambda: serials(netbox, NEW_SERIAL) and not serials(netbox, old_serial))

        [part] = receiver.heard("part.changed")
        assert (part["new"], part["old"]) == (NEW_SERIAL, old_serial)
        [suspended] = receiver.heard("certificate.suspended")
        assert (suspended["subject"], suspended["old"], suspended["new"]) == (
            f"host:{HOST}",
            before["id"],
            "part_changed",
        )
        for kind in ("certificate.suspended", "part.changed", "unit.withdrawn"):
            assert len(events(one, kind)) == 1

        certificates = {c["id"]: c for c in one.get(f"/api/certificates?host={HOST}")["results"]}
        old = certificates.pop(before["id"])
        [cause] = old["suspended"]
        assert f"{NEW_SERIAL} is there" in cause["what"]
        [new] = certificates.values()
        assert not new["suspended"]
        assert new["facts_digest"] != old["facts_digest"]
        assert one.get(f"/api/units/{HOST}-u0")["state"] == "available"

        gone, present = history(one, slot)
        assert (gone["serial"], present["serial"]) == (old_serial, NEW_SERIAL)
        assert gone["removed_at"]
        assert not present["removed_at"]

        told = [
            e["comments"]
            for e in rows(netbox, "extras/journal-entries")
            if NEW_SERIAL in e["comments"]
        ]
        assert len(told) == 1


def first_gpu(one: Bed) -> tuple[str, str]:
    """Slot and serial of the host's first accelerator."""
    found = one.get(f"/api/hosts/{HOST}")["facts"]["accelerators"][0]
    return found["slot"], found["serial"]


def swap(one: Bed, slot: str) -> None:
    """Another part in the slot, from the next question on."""
    root = next(Path(h["root"]) for h in one.hall["hosts"] if h["name"] == HOST)
    (root.parent / "swapped.json").write_text(json.dumps({slot: NEW_SERIAL}))


def events(one: Bed, kind: str) -> list[dict[str, Any]]:
    """Every event of a kind."""
    return [e for e in one.get("/api/events?limit=1000")["results"] if e["kind"] == kind]


def ready_again(one: Bed) -> bool:
    """Accepted with the new part."""
    try:
        certificates = one.get(f"/api/certificates?host={HOST}")["count"]
        return bool(certificates == 2 and one.hosts()[HOST]["state"] == "ready")
    except httpx.TransportError:
        return False


def serials(netbox: FakeNetbox, serial: str) -> list[dict[str, Any]]:
    """NetBox's modules with this serial number."""
    return [one for one in rows(netbox, "dcim/modules") if one.get("serial") == serial]


def rows(netbox: FakeNetbox, path: str) -> list[dict[str, Any]]:
    """What NetBox holds at a path."""
    with httpx.Client(base_url=netbox.url, trust_env=False) as client:
        reply = client.get(
            f"/api/{path}/?limit=1000", headers={"Authorization": f"Bearer {netbox.token}"}
        )
    found: list[dict[str, Any]] = reply.raise_for_status().json()["results"]
    return found


def history(one: Bed, slot: str) -> list[dict[str, Any]]:
    """Who sat in a slot, the oldest first."""
    found = one.get(f"/api/parts?host={HOST}&slot=gpu/{slot}")["results"]
    return sorted(found, key=lambda part: str(part["installed_at"]))
