"""Connections to what answers: Unix sockets of relays, pooled, with a memory for failures.

One HTTP session per socket, kept while the gateway's state names it. An upstream that just failed
is asked last for a few seconds instead of not at all: when all have failed, asking is all that is
left.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import aiohttp

from runtime.routes import Upstream

AVOID_S = 5.0  # Serve replaces a replica in seconds; a head that restarts takes half a minute
CONNECTIONS_PER_SOCKET = 4096  # a stream has one: above what a gateway carries, so none queues here


class Upstreams:
    """Sessions by socket path, and which upstreams to ask in which order."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._failed_at: dict[str, float] = {}
        self._turn = itertools.count()

    def session(self, socket: str) -> aiohttp.ClientSession:
        """The session of a socket, opened when first asked for."""
        found = self._sessions.get(socket)
        if found is None:
            connector = aiohttp.UnixConnector(path=socket, limit=CONNECTIONS_PER_SOCKET)
            found = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                # Bytes are passed on as they come, so they must come plain.
                headers={"accept-encoding": "identity"},
                auto_decompress=False,
            )
            self._sessions[socket] = found
        return found

    def order(self, upstreams: Sequence[Upstream]) -> list[Upstream]:
        """In turn, those that failed lately last. One alone is asked twice."""
        if not upstreams:
            return []
        start = next(self._turn) % len(upstreams)
        turned = [*upstreams[start:], *upstreams[:start]]
        now = self._monotonic()
        turned.sort(key=lambda one: now - self._failed_at.get(one.socket, -AVOID_S) < AVOID_S)
        return turned if len(turned) > 1 else turned * 2

    def failed(self, upstream: Upstream) -> None:
        """Remember that it did not answer."""
        self._failed_at[upstream.socket] = self._monotonic()

    async def keep_only(self, sockets: frozenset[str]) -> None:
        """Close what the state no longer names."""
        for gone in self._sessions.keys() - sockets:
            await self._sessions.pop(gone).close()
        for gone in self._failed_at.keys() - sockets:
            del self._failed_at[gone]

    async def close(self) -> None:
        """Close all."""
        await self.keep_only(frozenset())
