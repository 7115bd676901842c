"""A wire between an IPMI client and its BMC that counts what passes and can be cut one way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

Address = tuple[str | Any, int]


@dataclass
class UdpRelay:
    """Passes datagrams both ways; `requests` are those towards the BMC, whole."""

    far: int
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    answers_left: int | None = None
    """How many more answers get through; None: all."""
    _near: asyncio.DatagramTransport | None = None
    _far: asyncio.DatagramTransport | None = None
    _client: Address | None = None

    async def start(self) -> None:
        """Listen on a free loopback port."""
        loop = asyncio.get_running_loop()
        relay = self

        class Near(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Address) -> None:
                relay.request(data, addr)

        class Far(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Address) -> None:  # noqa: ARG002
                relay.answer(data)

        self._near, _ = await loop.create_datagram_endpoint(Near, local_addr=("127.0.0.1", 0))
        self._far, _ = await loop.create_datagram_endpoint(Far, remote_addr=("127.0.0.1", self.far))
        self.port = self._near.get_extra_info("sockname")[1]

    def request(self, data: bytes, client: Address) -> None:
        """Towards the BMC."""
        self._client = client
        self.requests.append(data)
        if self._far is not None:
            self._far.sendto(data)

    def answer(self, data: bytes) -> None:
        """Towards the client, while answers get through."""
        if self.answers_left is not None:
            if self.answers_left <= 0:
                return
            self.answers_left -= 1
        if self._near is not None and self._client is not None:
            self._near.sendto(data, self._client)

    async def stop(self) -> None:
        """Close both ends."""
        for end in (self._near, self._far):
            if end is not None:
                end.close()
