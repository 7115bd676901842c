"""Carries a chat request to a replica and its answer back, counting tokens on the way.

The replica is always asked for usage, since the journal needs it; a client that did not ask never
sees it. A request is repeated elsewhere only while nothing of an answer has reached the client:
after the first byte there is one answer, and its end is told as it is. Whatever was delivered is
journaled, also when the client leaves in the middle.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp

from inventory.clock import Clock
from runtime.answers import (
    INVALID,
    JSON,
    SERVER,
    Headers,
    Problem,
    Send,
    bad_request,
    not_ready,
    send_whole,
    unknown_model,
)
from runtime.ledger import Entry, Ledger, new_id
from runtime.routes import GatewayState, Upstream
from runtime.upstreams import Upstreams

log = logging.getLogger(__name__)

CONNECT_S = 3.0  # a Unix socket on this machine
FIRST_BYTE_S = 120.0  # a long prompt, queued behind others, on a CPU
BETWEEN_BYTES_S = 60.0  # decoding never pauses that long; a dead replica does
WHOLE_S = 600.0  # OpenAI's client gives up then as well
ANSWER_BYTES_MAX = 32 * 1024**2
EVENT_BYTES_MAX = 1024**2
LONG_BODY_BYTES = 512 * 1024
CHARACTERS_PER_TOKEN = 4  # of English text; used only where no count came that can be believed
TOKENS_MAX = 10_000_000  # of one answer: far above any context
RETRY_STATUS = frozenset({502, 503, 504})
OK = 200
EVENT_END = b"\n\n"
EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")
NO_CACHE = (b"cache-control", b"no-cache")


@dataclass(slots=True)
class ChatRequest:
    """A request that has passed every check."""

    tenant: str
    key_id: str
    model: str
    body: dict[str, Any]
    stream: bool
    wants_usage: bool
    prompt_characters: int
    started_at: datetime


@dataclass(slots=True)
class _Count:
    """What an answer has cost so far."""

    usage: Any = None
    """As the replica told it: a tenant's own code may run there."""
    pieces: int = 0
    begun: bool = field(default=False)


def parse_chat(raw: bytes, *, tenant: str, key_id: str, now: datetime) -> ChatRequest:
    """Check what the gateway itself relies on; the rest is the engine's to judge."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise bad_request("We could not parse the JSON body of your request.") from None
    if not isinstance(body, dict):
        raise bad_request("The JSON body of your request is not an object.")
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise bad_request("You must provide a model parameter.", param="model")
    if not isinstance(body.get("messages"), list):
        raise bad_request("'messages' must be a list of messages.", param="messages")
    stream = body.get("stream") or False
    if not isinstance(stream, bool):
        raise bad_request("'stream' must be true or false.", param="stream")
    options = body.get("stream_options") or {}
    if not isinstance(options, dict):
        raise bad_request("'stream_options' must be an object.", param="stream_options")
    if options and not stream:
        raise bad_request(
            "'stream_options' is only allowed when 'stream' is true.", param="stream_options"
        )
    if stream:
        body["stream_options"] = {**options, "include_usage": True}
    return ChatRequest(
        tenant=tenant,
        key_id=key_id,
        model=model,
        body=body,
        stream=stream,
        wants_usage=bool(options.get("include_usage")),
        prompt_characters=len(raw),
        started_at=now,
    )


class Completions:
    """The way of a chat request through the gateway."""

    def __init__(self, upstreams: Upstreams, ledger: Ledger, clock: Clock) -> None:
        self._upstreams = upstreams
        self._ledger = ledger
        self._clock = clock

    async def answer(
        self, request: ChatRequest, state: GatewayState, send: Send, headers: Headers
    ) -> None:
        """Answer, or raise `Problem` while nothing was sent."""
        candidates = state.models.get(request.tenant, {}).get(request.model)
        if candidates is None:
            raise unknown_model(request.model)
        if not candidates:
            raise not_ready(request.model)
        response = await self._ask(request, self._upstreams.order(candidates))
        try:
            if request.stream:
                await self._stream(request, response, send, headers)
            else:
                await self._whole(request, response, send, headers)
        finally:
            response.close()  # an answer not read to its end must not go back into the pool

    async def _ask(
        self, request: ChatRequest, candidates: list[Upstream]
    ) -> aiohttp.ClientResponse:
        """The first response that is an answer. Nothing has reached the client yet."""
        last = not_ready(request.model)
        for upstream in candidates:
            try:
                response = await self._post(request, upstream)
            except (aiohttp.ServerTimeoutError, TimeoutError):
                # Not repeated: it may still be computing, and the next would queue behind it.
                self._upstreams.failed(upstream)
                raise _timed_out(request.model) from None
            except (aiohttp.ClientError, OSError) as error:
                log.warning("upstream %s did not answer: %s", upstream.name, error)
                self._upstreams.failed(upstream)
                last = _unreachable(request.model)
                continue
            if response.status == OK:
                return response
            last = await _problem(response, request.model)
            response.close()
            if response.status not in RETRY_STATUS:
                raise last
            self._upstreams.failed(upstream)
        raise last

    async def _post(self, request: ChatRequest, upstream: Upstream) -> aiohttp.ClientResponse:
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_S, sock_read=BETWEEN_BYTES_S
        )
        async with asyncio.timeout(FIRST_BYTE_S if request.stream else WHOLE_S):
            return await self._upstreams.session(upstream.socket).post(
                f"http://serve{upstream.prefix}/v1/chat/completions",
                data=_payload(request.body),
                headers={"content-type": "application/json"},
                timeout=timeout,
                allow_redirects=False,
            )

    async def _whole(
        self,
        request: ChatRequest,
        response: aiohttp.ClientResponse,
        send: Send,
        headers: Headers,
    ) -> None:
        try:
            async with asyncio.timeout(WHOLE_S):
                raw = await response.content.read(ANSWER_BYTES_MAX)
                while not response.content.at_eof() and len(raw) < ANSWER_BYTES_MAX:
                    raw += await response.content.read(ANSWER_BYTES_MAX)
            found = json.loads(raw)
        except TimeoutError:
            raise _timed_out(request.model) from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise _unreachable(request.model) from None
        usage = found.get("usage") if isinstance(found, dict) else None
        count = _Count(usage=usage, pieces=len(raw) // CHARACTERS_PER_TOKEN, begun=True)
        # Before it is sent: an answer that was given and not metered cannot be made good.
        self._journal(request, count)
        await send_whole(send, OK, raw, (JSON, *headers))

    async def _stream(
        self,
        request: ChatRequest,
        response: aiohttp.ClientResponse,
        send: Send,
        headers: Headers,
    ) -> None:
        count = _Count()
        try:
            async for event in _events(response):
                shown = _seen(event, count, wants_usage=request.wants_usage)
                if not shown:
                    continue
                if not count.begun:
                    count.begun = True
                    start = [EVENT_STREAM, NO_CACHE, *headers]
                    await send({"type": "http.response.start", "status": OK, "headers": start})
                await send({"type": "http.response.body", "body": event, "more_body": True})
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            if not count.begun:
                raise _unreachable(request.model) from error
            log.warning("an answer of %s broke off: %s", request.model, error)
            await send(
                {
                    "type": "http.response.body",
                    "body": _broken_off(request.model),
                    "more_body": True,
                }
            )
        finally:
            if count.begun:
                self._journal(request, count)
        if not count.begun:
            raise _unreachable(request.model)
        await send({"type": "http.response.body", "body": b""})

    def _journal(self, request: ChatRequest, count: _Count) -> None:
        told = _told_tokens(count.usage)
        prompt, completion = told or (
            request.prompt_characters // CHARACTERS_PER_TOKEN,
            count.pieces,
        )
        self._ledger.append(
            Entry(
                id=new_id(),
                tenant=request.tenant,
                key_id=request.key_id,
                model=request.model,
                prompt_tokens=prompt,
                completion_tokens=completion,
                started_at=request.started_at,
                ended_at=self._clock.now(),
                estimated=told is None,
            )
        )


def _told_tokens(usage: object) -> tuple[int, int] | None:
    """Prompt and completion tokens; None when nothing was told, or nothing that can be true.

    One senseless number must neither become a credit nor stop the metering of everybody else.
    """
    if not isinstance(usage, dict) or not usage:
        return None
    prompt, completion = (usage.get(k) or 0 for k in ("prompt_tokens", "completion_tokens"))
    return (prompt, completion) if _is_count(prompt) and _is_count(completion) else None


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= TOKENS_MAX


def _payload(body: dict[str, Any]) -> bytes | io.BytesIO:
    """A long body goes in pieces: in one, it would hold up everybody else's tokens."""
    raw = json.dumps(body).encode()
    return raw if len(raw) < LONG_BODY_BYTES else io.BytesIO(raw)


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Server-sent events, each with its closing empty line."""
    held = b""
    async for piece in response.content.iter_any():
        held += piece
        *whole, held = held.split(EVENT_END)
        for event in whole:
            yield event + EVENT_END
        if len(held) > EVENT_BYTES_MAX:
            raise ValueError(f"an event is larger than {EVENT_BYTES_MAX} bytes")
    if held.strip():
        raise ValueError("the last event is not closed")


def _seen(event: bytes, count: _Count, *, wants_usage: bool) -> bool:
    """Count an event; whether the client shall see it."""
    if b'"usage"' not in event:
        if b'"content"' in event:
            count.pieces += 1
        return True
    try:
        chunk = json.loads(event.removeprefix(b"data:"))
    except ValueError:
        return True
    if not isinstance(chunk, dict) or not isinstance(chunk.get("usage"), dict):
        count.pieces += bool(isinstance(chunk, dict) and chunk.get("choices"))
        return True
    count.usage = chunk["usage"]
    return wants_usage or bool(chunk.get("choices"))


async def _problem(response: aiohttp.ClientResponse, model: str) -> Problem:
    """What an upstream's refusal means for the client."""
    try:
        error = json.loads(await response.content.read(EVENT_BYTES_MAX))["error"]
        message, code, param = str(error["message"]), error.get("code"), error.get("param")
    except (aiohttp.ClientError, ValueError, KeyError, TypeError, AttributeError):
        message, code, param = "", None, None
    if message and response.status in {400, 404, 422}:
        return Problem(400, message, kind=INVALID, code=code, param=param)
    if response.status in {404, 503}:  # Serve has no route yet, or no replica has room
        return not_ready(model)
    if response.status == 504:  # noqa: PLR2004 - gateway timeout
        return _timed_out(model)
    log.warning("upstream of %s answered %d: %s", model, response.status, message)
    return _unreachable(model)


def _unreachable(model: str) -> Problem:
    return Problem(
        502,
        f"The model `{model}` could not be reached. Please try again.",
        kind=SERVER,
        code="upstream_error",
    )


def _timed_out(model: str) -> Problem:
    return Problem(
        504,
        f"The model `{model}` did not answer in time. Please try again.",
        kind=SERVER,
        code="upstream_timeout",
    )


def _broken_off(model: str) -> bytes:
    """In-band: the status was sent long ago. OpenAI's client raises on an event with `error`."""
    return b"data: " + _unreachable(model).body() + EVENT_END
