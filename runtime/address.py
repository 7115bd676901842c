"""Where a door of the service listens, by the option that says so, and the socket bound there."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from inventory.errors import Conflict

BACKLOG = 2048  # every agent of a large pod may call in the same second after a restart


@dataclass(frozen=True, slots=True)
class Address:
    """Where one listener listens, and the option that changes it."""

    host: str
    port: int
    option: str

    @classmethod
    def parse(cls, text: str, *, option: str) -> Address:
        """`host:port`."""
        host, _, port = text.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 - the last port
            raise Conflict(f"{option} {text!r} is not host:port", hint=f"{option} 127.0.0.1:8470")
        return cls(host.strip("[]"), int(port), option)

    def bind(self) -> socket.socket:
        """A listening socket, or Conflict with the option that moves it."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_STREAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind((self.host, self.port))
            opened.listen(BACKLOG)
        except OSError as error:
            opened.close()
            raise Conflict(
                f"cannot listen on {self.host}:{self.port}: {error.strerror}",
                hint=f"stop what uses it, or choose another port: {self.option} HOST:PORT",
            ) from error
        opened.setblocking(False)
        return opened
