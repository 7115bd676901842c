"""Answers in OpenAI's own shapes, so that unmodified clients understand them.

A client decides by status and by `error.code` whether to retry, to give up or to ask a person; the
`openai` package raises a different exception for each. Errors are therefore values with all of that
in them, made in one place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from runtime.limits import Allowance

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
Scope = MutableMapping[str, Any]
Headers = Iterable[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
INVALID = "invalid_request_error"
SERVER = "server_error"


@dataclass(eq=False)  # not frozen: Python itself writes tracebacks into exceptions
class Problem(Exception):
    """A request that ends with an error answer."""

    status: int
    message: str
    kind: str = INVALID
    code: str | None = None
    param: str | None = None
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())

    def body(self) -> bytes:
        """OpenAI's error object."""
        error = {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }
        return json.dumps({"error": error}).encode()


def no_key() -> Problem:
    """401 for a request without a key."""
    return Problem(
        401,
        "You didn't provide an API key. Provide it in an Authorization header using Bearer auth "
        "(i.e. Authorization: Bearer pyd_...).",
        headers=((b"www-authenticate", b"Bearer"),),
    )


def wrong_key() -> Problem:
    """401, the same for every reason: which part was wrong is nobody's business."""
    return Problem(
        401,
        "Incorrect API key provided.",
        code="invalid_api_key",
        headers=((b"www-authenticate", b'Bearer error="invalid_token"'),),
    )


def not_allowed(permission: str) -> Problem:
    """403: the key is right, and was made for other things."""
    return Problem(
        403,
        f"This API key was not given the permission {permission}.",
        code="permission_denied",
    )


def over_limit(allowance: Allowance) -> Problem:
    """429 with when to come back."""
    wait_s = max(1, math.ceil(allowance.retry_after_s))
    return Problem(
        429,
        f"Rate limit reached for requests: limit {allowance.limit} per minute. "
        f"Please try again in {wait_s}s.",
        kind="requests",
        code="rate_limit_exceeded",
        headers=((b"retry-after", str(wait_s).encode()), *limit_headers(allowance)),
    )


def unknown_model(model: str) -> Problem:
    """404, the same whether nobody or another tenant has a model of this name."""
    return Problem(
        404,
        f"The model `{model}` does not exist or you do not have access to it.",
        code="model_not_found",
        param="model",
    )


def not_ready(model: str) -> Problem:
    """503: it is known, and nothing serves it now."""
    return Problem(
        503,
        f"The model `{model}` is not ready. Please try again later.",
        kind=SERVER,
        code="model_not_ready",
        headers=((b"retry-after", b"5"),),
    )


def too_large(limit_bytes: int) -> Problem:
    """413; the connection is not worth keeping, since its body was not read."""
    return Problem(
        413,
        f"The request body is larger than {limit_bytes} bytes.",
        code="request_too_large",
        headers=((b"connection", b"close"),),
    )


def bad_request(message: str, *, param: str | None = None) -> Problem:
    """400."""
    return Problem(400, message, param=param)


def no_route(method: str, path: str) -> Problem:
    """404 for a path that the gateway does not have."""
    return Problem(404, f"Unknown request URL: {method} {path}.", code="unknown_url")


def limit_headers(allowance: Allowance) -> tuple[tuple[bytes, bytes], ...]:
    """As OpenAI spells them."""
    if not allowance.limit:
        return ()
    return (
        (b"x-ratelimit-limit-requests", str(allowance.limit).encode()),
        (b"x-ratelimit-remaining-requests", str(allowance.remaining).encode()),
        (b"x-ratelimit-reset-requests", f"{allowance.reset_s:.3f}s".encode()),
    )


async def send_whole(send: Send, status: int, body: bytes, headers: Headers) -> None:
    """One answer in one piece."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def send_problem(send: Send, problem: Problem, headers: Headers = ()) -> None:
    """An error answer."""
    await send_whole(send, problem.status, problem.body(), (JSON, *problem.headers, *headers))


async def read_body(scope: Scope, receive: Receive, *, limit_bytes: int) -> bytes:
    """The whole body, or a 413 as soon as it is known to be too large."""
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > limit_bytes:
            raise too_large(limit_bytes)
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part = message.get("body", b"")
        size += len(part)
        if size > limit_bytes:
            raise too_large(limit_bytes)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


class ClientGoneError(Exception):
    """The client left; nobody is there to be answered."""
