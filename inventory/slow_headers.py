"""A client that sends its headers drop by drop holds a connection for some seconds and no longer.

uvicorn waits for the end of a request's headers for as long as somebody sends now and then, and one
of its two parsers gathers any number of them. Nothing behind it can bound that: the app is called
when the headers are whole. So the protocol itself keeps the time, from the first moment on, and
between two requests of one connection. From then on `bounds` keeps the time of the body.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEADERS_S = 15.0
"""Headers are a few hundred bytes; a telephone at the edge of its network sends them in two."""
HEADERS_MAX_BYTES = 64 * 1024
"""As h11 has it: a cookie, a key and a long query fit many times."""

_TOO_SLOW = b"408 Request Timeout"
_TOO_LARGE = b"431 Request Header Fields Too Large"


if TYPE_CHECKING:

    class _Protocol(asyncio.Protocol):
        """What both of uvicorn's HTTP protocols have."""

        transport: asyncio.Transport
        cycle: Any

        def on_response_complete(self) -> None: ...

else:
    _Protocol = object


class HeadersInTime(_Protocol):
    """Put before one of uvicorn's protocols: headers come in time, or the connection ends."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._patience: asyncio.TimerHandle | None = None
        self._gathered = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first request's time begins."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """More of a request, or its end."""
        super().data_received(data)
        if not self._waiting() or self._is_handed_over():
            self._content()
            return
        self._gathered += len(data)
        if self._gathered > HEADERS_MAX_BYTES:
            self._end(_TOO_LARGE)

    def on_response_complete(self) -> None:
        """The next request's time begins, unless it is there already."""
        super().on_response_complete()
        if self._waiting():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is waited for."""
        self._content()
        super().connection_lost(exc)

    def _waiting(self) -> bool:
        """Whether no request is whole or answered now."""
        return self.cycle is None or bool(self.cycle.response_complete)

    def _is_handed_over(self) -> bool:
        """A WebSocket's: whoever has the connection now never comes back to requests."""
        return self.transport.get_protocol() is not self

    def _wait(self) -> None:
        self._content()
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(HEADERS_S, self._end, _TOO_SLOW)

    def _content(self) -> None:
        self._gathered = 0
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _end(self, status: bytes) -> None:
        self._content()
        if not self.transport.is_closing() and self._waiting():
            said = b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            self.transport.write(said)
            self.transport.close()


class PlainProtocol(HeadersInTime, AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's own, in time."""
