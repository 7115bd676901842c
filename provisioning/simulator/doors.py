"""What a host can reach outside its namespaces: the hall's switchboard and the controller's door.

Both are Unix sockets in the host's run directory, which it sees as /run. `hall.sock` moves the
host's one cable between networks; `uplink.sock` passes bytes to the controller's TLS door, unread:
the agent verifies that door itself, end to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from provisioning.simulator.errors import HallError, LaunchRefused
from provisioning.simulator.launcher import HostLauncher, HostPlace

SOCKET_PATH_LIMIT_BYTES = 107
"""Linux's sockaddr_un holds 108, the last of which is zero."""
RELAY_CHUNK_BYTES = 64 * 1024
NETWORK_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


def check_socket_paths(places: list[HostPlace]) -> None:
    """Refuse a state directory whose sockets Linux could not name, before anything is made."""
    for place in places:
        for name in ("hall.sock", "uplink.sock"):
            path = str(place.run / name)
            if len(path.encode()) > SOCKET_PATH_LIMIT_BYTES:
                raise HallError(
                    f"socket path {path} has {len(path.encode())} bytes; "
                    f"Linux allows {SOCKET_PATH_LIMIT_BYTES}",
                    hint="choose a shorter --state directory",
                )


@dataclass(slots=True)
class HostDoors:
    """The two sockets of one host."""

    place: HostPlace
    launcher: HostLauncher
    _switchboard: web.AppRunner | None = None
    _uplink: asyncio.Server | None = None
    _relays: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self) -> None:
        """Listen; sockets left by a killed simulator are replaced."""
        application = web.Application()
        application.router.add_put("/network", self._attach)
        application.router.add_delete("/network", self._detach)
        self._switchboard = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._switchboard.setup()
        hall, uplink = self.place.run / "hall.sock", self.place.run / "uplink.sock"
        hall.unlink(missing_ok=True)
        uplink.unlink(missing_ok=True)
        await web.UnixSite(self._switchboard, str(hall)).start()
        self._uplink = await asyncio.start_unix_server(self._accept, str(uplink))

    async def close(self) -> None:
        """Stop listening and cut what is connected."""
        if self._uplink is not None:
            self._uplink.close()
        for relay in list(self._relays):
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)
        if self._switchboard is not None:
            await self._switchboard.cleanup()

    async def _attach(self, request: web.Request) -> web.Response:
        try:
            wanted = await request.json()
            network, address = str(wanted["name"]), str(wanted["address"])
            ipaddress.ip_interface(address)
        except (ValueError, KeyError, TypeError) as error:
            return _no(400, f"not a network request: {error}")
        if not NETWORK_NAME.fullmatch(network):
            return _no(400, f"not a network name: {network!r}")
        try:
            await self.launcher.attach(self.place.name, network=network, address=address)
        except LaunchRefused as error:
            return _no(409, f"{error}; hint: {error.hint}")
        return web.json_response({"name": network, "address": address, "interface": "eth0"})

    async def _detach(self, _: web.Request) -> web.Response:
        try:
            await self.launcher.detach(self.place.name)
        except LaunchRefused as error:
            return _no(409, f"{error}; hint: {error.hint}")
        return web.json_response({})

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._relays.add(task)
        task.add_done_callback(self._relays.discard)
        try:
            host, port = controller_address(self._boot_document())
            far_reader, far_writer = await asyncio.open_connection(host, port)
        except (OSError, ValueError):
            # Nobody to talk to: the agent sees a closed connection and tries again later.
            writer.close()
            return
        await relay((reader, writer), (far_reader, far_writer))

    def _boot_document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.place.run / "boot.json").read_bytes())
        return found


def controller_address(boot: dict[str, Any]) -> tuple[str, int]:
    """Where the boot document says the controller is; only loopback is ever connected to."""
    host, _, port = str(boot.get("controller", "")).rpartition(":")
    if not ipaddress.ip_address(host.strip("[]")).is_loopback:
        raise ValueError(f"controller {host} is not on loopback")
    return host.strip("[]"), int(port)


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def relay(near: Ends, far: Ends) -> None:
    """Pass bytes both ways until both directions have ended."""
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_pump(near[0], far[1]))
            both.create_task(_pump(far[0], near[1]))
    finally:
        for writer in (near[1], far[1]):
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # A connection cut by the other side ends this direction; it is not an error of the relay's.
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(RELAY_CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def _no(status: int, reason: str) -> web.Response:
    return web.json_response({"error": reason}, status=status)
