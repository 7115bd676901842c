"""How often one client may ask: a bucket for each key or person, and one for each unknown address.

Whoever is known is counted by name, whatever the address, so that many people behind one address do
not slow each other down; an address counts only for what it sends without a good key or session.
"""

from __future__ import annotations

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inventory.actors import Actor
from inventory.deps import ApiDeps
from inventory.identity import address_of
from inventory.rate_limits import Allowance, Buckets, Rate
from inventory.refusals import Refused

ALLOWANCE = "allowance"
"""Where a request's state holds what became of it."""


class Limits:
    """The buckets of one process."""

    def __init__(self, deps: ApiDeps) -> None:
        self._deps = deps
        self._known = Buckets()
        self._unknown = Buckets()

    def admit(self, request: Request, actor: Actor) -> None:
        """Count a request of somebody known, or refuse it."""
        access = self._deps.access
        per_minute = actor.requests_per_minute or access.requests_per_minute
        self._take(request, self._known, actor.id, Rate.per_minute(per_minute))

    def admit_unknown(self, request: Request) -> None:
        """Count a request without a good proof, or refuse it for coming too often."""
        rate = Rate.per_minute(self._deps.access.unknown_per_minute)
        self._take(request, self._unknown, address_of(request), rate)

    def _take(self, request: Request, buckets: Buckets, name: str, rate: Rate) -> None:
        allowance = buckets.take(name, rate, now=self._deps.clock.now())
        setattr(request.state, ALLOWANCE, allowance)
        if not allowance.allowed:
            raise Refused(
                429,
                "too-many-requests",
                f"more than {allowance.limit} requests a minute",
                hint="wait as long as Retry-After says; a list of 1,000 needs one request",
                headers=allowance.headers(),
            )


class LimitHeaders:
    """Tells every client how much is left. Pure ASGI, because a route may answer by itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})

        async def send_told(message: Message) -> None:
            allowance = scope["state"].get(ALLOWANCE)
            if message["type"] == "http.response.start" and isinstance(allowance, Allowance):
                present = {name.lower() for name, _ in message["headers"]}
                told = [(n.lower().encode(), v.encode()) for n, v in allowance.headers().items()]
                message["headers"] = [
                    *message["headers"],
                    *(pair for pair in told if pair[0] not in present),
                ]
            await send(message)

        await self._app(scope, receive, send_told)
