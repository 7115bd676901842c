"""Under which names this service answers, and how it writes its own address.

A `Host` header is whatever its sender wrote, so no link may be built from one that nobody checked:
a code on a rack would lead to a stranger's page. Where the operator set the public address, links
begin with that, whatever a proxy sends. Where not, only requests for names of this machine and for
those that the operator listed are answered. No `X-Forwarded-…` header is believed.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from inventory.deps import ApiDeps
from inventory.refusals import ErrorBody, answer

_HINT = (
    "use the service's own address; behind a proxy set PODYARD_ACCESS_PUBLIC_URL, "
    "or list the name in PODYARD_ACCESS_HOSTS"
)


def base_of(request: Request) -> str:
    """What absolute links begin with, without a slash at the end."""
    deps: ApiDeps = request.app.state.deps
    return (deps.public_url or str(request.base_url)).rstrip("/")


def names_of(bound: str, listed: tuple[str, ...]) -> frozenset[str]:
    """The names to answer to besides loopback."""
    return frozenset(name.lower() for name in (bound, *listed))


class OwnNames:
    """Refuses requests for other names. Without a set of names everything is answered."""

    def __init__(self, app: ASGIApp, *, deps: ApiDeps) -> None:
        self._app = app
        self._names = None if deps.public_url else deps.names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or self._names is None:
            await self._app(scope, receive, send)
            return
        given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        # Without the header, links name the address of the socket.
        if len(given) > 1 or not all(_is_own(one, self._names) for one in given):
            await answer(400, _refusal(", ".join(given)))(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_own(host: str, names: frozenset[str]) -> bool:
    try:
        parts = urlsplit(f"//{host}")
        name, plain = parts.hostname or "", parts.netloc == host and "@" not in host
        _ = parts.port  # ValueError where it is no number
    except ValueError:
        return False
    return plain and (name == "localhost" or name in names or _loopback(name))


def _loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _refusal(host: str) -> ErrorBody:
    return ErrorBody(
        kind="unknown-host",
        message="this service does not answer to this name",
        hint=_HINT,
        path="Host",
        value=host[:80],
    )
