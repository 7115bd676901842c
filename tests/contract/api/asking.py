"""Asks an app as somebody, and looks at nothing but how the answer begins.

A stream never ends by itself, so the app is called as a server would call it and left as soon as it
has said its status; `whole` waits for the body of an answer that ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

STREAM_S = 0.2
"""How long a body is waited for: everything but a stream is there at once."""


@dataclass(frozen=True)
class Answer:
    """How an app answered."""

    status: int
    headers: dict[str, str]
    body: str


async def ask(
    app: FastAPI, method: str, path: str, *, key: str = "", whole: bool = False
) -> Answer:
    """One request with an empty object as its body."""
    begun = asyncio.Event()
    ended = asyncio.Event()
    start: dict[str, Any] = {}
    parts: list[bytes] = []
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if not sent:
            sent = True
            body = b"" if method in {"GET", "HEAD"} else b"{}"
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
            begun.set()
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                ended.set()

    target, _, query = path.partition("?")
    headers = [(b"host", b"podyard"), (b"content-type", b"application/json")]
    if key:
        headers.append((b"authorization", f"Bearer {key}".encode()))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": target,
        "raw_path": target.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": headers,
        "client": ("127.0.0.1", 50000),
        "server": ("podyard", 80),
    }
    running = asyncio.ensure_future(app(scope, receive, send))  # type: ignore[arg-type]
    waiting = asyncio.ensure_future(begun.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if whole:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), STREAM_S)
    for task in (running, waiting):
        task.cancel()
    await asyncio.gather(running, waiting, return_exceptions=True)
    told = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], told, b"".join(parts).decode())


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """Every method and path that the app serves."""
    found = [route for route in app.router.routes if isinstance(route, APIRoute)]
    return sorted((m, r.path) for r in found for m in r.methods if m != "HEAD")


def filled(path: str, **given: str) -> str:
    """A path with its parameters filled in, by name or with what does not exist."""
    return re.sub(r"\{([^}:]*)[^}]*\}", lambda found: given.get(found[1], "nothing"), path)


def parsed(answer: Answer) -> Any:
    """The body as JSON."""
    return json.loads(answer.body)
