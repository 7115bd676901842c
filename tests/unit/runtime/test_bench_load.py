"""The client of the gateway's bench: whatever is no whole answer is counted as none."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from runtime.bench.gatewaying import compared
from runtime.bench.load import Door, Heard, Load, request_of

HEAD = b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s"
WHOLE = b"data: {}\n\ndata: [DONE]\n\n"
CUT = b"data: {}\n\n"


async def _heard(tmp_path: Path, answer: bytes) -> Heard:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(answer)
                if not answer.endswith((WHOLE, CUT)):
                    break
        writer.close()

    path = str(tmp_path / "door")
    server = await asyncio.start_unix_server(serve, path)
    load = Load(Door(socket=path), request_of({"model": "m"}), streamed=True)
    heard = await load.at_rate(1000, 0.003)
    load.close()
    server.close()
    return heard


def _answer(status: bytes, body: bytes) -> bytes:
    return HEAD % (status, len(body), body)


async def test_whole_streams_are_answers(tmp_path: Path) -> None:
    heard = await _heard(tmp_path, _answer(b"200 OK", WHOLE))
    assert (len(heard.took_s), heard.failed, heard.pieces) == (3, 0, 6)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (_answer(b"200 OK", CUT), "a stream without an end"),
        (_answer(b"429 Too Many", WHOLE), "status 429"),
        (_answer(b"200 OK", WHOLE)[:-5], "LoadError: the connection ended"),
        (b"what is this\r\n\r\n", "LoadError: no HTTP"),
    ],
)
async def test_anything_else_is_a_fault(tmp_path: Path, answer: bytes, fault: str) -> None:
    heard = await _heard(tmp_path, answer)
    assert heard.failed == 3
    assert all(name.startswith(fault) for name in heard.faults)


async def test_a_connection_that_was_hung_up_on_is_not_asked_again(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_answer(b"200 OK", WHOLE))
        writer.close()

    path = str(tmp_path / "door")
    server = await asyncio.start_unix_server(serve, path)
    load = Load(Door(socket=path), request_of({"model": "m"}), streamed=True)
    for _ in range(3):
        assert (await load.at_rate(1000, 0.001)).failed == 0
        for line in load._idle:
            async with asyncio.timeout(10):
                while not line.closed:  # noqa: ASYNC110 - the end of the connection has no event
                    await asyncio.sleep(0)
    server.close()


def test_what_was_never_answered_has_no_figure() -> None:
    said = compared([Heard(took_s=[0.001])], [Heard()])
    assert (said["added_p50_ms"], said["direct_p50_ms"]) == (None, 1.0)


def test_what_is_added_is_told_in_milliseconds() -> None:
    said = compared([Heard(took_s=[0.001, 0.002])], [Heard(took_s=[0.003, 0.005])])
    assert (said["added_p50_ms"], said["direct_p50_ms"]) == (3.0, 2.0)
