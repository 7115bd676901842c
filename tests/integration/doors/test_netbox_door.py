"""The door to pynetbox: what it refuses, where it sends the token, and what it never repeats."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest
from pydantic import SecretStr

from inventory.netbox.client import (
    BATCH,
    BODY_MAX_BYTES,
    Access,
    NetBoxClient,
    batches,
    refuse_plain_http,
)
from inventory.netbox.errors import Denied, Unreachable, Unsupported
from tests.beds.netbox_fake import FakeNetbox, fake_netbox

pytestmark = pytest.mark.integration


class Elsewhere(BaseHTTPRequestHandler):
    """Redirects, or answers what is no NetBox, and notes what it was sent."""

    heard: ClassVar[list[str]] = []
    location: ClassVar[str] = ""

    def do_GET(self) -> None:
        self.heard.append(self.headers.get("Authorization", ""))
        self.send_response(302 if self.location else 200)
        if self.location:
            self.send_header("Location", self.location)
        body = b"<html>welcome</html>"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    Elsewhere.heard = []
    Elsewhere.location = ""
    server = HTTPServer(("127.0.0.1", 0), Elsewhere)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def netbox() -> Iterator[FakeNetbox]:
    with fake_netbox() as server:
        yield server


def client_of(url: str, token: str = "") -> NetBoxClient:
    return NetBoxClient(Access(url, SecretStr(token or "nbt_a.b")))


@pytest.mark.parametrize(
    "url",
    ["http://netbox.example.org", "ftp://netbox", "netbox", "", "https://user:pw@netbox.example"],
)
def test_a_token_is_not_sent_where_it_can_be_read(url: str) -> None:
    with pytest.raises(Unsupported, match="PODYARD_NETBOX_URL"):
        refuse_plain_http(url)


def test_an_address_may_end_in_api() -> None:
    assert refuse_plain_http("https://netbox.example.org/api/") == "https://netbox.example.org"
    assert refuse_plain_http("http://127.0.0.1:8000/") == "http://127.0.0.1:8000"


def test_a_redirect_is_not_followed(elsewhere: str, netbox: FakeNetbox) -> None:
    Elsewhere.location = f"{netbox.url}/api/status/"
    with pytest.raises(Unreachable, match="redirects"):
        client_of(elsewhere, netbox.token).version()
    assert netbox.log == []


def test_what_is_no_netbox_is_said_to_be_none(elsewhere: str) -> None:
    with pytest.raises(Unreachable, match="not as NetBox does"):
        client_of(elsewhere).version()


def test_the_environment_has_no_say(
    netbox: FakeNetbox, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    assert client_of(netbox.url, netbox.token).version() == (4, 7, 3)


def test_a_wrong_token_is_told_without_it(
    netbox: FakeNetbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(Denied) as caught:
        client_of(netbox.url, "nbt_wrong.secret-part").every("site")
    assert "PODYARD_NETBOX_TOKEN_FILE" in caught.value.hint
    assert "secret-part" not in f"{caught.value}{caught.value.hint}{caplog.text}"
    assert "secret-part" not in repr(Access(netbox.url, SecretStr("secret-part")))


def test_a_filter_that_is_not_listed_is_never_sent(netbox: FakeNetbox) -> None:
    with pytest.raises(ValueError, match="asset_tag"):
        client_of(netbox.url, netbox.token).every("device", nmae=["a"])
    assert netbox.log == []


def test_pages_are_walked_to_their_end(netbox: FakeNetbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory.netbox.client.PAGE", 3)
    netbox.created("dcim/sites", [{"name": f"s{i}", "slug": f"s{i}"} for i in range(7)])
    client = client_of(netbox.url, netbox.token)
    assert sorted(row.fields["slug"] for row in client.every("site")) == [f"s{i}" for i in range(7)]
    asked = [f"s{i}" for i in range(0, 7, 2)]
    assert sorted(row.fields["slug"] for row in client.every("site", slug=asked)) == asked


def test_batches_end_at_a_hundred_and_before_the_body_is_too_large() -> None:
    assert [len(one) for one in batches([{"a": 1}] * (BATCH + 1))] == [BATCH, 1]
    heavy = [{"a": "x" * (BODY_MAX_BYTES // 2)}] * 3
    assert [len(one) for one in batches(heavy)] == [1, 1, 1]
    assert list(batches([])) == []
