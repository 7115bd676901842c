"""Bytes from a Unix socket to a TCP port, across the border of a network namespace.

Ray listens inside its cluster's own network namespace, where nothing of ours can connect. A Unix
socket is a file: whoever may open the file reaches it from any namespace. So the agent on the head
opens two sockets with mode 0600 and carries bytes to the dashboard's and to Serve's port. It
reads no protocol and knows no secret.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path

SOCKET_PATH_BYTES_MAX = 107
"""What fits into `sockaddr_un` beside its closing zero."""

CHUNK_BYTES = 65536
CONNECT_TIMEOUT_S = 5.0  # the port is on this host: it answers at once or is not there


class SocketPathError(ValueError):
    """A Unix socket cannot be made or reached under this path."""


def checked_socket_path(path: Path) -> Path:
    """The path itself, when the kernel can take it."""
    length = len(os.fsencode(path))
    if length > SOCKET_PATH_BYTES_MAX:
        raise SocketPathError(
            f"socket path {path} has {length} bytes, the kernel takes {SOCKET_PATH_BYTES_MAX}; "
            "hint: choose a shorter state directory"
        )
    return path


class Relay:
    """One listening Unix socket and the TCP address behind it."""

    def __init__(self, path: Path, *, host: str, port: int) -> None:
        self.path = checked_socket_path(path)
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._carrying: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. A socket file left by an earlier life is replaced."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._accept, sock=_private(self.path))

    async def stop(self) -> None:
        """Stop listening, cut what is open, remove the file."""
        if self._server is not None:
            self._server.close()
            for task in self._carrying:
                task.cancel()
            await asyncio.gather(*self._carrying, return_exceptions=True)
            self._server = None
        self.path.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._carrying.add(task)
            task.add_done_callback(self._carrying.discard)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                far_reader, far_writer = await asyncio.open_connection(*self._target)
        except (OSError, TimeoutError):  # nobody listens yet: the caller sees a closed connection
            await _close(writer)
            return
        try:
            await asyncio.gather(_carry(reader, far_writer), _carry(far_reader, writer))
        except asyncio.CancelledError:
            far_writer.transport.abort()
            writer.transport.abort()
        finally:
            await _close(far_writer)
            await _close(writer)


def _private(path: Path) -> socket.socket:
    """A bound socket that was never open to others, not even between bind and chmod."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.fchmod(listener.fileno(), 0o600)  # Linux takes the file's mode from the socket's
    listener.bind(str(path))
    path.chmod(0o600)
    return listener


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One direction, to its end; a half-closed connection stays half open, as in TCP."""
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
