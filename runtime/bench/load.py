"""Asks one door many times: at a steady rate, as fast as it can, or with many streams at once.

The client costs less than what it measures, or it would measure itself: requests are bytes made
beforehand, an answer is counted and never decoded, and a connection carries one request at a time.
At a steady rate a request starts when its turn comes, whether the earlier ones have been answered
or not, so a door that stalls shows in every request that it kept waiting.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, cast

import httptools

OK = 200
TAIL_BYTES = 64
DONE = b"data: [DONE]"
ANSWER_S = 120.0
"""Nothing measured here takes so long unless it is lost."""


class LoadError(Exception):
    """A connection ended, or said what is no HTTP."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where requests go: a Unix socket, or else a port of this machine."""

    socket: str = ""
    port: int = 0

    async def line(self) -> Line:
        """A new connection."""
        loop = asyncio.get_running_loop()
        if self.socket:
            _, line = await loop.create_unix_connection(Line, self.socket)
        else:
            _, line = await loop.create_connection(Line, "127.0.0.1", self.port)
        return line


@dataclass(slots=True)
class Heard:
    """What became of the requests of one phase."""

    took_s: list[float] = field(default_factory=list)
    """From the first byte sent to the last one heard."""
    faults: Counter[str] = field(default_factory=Counter)
    pieces: int = 0
    most_at_once: int = 0
    wall_s: float = 0.0

    @property
    def failed(self) -> int:
        """Requests without a good answer."""
        return self.faults.total()


class Line(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._parser: Any = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[None] | None = None
        self.tail = b""
        self.pieces = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready to be asked."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._end(LoadError(f"no HTTP: {error}"))

    def connection_lost(self, _exc: Exception | None) -> None:
        """Whoever waits is told."""
        self._end(LoadError("the connection ended"))

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self.pieces += body.count(b"data: ")
        self.tail = (self.tail + body)[-TAIL_BYTES:]

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._end(None)

    @property
    def closed(self) -> bool:
        """Whether it can be asked no more."""
        return self._transport is None or self._transport.is_closing()

    async def ask(self, request: bytes) -> int:
        """The status of the whole answer. Raises `LoadError` where there is none."""
        transport = self._transport
        if transport is None or transport.is_closing():
            raise LoadError("the connection was closed")
        self.tail, self.pieces = b"", 0
        self._answered = asyncio.get_running_loop().create_future()
        transport.write(request)
        await self._answered
        return int(self._parser.get_status_code())

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def _end(self, error: LoadError | None) -> None:
        waiting, self._answered = self._answered, None
        if waiting is None or waiting.done():
            return
        if error is None:
            waiting.set_result(None)
        else:
            waiting.set_exception(error)


class Load:
    """One door, and the connections to it."""

    def __init__(self, door: Door, request: bytes, *, streamed: bool = False) -> None:
        self._door = door
        self._request = request
        self._streamed = streamed
        self._idle: list[Line] = []
        self._open = 0

    async def at_rate(self, per_second: float, seconds: float) -> Heard:
        """So many requests a second, each at its own time."""
        heard = Heard()
        asked: set[asyncio.Task[None]] = set()
        began = time.perf_counter()
        for number in range(round(per_second * seconds)):
            await _until(began + number / per_second)
            task = asyncio.create_task(self.one(heard))
            asked.add(task)
            task.add_done_callback(asked.discard)
        await asyncio.gather(*asked)
        heard.wall_s = time.perf_counter() - began
        return heard

    async def as_fast_as_it_can(self, connections: int, seconds: float) -> Heard:
        """The next request as soon as the last was answered, on so many connections."""
        heard = Heard()
        began = time.perf_counter()

        async def go_on() -> None:
            while time.perf_counter() - began < seconds:
                await self.one(heard)

        await asyncio.gather(*(go_on() for _ in range(connections)))
        heard.wall_s = time.perf_counter() - began
        return heard

    def close(self) -> None:
        """Hang up everywhere."""
        for line in self._idle:
            line.close()
        self._idle.clear()

    async def one(self, heard: Heard) -> None:
        """One request, as soon as this is called; what became of it is counted."""
        self._open += 1
        heard.most_at_once = max(heard.most_at_once, self._open)
        try:
            async with asyncio.timeout(ANSWER_S):
                line = await self._line()
                began = time.perf_counter()
                status = await line.ask(self._request)
        except (LoadError, OSError, TimeoutError) as error:
            heard.faults[f"{type(error).__name__}: {error}"] += 1
            return
        finally:
            self._open -= 1
        heard.took_s.append(time.perf_counter() - began)
        heard.pieces += line.pieces
        if status != OK:
            heard.faults[f"status {status}"] += 1
        elif self._streamed and DONE not in line.tail:
            heard.faults["a stream without an end"] += 1
        self._idle.append(line)

    async def _line(self) -> Line:
        while self._idle:
            if not (line := self._idle.pop()).closed:
                return line
        return await self._door.line()


def request_of(body: dict[str, Any], *, key: str = "") -> bytes:
    """A chat request as it goes over the wire."""
    raw = json.dumps(body).encode()
    lines = [
        "POST /v1/chat/completions HTTP/1.1",
        "host: bench",
        "content-type: application/json",
        f"content-length: {len(raw)}",
    ]
    if key:
        lines.append(f"authorization: Bearer {key}")
    return "\r\n".join([*lines, "", ""]).encode() + raw


async def _until(moment: float) -> None:
    """A turn that is late begins at once."""
    wait_s = moment - time.perf_counter()
    if wait_s > 0:
        await asyncio.sleep(wait_s)
