"""What every request must keep to, and what every answer says beside its body. Pure ASGI.

A request is known by one id from the client's log to ours and to the change log: `X-Request-ID`
is taken when it is well formed, else made, and always answered. A path may end in a slash, as
NetBox's do, for every verb: a POST that loses its slash must not become another request.
"""

from __future__ import annotations

import asyncio
import re
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inventory.refusals import ErrorBody, answer

BODY_MAX_BYTES = 4 * 1024 * 1024
"""A whole spec of 1 MiB and 4,500 hosts fit twice."""

FORM_MAX_BYTES = 64 * 1024
"""A form of ours has a few short fields, and is read before anybody is known."""
BODY_DEADLINE_S = 60.0
"""4 MiB pass in this time over 0.6 Mbit/s; who sends slower holds a connection for nothing."""
FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")

_TOO_SLOW = ErrorBody(
    kind="too-slow",
    message=f"the request was not there whole after {BODY_DEADLINE_S:.0f} s",
    hint="send it again over a faster line, or split it",
)

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""Set where the route said nothing of its own: web pages bring their own content policy."""

API_VERSION = "1"
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
REQUEST_ID_STATE = "request_id"
"""Where a request's state holds its id."""


class Bounds:
    """Caps bodies, names requests, and adds the headers."""

    def __init__(self, app: ASGIApp, *, body_max_bytes: int = BODY_MAX_BYTES) -> None:
        self._app = app
        self._body_max_bytes = body_max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        request_id = _request_id(scope)
        own = (*HEADERS, (b"x-request-id", request_id), (b"api-version", API_VERSION.encode()))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(pair for pair in own if pair[0] not in present),
                ]
            await send(message)

        allowed = min(self._body_max_bytes, FORM_MAX_BYTES if _is_form(scope) else BODY_MAX_BYTES)
        try:
            async with asyncio.timeout(BODY_DEADLINE_S):
                body = await _body(scope, receive, allowed)
        except TimeoutError:
            await answer(408, _TOO_SLOW)(scope, receive, send_with_headers)
            return
        if body is None:
            await answer(413, _too_large(allowed))(scope, receive, send_with_headers)
            return
        inner = _without_slash(scope)
        inner["state"] = {**scope.get("state", {}), REQUEST_ID_STATE: request_id.decode()}
        await self._app(inner, _replay(body, receive), send_with_headers)


async def _body(scope: Scope, receive: Receive, allowed: int) -> bytes | None:
    """The whole body, or None when it is over the cap: nothing behind us sees a part of it."""
    length = dict(scope["headers"]).get(b"content-length", b"0")
    if length.isdigit() and int(length) > allowed:
        return None
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        part = message.get("body", b"")
        size += len(part)
        if size > allowed:
            return None
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def _is_form(scope: Scope) -> bool:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    return headers.get(b"content-type", b"").lower().startswith(FORMS)


def _too_large(allowed: int) -> ErrorBody:
    return ErrorBody(
        kind="too-large",
        message=f"a request of this sort may hold at most {allowed} bytes",
        hint="split the request",
    )


def _request_id(scope: Scope) -> bytes:
    given = dict(scope["headers"]).get(b"x-request-id", b"")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex.encode()


def _without_slash(scope: Scope) -> Scope:
    """The request as its route is declared: without a slash at the end of an API path."""
    path = scope["path"]
    if not path.startswith("/api/") or not path.endswith("/"):
        return {**scope}
    return {**scope, "path": path.rstrip("/")}


def _replay(body: bytes, receive: Receive) -> Receive:
    """Hand the body on once; afterwards only the news that the client left."""
    sent = False

    async def once() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once
