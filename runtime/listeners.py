"""The service's listening sockets: bound first, so that a port in use is named before any work.

Each listener is one uvicorn server in the service's own event loop. Only loopback is bound unless
the operator names another address.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from inventory.slow_headers import PlainProtocol

DRAIN_S = 10  # streams in progress at shutdown get this long


@dataclass(frozen=True, slots=True)
class Tls:
    """What a TLS listener needs."""

    certificate: Path
    key: Path
    client_authority: Path
    protocol: type[asyncio.Protocol]
    """The uvicorn protocol that hands the peer's certificate to the app."""


class Listener:
    """One socket and the app behind it."""

    def __init__(
        self,
        opened: socket.socket,
        app: Callable[..., Any],
        *,
        tls: Tls | None = None,
    ) -> None:
        self._socket = opened
        self._server = uvicorn.Server(_config(app, tls))
        # The service has one signal handler of its own; a server must not install another.
        self._server.capture_signals = _no_signals  # type: ignore[method-assign]

    async def run(self) -> None:
        """Serve until stopped."""
        await self._server.serve(sockets=[self._socket])

    def stop(self) -> None:
        """Finish what is in progress, take nothing new."""
        self._server.should_exit = True


def _config(app: Callable[..., Any], tls: Tls | None) -> uvicorn.Config:
    options: dict[str, Any] = {
        "log_config": None,
        "access_log": False,
        "lifespan": "auto",
        "proxy_headers": False,  # nobody in front of us may say who the client is
        "server_header": False,
        "timeout_graceful_shutdown": DRAIN_S,
    }
    if tls is None:
        return uvicorn.Config(app, **options, http=PlainProtocol)

    return uvicorn.Config(
        app,
        **options,
        http=tls.protocol,
        ssl_certfile=tls.certificate,
        ssl_keyfile=tls.key,
        ssl_ca_certs=str(tls.client_authority),
        ssl_cert_reqs=ssl.CERT_OPTIONAL,  # enrolment has no certificate yet; every route says
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
    )


def _no_signals() -> Any:

    return contextlib.nullcontext()
