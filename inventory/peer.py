"""Which agent is at the other end of a TLS connection, as the handshake proved it.

uvicorn verifies a client certificate but does not tell the app whose it was. This protocol reads it
from the connection and puts it into the ASGI scope; headers can never do that. A client without a
certificate is let in, since enrolment comes before the certificate; a certificate that our own
authority did not sign ends the handshake.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from inventory.slow_headers import HeadersInTime

PEER = "podyard.peer"
CLOSING = "podyard.closing"


@dataclass(frozen=True, slots=True)
class Peer:
    """A verified client certificate: who it names, and which one it is."""

    common_name: str
    serial: str
    """In hexadecimal, as `AgentSeen.certificate_serial`."""


def peer_of(scope: Scope) -> Peer | None:
    """The verified peer of this request, or None."""
    found = scope.get(PEER)
    return found if isinstance(found, Peer) else None


def closing_of(scope: Scope) -> Callable[[], bool]:
    """Whether this request's connection is to be closed: a long poll should end then."""
    found = scope.get(CLOSING)
    return found.is_set if isinstance(found, asyncio.Event) else lambda: False


def serial_text(certificate: x509.Certificate) -> str:
    """How a certificate's serial number is written down."""
    return format(certificate.serial_number, "x")


def peer_from_der(der: bytes) -> Peer | None:
    """Who a certificate names."""
    certificate = x509.load_der_x509_certificate(der)
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1:
        return None
    return Peer(common_name=str(names[0].value), serial=serial_text(certificate))


class PeerCertificateProtocol(HeadersInTime, AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """HTTP/1.1 that knows its verified peer, and lets long polls know of the server's end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._closing = asyncio.Event()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Read the certificate once: it belongs to the connection."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True) if tls is not None else None
        peer = peer_from_der(der) if der else None
        self.app: Any = _Named(self.app, {PEER: peer, CLOSING: self._closing})

    def shutdown(self) -> None:
        """Called when the server stops: without this it would wait for every long poll."""
        self._closing.set()
        super().shutdown()


class _Named:
    """Adds what is known of one connection to each of its scopes."""

    def __init__(self, app: ASGIApp, known: dict[str, object]) -> None:
        self._app = app
        self._known = known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.update(self._known)
        await self._app(scope, receive, send)
