"""What an idle TLS connection takes, seen on a real one."""

from __future__ import annotations

import asyncio
import gc
import ssl
from asyncio import sslproto
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inventory.authority import Authority
from inventory.clock import SystemClock
from inventory.tls_memory import READ_BYTES, bound_read_buffers

LARGE = b"x" * 300_000


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = sslproto.SSLProtocol.max_size
    yield
    sslproto.SSLProtocol.max_size = before


async def test_both_ends_keep_small_buffers_and_large_answers_come_whole(tmp_path: Path) -> None:
    bound_read_buffers()
    now = SystemClock().now()
    certificate, key = Authority.open(tmp_path, now=now).issue_server(tmp_path, now=now)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate, key)
    client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_side.check_hostname = False
    client_side.verify_mode = ssl.CERT_NONE

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readexactly(len(LARGE))
        writer.write(asked)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server_side)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_side)
    found: list[Any] = [one for one in gc.get_objects() if type(one) is sslproto.SSLProtocol]
    buffers = [len(one._ssl_buffer) for one in found]
    assert buffers
    assert max(buffers) == READ_BYTES
    writer.write(LARGE)
    assert await reader.readexactly(len(LARGE)) == LARGE
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
