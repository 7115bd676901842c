"""A connection whose headers never come whole is ended, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from inventory import slow_headers
from inventory.slow_headers import HeadersInTime
from runtime import listeners
from runtime.address import Address
from runtime.listeners import Listener

pytestmark = pytest.mark.integration

PATIENCE_S = 0.5
ANSWER = b"HTTP/1.1 200 OK\r\n"


class OnH11(HeadersInTime, H11Protocol):
    """As the agents' door."""


class OnHttptools(HeadersInTime, HttpToolsProtocol):
    """As the API's."""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the body, takes its time, and answers."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await asyncio.sleep(4 * PATIENCE_S)
        await send({"type": "websocket.send", "text": "late"})
        await send({"type": "websocket.close", "code": 1000})
        return
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    if scope["path"] == "/slow":
        await asyncio.sleep(3 * PATIENCE_S)
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(params=[OnH11, OnHttptools, None], ids=["h11", "httptools", "as-served"])
async def port(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[int]:
    monkeypatch.setattr(slow_headers, "HEADERS_S", PATIENCE_S)
    if request.param is not None:
        monkeypatch.setattr(listeners, "PlainProtocol", request.param)
    opened = Address("127.0.0.1", 0, "--listen").bind()
    port: int = opened.getsockname()[1]
    listener = Listener(opened, app)
    running = asyncio.create_task(listener.run())
    yield port
    listener.stop()
    await running


async def dripped(port: int, *, first: bytes = b"") -> bytes:
    """What a client gets that sends a header letter by letter; TimeoutError if it may go on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def drip() -> None:
        with suppress(OSError):
            while True:
                writer.write(b"a")
                await writer.drain()
                await asyncio.sleep(PATIENCE_S / 10)

    if first:
        writer.write(first)
        await reader.readuntil(b"ok")
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nx-long: ")
    dripping = asyncio.create_task(drip())
    try:
        async with asyncio.timeout(40 * PATIENCE_S):
            with suppress(ConnectionResetError):
                return await reader.read()
            return b""
    finally:
        dripping.cancel()
        writer.close()


async def test_headers_that_never_end_end_the_connection(port: int) -> None:
    assert (await dripped(port)).startswith(b"HTTP/1.1 408 ")


async def test_the_next_request_of_a_connection_is_held_to_it_too(port: int) -> None:
    said = await dripped(port, first=b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    assert not said.startswith(ANSWER)


async def test_who_says_nothing_at_all_is_not_waited_for(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(40 * PATIENCE_S):
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_an_endless_header_is_not_gathered(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_headers, "HEADERS_S", 600.0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = 0
    with suppress(ConnectionError):
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n")
        while sent < 50 * 1024 * 1024 and not reader.at_eof():
            writer.write(b"x-more: " + b"a" * 8000 + b"\r\n")
            sent += 8010
            await writer.drain()
            await asyncio.sleep(0)
    assert sent < 16 * 1024 * 1024, "it was never told to stop"
    writer.close()


async def test_a_slow_answer_and_a_slow_body_are_no_slow_headers(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\n")
    for _ in range(4):
        await asyncio.sleep(PATIENCE_S / 2)
        writer.write(b"b")
    async with asyncio.timeout(60):
        assert (await reader.readuntil(b"ok")).startswith(ANSWER)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    async with asyncio.timeout(60):
        assert (await reader.readuntil(b"ok")).startswith(ANSWER)
    writer.close()


async def test_a_websocket_is_open_for_longer_than_headers_may_take(port: int) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{port}/") as socket,
        asyncio.timeout(60),
    ):
        said = await socket.receive()
        closed = await socket.receive()
    assert (said.type, said.data) == (aiohttp.WSMsgType.TEXT, "late")
    assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1000)
