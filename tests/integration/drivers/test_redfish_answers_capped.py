"""Answers that are too large, too deep, too slow, garbled or lead elsewhere."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from aiohttp import web

from provisioning.drivers.redfish.answers import MAX_REPLY_BYTES
from provisioning.errors import (
    Ambiguous,
    AnswerRefused,
    BmcRefused,
    BmcUnreachable,
)
from tests.integration.drivers.conftest import Connect
from tests.integration.drivers.replies import RESET, SESSIONS
from tests.integration.drivers.scripted_bmc import (
    SYSTEM,
    Certificate,
    RawServer,
    ScriptedBmc,
)

pytestmark = pytest.mark.integration


async def test_redirect_is_not_followed_and_no_token_leaves(
    bmc: ScriptedBmc, certificate: Certificate, connect: Connect
) -> None:
    thief = ScriptedBmc(certificate)
    await thief.start()

    async def redirect(request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(f"https://127.0.0.1:{thief.port}{request.path}")

    try:
        driver = connect()
        await driver.power()
        bmc.on("GET", SYSTEM, redirect)
        bmc.on("POST", RESET, redirect)
        with pytest.raises(AnswerRefused, match="redirect"):
            await driver.power()
    finally:
        await thief.stop()
    assert thief.seen == []


async def test_redirected_change_is_ambiguous(bmc: ScriptedBmc, connect: Connect) -> None:
    async def redirect(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(f"{RESET}2")

    bmc.on("POST", RESET, redirect)
    with pytest.raises(Ambiguous):
        await connect().power_on()
    assert bmc.requests("POST", f"{RESET}2") == []


@pytest.mark.parametrize("announced", [True, False])
async def test_giant_reply_is_cut_off(
    bmc: ScriptedBmc, connect: Connect, *, announced: bool
) -> None:
    written = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        if announced:
            response.content_length = 50 * MAX_REPLY_BYTES
        await response.prepare(request)
        while written < 50 * MAX_REPLY_BYTES:
            await response.write(b" " * 65536)
            written += 65536
        return response

    bmc.on("GET", SYSTEM, flood)
    with pytest.raises(AnswerRefused, match="over"):
        await connect(deadline_s=10.0).power()
    assert written < 4 * MAX_REPLY_BYTES


@pytest.mark.parametrize("depth", [60, 5_000, 100_000])
@pytest.mark.parametrize("path", [SYSTEM, "/redfish/v1"])
async def test_deeply_nested_reply_is_refused(
    bmc: ScriptedBmc, connect: Connect, depth: int, path: str
) -> None:
    async def deep(_request: web.Request) -> web.StreamResponse:
        text = '{"a":' * depth + "1" + "}" * depth
        return web.Response(text=text, content_type="application/json")

    bmc.on("GET", path, deep)
    with pytest.raises(AnswerRefused, match="deep"):
        await connect().power()


@pytest.mark.parametrize("body", ["", "[]", "no", '{"a": NaN}', '"text"', "null"])
async def test_reply_that_is_no_json_object_is_refused(
    bmc: ScriptedBmc, connect: Connect, body: str
) -> None:
    async def odd(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=body, content_type="application/json")

    bmc.on("GET", SYSTEM, odd)
    with pytest.raises(AnswerRefused):
        await connect().power()


async def test_dribbled_reply_ends_at_the_deadline(bmc: ScriptedBmc, connect: Connect) -> None:
    async def dribble(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(200):
            await response.write(b" ")
            await asyncio.sleep(0.05)
        return response

    bmc.on("GET", SYSTEM, dribble)
    began = asyncio.get_running_loop().time()
    with pytest.raises(AnswerRefused, match="deadline"):
        await connect(deadline_s=1.0).power()
    assert asyncio.get_running_loop().time() - began < 8


@pytest.mark.parametrize(
    "foreign",
    [
        "https://127.0.0.1:1/redfish/v1/Systems/1",
        "//127.0.0.1:1/redfish/v1/Systems/1",
        "/admin/shell",
        "/redfish/../admin",
        "/redfish/%2e%2e/admin",
        "http://169.254.169.254/latest",
        "\\\\host\\share",
        7,
        None,
    ],
)
async def test_link_that_leaves_the_bmc_is_refused(
    bmc: ScriptedBmc, connect: Connect, foreign: object
) -> None:
    bmc.resources["/redfish/v1/Systems"] = {"Members": [{"@odata.id": foreign}]}
    with pytest.raises(AnswerRefused):
        await connect().power()
    assert all(path.startswith("/redfish/v1") for _, path, _, _ in bmc.seen)


async def test_sessions_link_to_elsewhere_gets_no_password(
    bmc: ScriptedBmc, certificate: Certificate, connect: Connect
) -> None:
    thief = ScriptedBmc(certificate)
    await thief.start()
    away = f"https://127.0.0.1:{thief.port}{SESSIONS}"
    bmc.resources["/redfish/v1"]["Links"]["Sessions"]["@odata.id"] = away
    try:
        with pytest.raises(AnswerRefused):
            await connect().power()
    finally:
        await thief.stop()
    assert thief.seen == []
    assert bmc.requests("POST") == []


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/9.9 what\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: " + b"b" * 100_000 + b"\r\n\r\n",
        OK + b"A: b\r\n" * 20_000 + b"\r\n",
        OK + b"Content-Length: -5\r\n\r\n{}",
        OK + b"Content-Length: 500\r\n\r\n{",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        OK + b"Content-Encoding: odd\r\nContent-Length: 1\r\n\r\n[",
        OK + b"Content-Type: a; charset=nonsense\r\nContent-Length: 1\r\n\r\n[",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 3,
    ],
    ids=range(14),
)
async def test_garbage_is_a_named_failure(
    certificate: Certificate, connect: Connect, answer: bytes
) -> None:
    server = RawServer(certificate, answer)
    await server.start()
    try:
        with pytest.raises((AnswerRefused, BmcUnreachable, BmcRefused)):
            await connect(f"redfish+https://127.0.0.1:{server.port}", deadline_s=2.0).power()
    finally:
        await server.stop()


async def test_decompression_bomb_is_cut_off(certificate: Certificate, connect: Connect) -> None:
    packed = gzip.compress(b" " * (40 * MAX_REPLY_BYTES))
    head = OK + f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    server = RawServer(certificate, head + packed)
    await server.start()
    try:
        with pytest.raises(AnswerRefused, match="over"):
            await connect(f"redfish+https://127.0.0.1:{server.port}", deadline_s=10).power()
    finally:
        await server.stop()
