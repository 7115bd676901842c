"""A request sent twice is done once: `Idempotency-Key` on every POST that needs a key to ask.

Whoever loses our answer sends the same request again under the same key and gets the first one's
answer, for a day. The key is its holder's and its path's own; another body under it is a mistake
and refused. Answers lie sealed in the store, because some of them show a secret that once.

Only what was done is kept: a refused request wrote nothing, and may be sent again as it is.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from datetime import timedelta

from fastapi import FastAPI, Request, Response
from fastapi.dependencies.utils import get_dependant
from fastapi.routing import APIRoute
from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inventory.answers import Answer
from inventory.auth import Actor, Require, declared
from inventory.deps import ApiDeps
from inventory.errors import Conflict, StaleWrite
from inventory.refusals import Refused
from inventory.store.protocol import Change
from inventory.store.query import Condition, Query

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEY_FORM = re.compile(r"[\x21-\x7e]{1,255}")
KEPT = timedelta(hours=24)
WORKED_ON = timedelta(seconds=120)
"""How long a request may take: the service that worked on an older one is gone."""
FORGOTTEN_AT_ONCE = 20
"""Answers that are over, removed with each new one: more than come, so that none pile up."""
TOLD = ("content-type", "etag", "location")
STATE = "answer"
SEALED = "answer"


class Replayed(Exception):
    """This request was answered before."""

    def __init__(self, response: Response) -> None:
        super().__init__("answered before")
        self.response = response


def install(app: FastAPI) -> None:
    """Heed the header on every POST that somebody must prove who they are for."""
    for route in repeatable(app.router.routes):
        # Routes are shared by all apps of a process: each heeds it once, and after its permission.
        if all(one.call is not begin for one in route.dependant.dependencies):
            route.dependant.dependencies.append(get_dependant(path=route.path_format, call=begin))
    app.add_exception_handler(Replayed, _again)


def repeatable(routes: Iterable[object]) -> list[APIRoute]:
    """The routes where the header is heeded here; a route that reads it itself knows better."""
    return [
        route
        for route in routes
        if isinstance(route, APIRoute)
        and "POST" in (route.methods or ())
        and isinstance(declared(route), Require)
        and HEADER not in {field.alias for field in route.dependant.header_params}
    ]


async def begin(request: Request) -> None:
    """Reserve the key for this request, or raise what its first one was answered.

    Runs after the actor proved who it is: an answer is never shown to anybody else.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return
    if not KEY_FORM.fullmatch(key):
        raise Refused(
            422,
            "invalid",
            "not an idempotency key",
            path=HEADER,
            value=key[:80],
            hint="1 to 255 printable ASCII characters without spaces; a UUID is a good one",
        )
    deps: ApiDeps = request.app.state.deps
    actor: Actor = request.state.actor
    asked = f"{actor.id}\n{request.method}\n{request.url.path}\n{key}"
    body = request.url.query.encode() + b"\n" + await request.body()
    now = deps.clock.now()
    fresh = Answer(
        id=hashlib.sha256(asked.encode()).hexdigest(),
        request_digest=hashlib.sha256(body).hexdigest(),
        created_at=now,
        expires_at=now + KEPT,
    )
    request.scope["state"][STATE] = await deps.in_thread(_reserved, deps, fresh, key)


def _reserved(deps: ApiDeps, fresh: Answer, key: str) -> Answer:
    now = fresh.created_at
    known = deps.store.get(Answer, fresh.id)
    if known is not None and known.expires_at > now:
        if known.request_digest != fresh.request_digest:
            raise Refused(
                422,
                "idempotency-key-reused",
                "this idempotency key came with another request before",
                path=HEADER,
                value=key[:80],
                hint="send a new key with a new request",
            )
        if known.status:
            raise Replayed(_response(deps, known))
        if now - known.created_at < WORKED_ON:
            raise _worked_on(key)
    over = Query((Condition("expires_at", "lt", (now,)),), limit=FORGOTTEN_AT_ONCE, counted=False)
    gone = tuple(a for a in deps.store.search(Answer, over).records if a.id != fresh.id)
    try:
        if known is None:
            deps.store.apply(Change(insert=(fresh,), remove=gone), now=now)
            return fresh.model_copy(update={"version": 1})
        taken = fresh.model_copy(update={"version": known.version})
        deps.store.apply(Change(replace=(taken,), remove=gone), now=now)
        return taken.model_copy(update={"version": known.version + 1})
    except (Conflict, StaleWrite) as error:
        raise _worked_on(key) from error


def _worked_on(key: str) -> Refused:
    return Refused(
        409,
        "worked-on",
        "a request with this idempotency key is being worked on",
        path=HEADER,
        value=key[:80],
        hint="wait a moment and send it again: then its answer comes",
        headers={"Retry-After": "1"},
    )


def _response(deps: ApiDeps, known: Answer) -> Response:
    sealed = base64.b64decode(known.body)
    body = deps.secrets.unseal(known.id, SEALED, sealed).get_secret_value()
    return Response(body.encode(), known.status, {**known.headers, REPLAYED: "true"})


async def _again(_request: Request, error: Exception) -> Response:
    if not isinstance(error, Replayed):
        raise error
    return error.response


class Answers:
    """Keeps the answer of a request that reserved a key, before anybody sees it."""

    def __init__(self, app: ASGIApp, *, deps: ApiDeps) -> None:
        self._app = app
        self._deps = deps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        start: Message = {}
        parts: list[bytes] = []

        async def keep(message: Message) -> None:
            answer: Answer | None = scope.get("state", {}).get(STATE)
            if answer is None:
                await send(message)
                return
            if message["type"] == "http.response.start":
                start.update(message)
                return
            parts.append(message.get("body", b""))
            if message.get("more_body", False):
                return
            body = b"".join(parts)
            await self._deps.in_thread(self._write, answer, start, body)
            await send(start)
            await send({"type": "http.response.body", "body": body})

        await self._app(scope, receive, keep)

    def _write(self, answer: Answer, start: Message, body: bytes) -> None:
        """What was done is kept; what was refused leaves its key free."""
        done = 200 <= start["status"] < 300  # noqa: PLR2004 - HTTP's
        told = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        sealed = self._deps.secrets.seal(answer.id, SEALED, SecretStr(body.decode()))
        fresh = answer.model_copy(
            update={
                "status": start["status"],
                "headers": {name: told[name] for name in TOLD if name in told},
                "body": base64.b64encode(sealed).decode(),
            }
        )
        change = Change(replace=(fresh,)) if done else Change(remove=(answer,))
        self._deps.store.apply(change, now=self._deps.clock.now())
