"""Bytes through a Unix socket to a port, both ways, and nobody else."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runtime.relay import Relay, SocketPathError, checked_socket_path

pytestmark = pytest.mark.integration


@pytest.fixture
async def shouting() -> AsyncIterator[int]:
    """A server that answers all it was sent, in capitals, once the sender is done."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read()).upper())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def exchange(path: Path, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(sent)
    writer.write_eof()
    found = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return found


async def test_megabytes_pass_both_ways_after_a_half_close(short_dir: Path, shouting: int) -> None:
    relay = Relay(short_dir / "relay/x.sock", host="127.0.0.1", port=shouting)
    await relay.start()
    sent = b"abc" * 700_000
    assert await exchange(relay.path, sent) == sent.upper()
    await relay.stop()
    assert not relay.path.exists()


async def test_socket_is_for_its_owner_only(short_dir: Path) -> None:
    relay = Relay(short_dir / "relay/x.sock", host="127.0.0.1", port=1)
    await relay.start()
    assert stat.S_IMODE(relay.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(relay.path.parent.stat().st_mode) == 0o700
    await relay.stop()


async def test_nobody_behind_it_is_a_closed_connection(short_dir: Path) -> None:
    relay = Relay(short_dir / "x.sock", host="127.0.0.1", port=1)
    await relay.start()
    assert await exchange(relay.path, b"hello") == b""
    await relay.stop()


async def test_socket_left_by_an_earlier_life_is_replaced(short_dir: Path, shouting: int) -> None:
    path = short_dir / "x.sock"
    await asyncio.to_thread(path.write_text, "stale")
    relay = Relay(path, host="127.0.0.1", port=shouting)
    await relay.start()
    assert await exchange(path, b"a") == b"A"
    await relay.stop()


async def test_stopping_cuts_open_connections(short_dir: Path, shouting: int) -> None:
    relay = Relay(short_dir / "x.sock", host="127.0.0.1", port=shouting)
    await relay.start()
    reader, writer = await asyncio.open_unix_connection(relay.path)
    writer.write(b"half")
    await writer.drain()
    await asyncio.sleep(0.05)
    await relay.stop()
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


def test_path_that_the_kernel_cannot_take_is_told() -> None:
    longest = Path("/" + "x" * 106)
    assert checked_socket_path(longest) == longest
    with pytest.raises(SocketPathError, match="108 bytes"):
        checked_socket_path(Path("/" + "x" * 107))
