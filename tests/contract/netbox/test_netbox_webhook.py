"""A real NetBox's own webhook: our check of its signature agrees with how it signs."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest
from pydantic import SecretStr

from inventory.netbox.sync import device_of, signed
from tests.beds.netbox_server import NetboxServer
from tests.contract.netbox.conftest import NetboxBed

# Long: it starts NetBox's worker, another 15 s of CPU.
pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(2400)]
SECRET = "shared by both"


class Receiver(BaseHTTPRequestHandler):
    """Takes what NetBox sends."""

    heard: ClassVar[queue.Queue[tuple[str, bytes]]] = queue.Queue()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.put((self.headers.get("X-Hook-Signature", ""), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def receiver() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/hook"
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_netbox_signs_as_we_check(real_server: NetboxServer, receiver: str) -> None:
    real_server.reset()
    bed = NetboxBed(real_server)
    real_server.start_worker()
    hook = bed.make("extras/webhooks", name="podyard", payload_url=receiver, secret=SECRET)
    bed.make(
        "extras/event-rules", name="podyard", object_types=["dcim.device"],
        event_types=["object_created"], action_type="webhook",
        action_object_type="extras.webhook", action_object_id=hook["id"],
    )  # fmt: skip
    maker = bed.make("dcim/manufacturers", name="Hand", slug="hand")["id"]
    device = bed.make(
        "dcim/devices", name="a",
        device_type=bed.make("dcim/device-types", manufacturer=maker, model="M", slug="m")["id"],
        site=bed.make("dcim/sites", name="Here", slug="here")["id"],
        role=bed.make("dcim/device-roles", name="Host", slug="host", color="00aa00")["id"],
    )["id"]  # fmt: skip
    signature, body = Receiver.heard.get(timeout=300)
    assert device_of(body) == device
    assert signed(body, signature, SecretStr(SECRET))
    assert not signed(body + b" ", signature, SecretStr(SECRET))
    assert not signed(body, signature, SecretStr("another"))
