"""A request sent twice is done once: `Idempotency-Key` on every POST that needs a key to ask.

Whoever loses our answer sends the same request again under the same key and gets the first one's
answer, for a day. The key is its holder's and its path's own; another body under it is a mistake
and refused. Answers lie sealed in the store, because some of them show a secret that once.

Only what was done is kept: a refused request wrote nothing, and may be sent again as it is.

However long a request takes, it is not begun a second time while somebody works on it: who does
says so every half minute, and only who says nothing for two is taken for dead.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI, Request, Response
from fastapi.dependencies.utils import get_dependant
from fastapi.routing import APIRoute
from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inventory.answers import Answer
from inventory.auth import Actor, Require, declared
from inventory.deps import ApiDeps
from inventory.errors import Conflict, StaleWrite, StoreUnavailable
from inventory.refusals import Refused
from inventory.store.protocol import Change
from inventory.store.query import Condition, Query

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEY_FORM = re.compile(r"[\x21-\x7e]{1,255}")
KEPT = timedelta(hours=24)
WORKED_ON = timedelta(seconds=120)
"""Without a word for so long, the service that worked on it is gone."""
WORKING_EVERY_S = 30.0
"""How often a service says that it still works on a request."""
ANSWER_MAX_BYTES = 1024 * 1024
"""What is kept of one answer: some 1,500 new racks. A larger one is neither told nor done again."""
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
        if known.too_large:
            raise _not_kept(key)
        if known.status:
            raise Replayed(_response(deps, known))
        if now - (known.worked_at or known.created_at) < WORKED_ON:
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


def _not_kept(key: str) -> Refused:
    return Refused(
        409,
        "answer-not-kept",
        "this request was done, and its answer was too large to be kept",
        path=HEADER,
        value=key[:80],
        hint="read what it made, by name or in the change log; do not send it under another key",
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
        given = dict(scope["headers"]).get(HEADER.lower().encode())
        if given is None:
            await self._app(scope, receive, send)
            return
        kept = _Kept(send, self, scope)
        async with self._working(kept):
            await self._app(scope, receive, kept.take)

    @asynccontextmanager
    async def _working(self, kept: _Kept) -> AsyncIterator[None]:
        """Say now and then that the request is worked on, until it was answered."""
        saying = asyncio.create_task(self._say(kept))
        try:
            yield
        finally:
            async with kept.turn:  # never in the middle of a write: its version would be lost
                kept.over = True
            saying.cancel()

    async def _say(self, kept: _Kept) -> None:
        while not kept.over:
            await asyncio.sleep(WORKING_EVERY_S)
            async with kept.turn:
                answer = kept.answer
                if answer is None or kept.over:
                    continue
                # Away: say it next time. Stale: somebody took it over, and our own end will tell.
                with contextlib.suppress(StoreUnavailable, StaleWrite):
                    kept.answer = await self._deps.in_thread(self._said, answer)

    def _said(self, answer: Answer) -> Answer:
        now = self._deps.clock.now()
        fresh = answer.model_copy(update={"worked_at": now})
        self._deps.store.apply(Change(replace=(fresh,)), now=now)
        return fresh.model_copy(update={"version": answer.version + 1})

    async def settle(self, kept: _Kept, body: bytes | None) -> None:
        """Keep what a request was answered; None: it was too large."""
        async with kept.turn:
            kept.over = True
            if kept.answer is not None:
                await self._deps.in_thread(self._write, kept.answer, kept.start, body)

    def _write(self, answer: Answer, start: Message, body: bytes | None) -> None:
        """What was done is kept; what was refused leaves its key free."""
        done = 200 <= start["status"] < 300  # noqa: PLR2004 - HTTP's
        told = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        sealed = self._deps.secrets.seal(answer.id, SEALED, SecretStr((body or b"").decode()))
        fresh = answer.model_copy(
            update={
                "status": start["status"],
                "headers": {name: told[name] for name in TOLD if name in told},
                "body": base64.b64encode(sealed).decode(),
                "too_large": body is None,
            }
        )
        change = Change(replace=(fresh,)) if done else Change(remove=(answer,))
        self._deps.store.apply(change, now=self._deps.clock.now())


class _Kept:
    """One answer on its way: held back until it is kept, passed on as it comes beyond that."""

    def __init__(self, send: Send, answers: Answers, scope: Scope) -> None:
        self.turn = asyncio.Lock()
        self.over = False
        self.start: Message = {}
        self._scope = scope
        self._send = send
        self._answers = answers
        self._parts: list[bytes] = []
        self._bytes = 0
        self._passing = False

    @property
    def answer(self) -> Answer | None:
        """What was reserved for this request; None: it needs no keeping."""
        found: Answer | None = self._scope.get("state", {}).get(STATE)
        return found

    @answer.setter
    def answer(self, answer: Answer) -> None:
        self._scope["state"][STATE] = answer

    async def take(self, message: Message) -> None:
        """The next part of the answer, as the app sends it."""
        if self._passing or self.answer is None:
            await self._send(message)
            return
        if message["type"] == "http.response.start":
            self.start = message
            return
        self._parts.append(message.get("body", b""))
        self._bytes += len(self._parts[-1])
        large, more = self._bytes > ANSWER_MAX_BYTES, message.get("more_body", False)
        if more and not large:
            return
        self._passing = True
        body = b"".join(self._parts)
        await self._answers.settle(self, None if large else body)
        await self._send(self.start)
        await self._send({"type": "http.response.body", "body": body, "more_body": more})
