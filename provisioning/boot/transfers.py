"""Sending images: whole or from where they broke off, and no more at once than the wire bears.

On a mass restart hundreds of BMCs ask in the same second. Served all at once each would be slow
enough to give up, and to begin again from nothing: so the wire has a budget in bytes per second,
only so many transfers share it as leave each one quick, the others wait their turn, and who waited
for too long is told to come back. Which place a waiting host has can be asked. Whoever lost its
connection goes on from its last byte, if the image is still the same one.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from provisioning.boot.rate import Rate

log = logging.getLogger("podyard.boot")

BYTES_PER_S = 110e6
"""A gigabit, less what TLS and TCP take."""
QUICK_BYTES_PER_S = 4e6
"""What a quick BMC takes: more transfers at once would only make each of them slower than that."""
TURN_S = 20.0
"""How long a request may wait for its turn: BMCs give up after half a minute without an answer."""
COME_BACK_S = 5
CHUNK_BYTES = 64 * 1024
RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


class Content(Protocol):
    """What is sent: bytes, or what can be asked for them piece by piece."""

    def __len__(self) -> int:
        """All of it."""
        ...

    def __getitem__(self, piece: slice, /) -> bytes:
        """These bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of an image, the first and the one after the last."""

    start: int
    stop: int


def piece_of(size: int, asked: str, *, if_range: str, tag: str) -> Piece | None:
    """What to send: the whole, or the one range that was asked for; None: no such bytes.

    A range of an image that has changed, several ranges, and what cannot be read are answered with
    the whole, as RFC 9110 allows: a client that sees 200 begins anew.
    """
    whole = Piece(0, size)
    found = RANGE.fullmatch(asked.strip())
    if found is None or found[1] == found[2] == "" or (if_range and if_range != tag):
        return whole
    if found[1] == "":
        length = min(int(found[2]), size)
        return Piece(size - length, size) if length else None
    start = int(found[1])
    stop = min(int(found[2]) + 1, size) if found[2] else size
    if found[2] and int(found[2]) < start:
        return whole
    return Piece(start, stop) if start < size else None


@dataclass(slots=True)
class Transfers:
    """The transfers of one listener."""

    bytes_per_s: float = BYTES_PER_S
    at_once: int = 0
    """Left out, as many as the wire serves at the pace of a quick BMC."""
    turn_s: float = TURN_S
    running: int = 0
    waiting: int = 0
    rate: Rate = field(init=False)
    _turn: asyncio.Semaphore = field(init=False)
    _sent: Counter[str] = field(default_factory=Counter)
    """Hosts to which something is being sent."""
    _line: list[str] = field(default_factory=list)
    """Hosts that wait, in the order in which they are served."""
    _turned_away: set[str] = field(default_factory=set)
    """Hosts that were told to come back, until somebody asks."""

    def __post_init__(self) -> None:
        self.at_once = self.at_once or max(1, round(self.bytes_per_s / QUICK_BYTES_PER_S))
        self.rate = Rate(self.bytes_per_s)
        self._turn = asyncio.Semaphore(self.at_once)

    def told(self, host_id: str) -> str:
        """What a host waits for here, for people; empty when it waits for nothing."""
        if host_id in self._line:
            place = self._line.index(host_id) + 1
            return (
                f"its image waits for its turn at the image server: place {place} of "
                f"{len(self._line)}, {self.running} are being sent"
            )
        if self._sent[host_id]:
            shared = f"{self.running} share {self.bytes_per_s / 1e6:.0f} MB/s"
            return f"its image is being sent: {shared}"
        return ""

    def turned_away(self, host_id: str) -> bool:
        """Whether a host was told to come back since this was asked last: its try was none."""
        found = host_id in self._turned_away
        self._turned_away.discard(host_id)
        return found

    async def send(
        self, content: Content, *, tag: str, request: Request, host_id: str = ""
    ) -> Response:
        """The answer to a request for an image, once it is its turn."""
        if request.method == "HEAD":
            return _described(content, tag)
        said = request.headers
        piece = piece_of(
            len(content), said.get("range", ""), if_range=said.get("if-range", ""), tag=tag
        )
        headers = {"Accept-Ranges": "bytes", "ETag": tag}
        if piece is None:
            return Response(
                status_code=416, headers={**headers, "Content-Range": f"bytes */{len(content)}"}
            )
        if not await self._take_turn(host_id):
            return Response(status_code=503, headers={"Retry-After": str(COME_BACK_S)})
        in_part = (piece.start, piece.stop) != (0, len(content))
        if in_part:
            headers["Content-Range"] = f"bytes {piece.start}-{piece.stop - 1}/{len(content)}"
        answer = _Turn(
            self._pieces(content, piece),
            status_code=206 if in_part else 200,
            headers={**headers, "Content-Length": str(piece.stop - piece.start)},
            media_type="application/octet-stream",
        )
        answer.over = partial(self._give_back, host_id)
        return answer

    async def _take_turn(self, host_id: str = "") -> bool:
        if self._turn.locked():
            log.info(
                "an image waits for its turn",
                extra={"running": self.running, "waiting": self.waiting + 1},
            )
        self.waiting += 1
        self._line.append(host_id)
        try:
            async with asyncio.timeout(self.turn_s):
                await self._turn.acquire()
        except TimeoutError:
            log.warning("an image waited for too long", extra={"waiting": self.waiting})
            self._turned_away.add(host_id)
            return False
        finally:
            self.waiting -= 1
            self._line.remove(host_id)
        self.running += 1
        self._sent[host_id] += 1
        return True

    def _give_back(self, host_id: str = "") -> None:
        self.running -= 1
        self._sent[host_id] -= 1
        self._sent = +self._sent
        self._turn.release()

    async def _pieces(self, content: Content, piece: Piece) -> AsyncIterator[bytes]:
        for at in range(piece.start, piece.stop, CHUNK_BYTES):
            stop = min(at + CHUNK_BYTES, piece.stop)
            await self.rate.take(stop - at)
            yield content[at:stop]


def _described(content: Content, tag: str) -> Response:
    """How large it is, which firmware asks first: no byte of it is sent, so nobody waits for it."""
    return Response(
        headers={"Accept-Ranges": "bytes", "ETag": tag, "Content-Length": str(len(content))},
        media_type="application/octet-stream",
    )


class _Turn(StreamingResponse):
    """A transfer that gives its turn back however it ends: also when nobody listens any more."""

    over: Callable[[], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.over()
