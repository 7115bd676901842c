"""A stranger asks one harmless question over TLS and one over UDP, whoever answers."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from provisioning.onboarding.discovery_stranger import (
    OverTheNetwork,
    Shown,
    is_pong,
    presence_ping,
    shown,
)
from tests.contract.bmc.ipmi_beds import ipmi_sim_bed
from tests.integration.drivers.scripted_bmc import Certificate

pytestmark = pytest.mark.integration
DEADLINE_S = 10.0
ROOT = {
    "@odata.id": "/redfish/v1/",
    "@odata.type": "#ServiceRoot.v1_15_0.ServiceRoot",
    "RedfishVersion": "1.15.0",
    "UUID": "92384634-2938-2342-8820-489239905423",
    "Vendor": "Contoso",
    "Product": "A BMC",
}
Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listening:
    """What arrived at a BMC, byte by byte."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.heard = b""
        self.connections = 0


@asynccontextmanager
async def bmc(certificate: Certificate, speak: Speak) -> AsyncIterator[Listening]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate.cert_file, certificate.key_file)
    there = Listening(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there.connections += 1
        there.heard += await reader.readuntil(b"\r\n\r\n")
        try:
            await speak(reader, writer)
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    there.port = server.sockets[0].getsockname()[1]
    try:
        yield there
    finally:
        server.close()


def says(status: str, body: bytes, *headers: str) -> Speak:
    async def speak(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        writer.write("\r\n".join(head).encode() + body)
        await writer.drain()

    return speak


async def endless(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        await writer.drain()


async def nonsense(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    await writer.drain()


async def look(port: int) -> Shown | None:
    stranger = OverTheNetwork(at_once=4)
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await stranger.look("127.0.0.1", port)
    finally:
        await stranger.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("certificate"))


async def test_a_service_root_is_noted_with_the_certificate_that_was_shown(
    certificate: Certificate,
) -> None:
    async with bmc(certificate, says("200 OK", json.dumps(ROOT).encode())) as there:
        found = await look(there.port)
    assert found is not None
    assert found.fingerprint == certificate.fingerprint
    assert (found.uuid, found.vendor, found.product) == (ROOT["UUID"], "Contoso", "A BMC")
    request = there.heard.decode().lower()
    assert request.startswith("get /redfish/v1/ http/1.1\r\n")
    for credential in ("authorization", "x-auth-token", "cookie", "password"):
        assert credential not in request


@pytest.mark.parametrize(
    ("speak", "why"),
    [
        (says("301 Moved", b"", "Location: https://169.254.169.254/"), "a redirect"),
        (says("200 OK", b"<html>router</html>"), "a web page"),
        (says("200 OK", b"[" * 5000), "a deep answer"),
        (says("200 OK", b'{"@odata.type": "#Chassis.v1_0_0.Chassis"}'), "no service root"),
        (says("200 OK", b'{"@odata.type": ["#ServiceRoot."]}'), "a type that is none"),
        (says("200 OK", b'{"a": NaN}'), "no JSON"),
        (says("404 Not Found", b"{}"), "nothing there"),
        (says("401 Unauthorized", b"{}"), "some other service with a log-in"),
        (endless, "an endless answer"),
        (nonsense, "another protocol"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_no_service_root_is_nobody(
    certificate: Certificate, speak: Speak, why: str
) -> None:
    async with bmc(certificate, speak) as there:
        assert await look(there.port) is None, why
    assert there.connections == 1


async def test_a_root_behind_a_log_in_is_still_a_redfish_service(certificate: Certificate) -> None:
    speak = says("401 Unauthorized", b"{}", "OData-Version: 4.0")
    async with bmc(certificate, speak) as there:
        found = await look(there.port)
    assert found is not None
    assert found.fingerprint == certificate.fingerprint


async def test_a_closed_port_and_one_that_speaks_no_tls_are_nobody() -> None:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        assert await look(probe.getsockname()[1]) is None
    server = await asyncio.start_server(
        lambda _reader, writer: writer.write(b"plain"), "127.0.0.1", 0
    )
    async with server:
        assert await look(server.sockets[0].getsockname()[1]) is None


def certificate_of(folder: Path) -> bytes:
    made = Certificate.make(folder)
    return ssl.PEM_cert_to_DER_cert(made.cert_file.read_text())


@pytest.mark.parametrize(
    ("oem", "serials", "macs"),
    [
        (
            {"Dell": {"ServiceTag": "GTS7DV2", "ManagerMACAddress": "4c:d9:8f:20:73:84"}},
            ("GTS7DV2",),
            ("4c:d9:8f:20:73:84",),
        ),
        ({"Hpe": {"Manager": [{"HostName": "ILOMXQ1234567"}]}}, ("MXQ1234567",), ()),
        ({"Hpe": {"Manager": "ILOMXQ"}}, (), ()),
        ({"Dell": {"ServiceTag": {"a": 1}, "ManagerMACAddress": ["x"]}}, (), ()),
        ({"Dell": {"ServiceTag": "with space", "ManagerMACAddress": "ff" * 6}}, (), ()),
        ({"Dell": None, "Other": 7}, (), ()),
        ([], (), ()),
    ],
)
def test_signs_that_vendors_show_to_strangers_are_read_and_nothing_else(
    oem: Any, serials: tuple[str, ...], macs: tuple[str, ...], tmp_path: Path
) -> None:
    found = shown(json.dumps({**ROOT, "Oem": oem}).encode(), certificate_of(tmp_path))
    assert found is not None
    assert (found.serials, found.macs) == (serials, macs)


def test_what_a_stranger_says_is_bounded_and_printable(tmp_path: Path) -> None:
    root = {**ROOT, "Vendor": "\x1b[31m" + "x" * 5000, "Product": 7, "UUID": "../../x"}
    found = shown(json.dumps(root).encode(), certificate_of(tmp_path))
    assert found is not None
    assert found.vendor.isprintable()
    assert len(found.vendor) <= 80
    assert (found.product, found.uuid) == ("", "")


async def ping(port: int, deadline_s: float = DEADLINE_S) -> bool:
    stranger = OverTheNetwork(at_once=4)
    try:
        async with asyncio.timeout(deadline_s):
            return await stranger.ping("127.0.0.1", port)
    finally:
        await stranger.close()


async def test_ipmi_sim_answers_a_presence_ping(tmp_path: Path) -> None:
    with ipmi_sim_bed(tmp_path) as bed:
        port = int(bed.address.rpartition(":")[2])
        assert await ping(port)


async def test_a_ping_says_nothing_but_that_it_is_one_and_waits_no_longer_than_it_may() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as silent:
        silent.bind(("127.0.0.1", 0))
        with pytest.raises(TimeoutError):
            await ping(silent.getsockname()[1], deadline_s=2.5)
        silent.setblocking(False)
        first, second = silent.recv(64), silent.recv(64)
        with pytest.raises(BlockingIOError):
            silent.recv(64)
    assert first == second
    assert len(first) == 12


async def test_a_closed_port_is_no_ipmi() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert not await ping(port)


PONG = bytes.fromhex("0600ff06000011be4007001000000000000000000000000081000000")


@pytest.mark.parametrize(
    ("data", "so"),
    [
        (PONG[:9] + b"\x07" + PONG[10:20] + b"\x81" + PONG[21:], True),
        (PONG[:9] + b"\x08" + PONG[10:20] + b"\x81" + PONG[21:], False),
        (PONG[:20] + b"\x01" + PONG[21:], False),
        (presence_ping(7), False),
        (b"", False),
        (b"\x06\x00\xff\x07" + PONG[4:20] + b"\x81" + PONG[21:], False),
        (PONG[:4] + b"\x00\x00\x00\x00" + PONG[8:20] + b"\x81" + PONG[21:], False),
    ],
)
def test_only_the_answer_to_this_ping_that_speaks_ipmi_counts(data: bytes, so: bool) -> None:  # noqa: FBT001
    assert is_pong(data, 7) is so
