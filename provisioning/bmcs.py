"""Open BMC connections, one per host at work, closed when it rests.

BMCs allow 4 to 16 sessions and some freeze under bursts, so a host that needs several looks in a
row keeps one session, and a host that rests keeps none. A connection counts for the record that it
was opened with: when a person corrects the account, the next look logs in anew. Which driver speaks
is chosen by the address; passwords are unsealed here, just before they are used, and nowhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pydantic import SecretStr

from inventory.model import BmcAccess, Host
from provisioning.drivers.protocol import Bmc

_OpenedWith = tuple[BmcAccess, str]
"""Access and serial, as they were on record."""
OpenBmc = Callable[[Host, SecretStr], Awaitable[Bmc]]
ReadPassword = Callable[[Host], Awaitable[SecretStr]]


class BmcPool:
    """At most one open connection per host."""

    def __init__(self, open_bmc: OpenBmc, read_password: ReadPassword) -> None:
        self._open = open_bmc
        self._read_password = read_password
        self._connections: dict[str, tuple[_OpenedWith, Bmc]] = {}

    async def of(self, host: Host) -> Bmc:
        """The open connection of a host, or a new one."""
        wanted = (host.bmc, host.serial)
        known = self._connections.get(host.id)
        if known is not None and known[0] == wanted:
            return known[1]
        await self.drop(host.id)
        bmc = await self._open(host, await self._read_password(host))
        self._connections[host.id] = (wanted, bmc)
        return bmc

    async def anew(self, host: Host, password: SecretStr) -> Bmc:
        """A connection of its own with another password; whoever asks closes it."""
        return await self._open(host, password)

    def is_open(self, host_id: str) -> bool:
        """Whether a conversation with this host's BMC is going on."""
        return host_id in self._connections

    async def drop(self, host_id: str) -> None:
        """Log out and forget: the host rests, or its connection is in doubt."""
        known = self._connections.pop(host_id, None)
        if known is not None:
            await known[1].close()

    async def close(self) -> None:
        """Log out everywhere, side by side: a dead BMC must not hold up the others."""
        ids = list(self._connections)
        await asyncio.gather(*(self.drop(host_id) for host_id in ids))
