"""The one door for tenants: OpenAI's API for their models, Ray's job API for their clusters.

A bare ASGI application, because it stands in the way of every token. A request is decided by one
immutable `GatewayState` and a few counters in memory: no database, no call to the controller. So it
answers in well under a millisecond beside the engine's time, and goes on for hours when everything
behind it but the clusters is gone.

The tenant is what the key says. No header, path or body field can say otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import time
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

from inventory.clock import Clock, SystemClock
from inventory.keys import allows, hash_secret, in_force, split, usable_from
from inventory.model import ApiKey
from inventory.permissions import Permission
from runtime.answers import (
    JSON,
    SERVER,
    ClientGoneError,
    Headers,
    Problem,
    Receive,
    Scope,
    Send,
    limit_headers,
    no_key,
    no_route,
    not_allowed,
    over_limit,
    read_body,
    send_problem,
    send_whole,
    unknown_model,
    wrong_key,
)
from runtime.completions import Completions, parse_chat
from runtime.jobsproxy import JobsProxy, is_job_path
from runtime.ledger import Ledger
from runtime.limits import Allowance, RequestLimits
from runtime.routes import GatewayState
from runtime.upstreams import Upstreams

log = logging.getLogger(__name__)

BODY_BYTES_MAX = 4 * 1024**2  # a prompt of a million tokens
NO_SUCH_HASH = hash_secret("")
CHAT = "/v1/chat/completions"
MODELS = "/v1/models"
POLICY_VIOLATION = 1008


class Gateway:
    """The ASGI application. Its owner calls `replace` whenever the records changed."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        clock: Clock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state = GatewayState()
        self._ledger = ledger
        self._clock = clock or SystemClock()
        self._limits = RequestLimits(monotonic)
        self._upstreams = Upstreams(monotonic)
        self._completions = Completions(self._upstreams, ledger, self._clock)
        self._jobs = JobsProxy(self._upstreams)

    @property
    def state(self) -> GatewayState:
        """What requests are decided by now."""
        return self._state

    async def replace(self, state: GatewayState) -> None:
        """Put a new state in place; requests under way keep the old one."""
        self._state = state
        self._limits.forget_all_but(frozenset(state.keys))
        await self._upstreams.keep_only(state.sockets())

    async def close(self) -> None:
        """Close connections. The ledger is its owner's."""
        await self._upstreams.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server for each connection's request."""
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "websocket":
                await self._websocket(scope, receive, send)
            case _:  # lifespan: ASGI has no fourth
                await self._lifespan(receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        mark = (b"x-request-id", f"req_{uuid.uuid4().hex}".encode())
        sent = _Sent(send)
        try:
            await self._route(scope, receive, sent, (mark,))
        except Problem as problem:
            await send_problem(send, problem, (mark,))
        except ClientGoneError:
            return
        except Exception:
            # The last resort: a fault of ours must reach a client as an error it can read.
            log.exception("request %s failed", mark[1].decode())
            if sent.begun:
                raise
            await send_problem(send, _fault(), (mark,))

    async def _route(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        method, path = scope["method"], scope["path"]
        if path == "/healthz":
            await send_whole(send, 200, b'{"status":"ok"}', (JSON, *headers))
            return
        state = self._state
        jobs = is_job_path(path)
        wanted = Permission.JOB_SUBMIT if jobs else Permission.MODEL_USE
        key = self._key(scope, state, wanted)
        if jobs:
            await self._jobs.answer(
                scope, receive, send, state=state, tenant=key.tenant, headers=headers
            )
        elif (method, path) == ("POST", CHAT):
            await self._chat(scope, receive, send, state=state, key=key, headers=headers)
        elif method == "GET" and (path == MODELS or path.startswith(MODELS + "/")):
            body = _models(state, key.tenant, path.removeprefix(MODELS).lstrip("/"))
            await send_whole(send, 200, body, (JSON, *headers))
        else:
            raise no_route(method, path)

    async def _chat(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        state: GatewayState,
        key: ApiKey,
        headers: Headers,
    ) -> None:
        allowance = self._admit(key)
        raw = await read_body(scope, receive, limit_bytes=BODY_BYTES_MAX)
        request = parse_chat(raw, tenant=key.tenant, key_id=key.id, now=self._clock.now())
        told = (*headers, *limit_headers(allowance))
        await _while_connected(receive, self._completions.answer(request, state, send, told))

    def _admit(self, key: ApiKey) -> Allowance:
        allowance = self._limits.take(key.id, key.requests_per_minute)
        if not allowance.allowed:
            raise over_limit(allowance)
        return allowance

    def _key(self, scope: Scope, state: GatewayState, wanted: Permission) -> ApiKey:
        """The tenant's key of this request. Every wrong one takes the same time and answer."""
        found = [value for name, value in scope["headers"] if name == b"authorization"]
        if not found:
            raise no_key()
        scheme, _, text = found[0].decode("latin-1").partition(" ")
        parts = split(text.strip()) if scheme.lower() == "bearer" and len(found) == 1 else None
        if parts is None:
            raise wrong_key()
        key_id, secret = parts
        key = state.keys.get(key_id)
        known = key.secret_hash if key else NO_SUCH_HASH
        right = hmac.compare_digest(known, hash_secret(secret))
        if key is None or not right or not in_force(key, now=self._clock.now()):
            raise wrong_key()
        if key.role != "tenant" or not key.tenant:
            raise wrong_key()
        client = scope.get("client")
        if not usable_from(key, client[0] if client else ""):
            raise wrong_key()
        if not allows(key, wanted):
            raise not_allowed(wanted)
        return key

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            state = self._state
            key = self._key(scope, state, Permission.JOB_SUBMIT)
            await self._jobs.tail(scope, receive, send, state=state, tenant=key.tenant)
        except Problem as problem:
            # Before it is accepted, the server turns this into 403: there is no body to explain.
            reason = problem.message[:100]
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": reason})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        syncing: asyncio.Task[None] | None = None
        while True:
            if (await receive())["type"] == "lifespan.startup":
                syncing = asyncio.create_task(self._ledger.keep_synced())
                await send({"type": "lifespan.startup.complete"})
                continue
            if syncing is not None:
                syncing.cancel()
                await asyncio.gather(syncing, return_exceptions=True)
            self._ledger.sync()
            await self.close()
            await send({"type": "lifespan.shutdown.complete"})
            return


class _Sent:
    """Remembers whether an answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: Any) -> None:
        self.begun = True
        await self._send(message)


async def _while_connected(receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Do the work, and stop it when the client leaves: its tokens are somebody else's turn."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_until_gone(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working
            raise ClientGoneError
        working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _fault() -> Problem:
    return Problem(500, "The server had an error.", kind=SERVER, code="internal_error")


def _models(state: GatewayState, tenant: str, name: str) -> bytes:
    """The tenant's models, or one of them."""
    known = state.models.get(tenant, {})
    if name:
        if name not in known:
            raise unknown_model(name)
        return json.dumps(_card(name)).encode()
    cards = [_card(one) for one in sorted(known)]
    return json.dumps({"object": "list", "data": cards}).encode()


def _card(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "podyard"}
