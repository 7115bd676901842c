"""The gateway as the unmodified `openai` client sees it, in front of a simulated engine."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from runtime.routes import Upstream
from runtime.serving.application import Application
from runtime.serving.engine import EngineSettings, Json
from runtime.serving.engines.simulated import SimulatedEngine

pytestmark = pytest.mark.integration

MESSAGES: Any = [{"role": "user", "content": "one two three"}]


class Engine(SimulatedEngine):
    """Counts the streams that nobody read to the end."""

    cut_off = 0

    async def stream(self, request: Json) -> AsyncIterator[Json]:
        try:
            async for chunk in super().stream(request):
                yield chunk
        except (asyncio.CancelledError, GeneratorExit):
            self.cut_off += 1
            raise


@dataclass
class Replica:
    """What stands behind Serve's port: an engine, or a planted failure."""

    engine: Engine
    fail: Callable[[Request], Response | None] = lambda _: None
    seen: list[Json] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        self.seen.append(json.loads(await request.body() or b"{}"))
        scope["path"] = scope["path"].removeprefix("/smol")
        response = self.fail(request) or await Application(self.engine, model="smol").answer(
            request
        )
        await response(scope, receive, send)


def make_replica(**options: Any) -> Replica:
    settings = EngineSettings("smol", "", context_tokens=64, parallel=4)
    return Replica(Engine(settings, **options))


@pytest.fixture
async def replica(tenancy: Any, serve_on: Any, short_dir: Path) -> Replica:
    found = make_replica(token_interval_s=0.001)
    await serve_on(found, short_dir / "serve.sock")
    upstream = Upstream("acme/main", str(short_dir / "serve.sock"), "/smol")
    await tenancy.admit(models={"acme": {"smol": (upstream,)}, "other": {}})
    return found


@pytest.fixture
async def ask(tenancy: Any, replica: Replica) -> AsyncIterator[Callable[..., Any]]:
    """A client for a key's text."""
    del replica
    clients: list[openai.AsyncOpenAI] = []

    def client(key: str) -> openai.AsyncOpenAI:
        made = openai.AsyncOpenAI(
            base_url=f"{tenancy.listening.url}/v1", api_key=key, max_retries=0, timeout=10
        )
        clients.append(made)
        return made

    yield client
    for one in clients:
        await one.close()


async def good_key(tenancy: Any, tenant: str = "acme", **options: Any) -> str:
    key: str = tenancy.key(tenant, **options)
    await tenancy.admit()
    return key


async def test_whole_answer_is_metered_to_the_token(tenancy: Any, ask: Any) -> None:
    client = ask(await good_key(tenancy))
    answer = await client.chat.completions.create(model="smol", messages=MESSAGES, max_tokens=5)
    assert answer.choices[0].message.content
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 5)
    [entry] = tenancy.entries()
    assert (entry.tenant, entry.model, entry.prompt_tokens, entry.completion_tokens) == (
        "acme",
        "smol",
        3,
        5,
    )
    assert not entry.estimated


async def test_stream_hides_usage_that_was_not_asked_for(tenancy: Any, ask: Any) -> None:
    client = ask(await good_key(tenancy))
    stream = await client.chat.completions.create(
        model="smol", messages=MESSAGES, max_tokens=5, stream=True
    )
    chunks = [chunk async for chunk in stream]
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)
    assert sum(bool(chunk.choices[0].delta.content) for chunk in chunks) == 5
    [entry] = tenancy.entries()
    assert (entry.prompt_tokens, entry.completion_tokens, entry.estimated) == (3, 5, False)


async def test_stream_shows_usage_that_was_asked_for(tenancy: Any, ask: Any) -> None:
    client = ask(await good_key(tenancy))
    stream = await client.chat.completions.create(
        model="smol",
        messages=MESSAGES,
        max_tokens=5,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].usage.total_tokens == 8


async def test_without_a_key_is_401(tenancy: Any, replica: Replica) -> None:
    del replica
    url = f"{tenancy.listening.url}/v1/chat/completions"
    async with aiohttp.ClientSession() as session, session.post(url, json={}) as answer:
        body = await answer.json()
        assert answer.status == 401
        assert answer.headers["x-request-id"].startswith("req_")
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"]["code"] is None
    assert "didn't provide an API key" in body["error"]["message"]


@pytest.mark.parametrize("spoil", ["secret", "id", "form", "expired", "viewer"])
async def test_every_wrong_key_gets_the_same_401(tenancy: Any, ask: Any, spoil: str) -> None:
    key = await good_key(tenancy)
    match spoil:
        case "secret":
            key = key[:-1] + ("A" if key[-1] != "A" else "B")
        case "id":
            key = "pyd_" + "0" * 12 + key[16:]
        case "form":
            key = "sk-something"
        case "expired":
            key = await good_key(tenancy, valid=timedelta(seconds=-1))
        case _:
            tenancy.keys = {
                name: one.model_copy(update={"role": "viewer"})
                for name, one in tenancy.keys.items()
            }
            await tenancy.admit()
    with pytest.raises(openai.AuthenticationError) as caught:
        await ask(key).chat.completions.create(model="smol", messages=MESSAGES)
    assert caught.value.code == "invalid_api_key"
    assert caught.value.message == "Error code: 401 - Incorrect API key provided."


async def test_past_the_limit_is_429_with_when_to_return(tenancy: Any, ask: Any) -> None:
    client = ask(await good_key(tenancy, requests_per_minute=2))
    for _ in range(2):
        await client.chat.completions.create(model="smol", messages=MESSAGES, max_tokens=1)
    with pytest.raises(openai.RateLimitError) as caught:
        await client.chat.completions.create(model="smol", messages=MESSAGES, max_tokens=1)
    headers = caught.value.response.headers
    assert caught.value.code == "rate_limit_exceeded"
    assert 1 <= int(headers["retry-after"]) <= 30
    assert headers["x-ratelimit-limit-requests"] == "2"
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert len(tenancy.entries()) == 2


async def test_limit_of_one_key_is_not_another_keys(tenancy: Any, ask: Any) -> None:
    first = ask(await good_key(tenancy, requests_per_minute=1))
    second = ask(await good_key(tenancy, requests_per_minute=1))
    for client in (first, second):
        await client.chat.completions.create(model="smol", messages=MESSAGES, max_tokens=1)


async def test_another_tenants_model_does_not_exist(tenancy: Any, ask: Any) -> None:
    client = ask(await good_key(tenancy, tenant="other"))
    with pytest.raises(openai.NotFoundError) as caught:
        await client.chat.completions.create(
            model="smol", messages=MESSAGES, extra_headers={"x-podyard-tenant": "acme"}
        )
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"
    assert [one.id async for one in client.models.list()] == []


async def test_models_are_listed_and_shown(tenancy: Any, ask: Any) -> None:
    client = ask(await good_key(tenancy))
    assert [one.id async for one in client.models.list()] == ["smol"]
    assert (await client.models.retrieve("smol")).owned_by == "podyard"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", None),
        (b"[]", None),
        (b'{"messages":[]}', "model"),
        (b'{"model":"smol"}', "messages"),
        (b'{"model":"smol","messages":[],"stream":"yes"}', "stream"),
        (b'{"model":"smol","messages":[],"stream_options":{"a":1}}', "stream_options"),
        (b"[" * 100_000, None),
    ],
)
async def test_a_body_that_cannot_be_used_is_400(
    tenancy: Any, replica: Replica, body: bytes, param: str | None
) -> None:
    key = await good_key(tenancy)
    status, error = await _post(tenancy, key, body)
    assert (status, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert replica.seen == []


async def test_prompt_past_the_context_is_400_with_its_code(tenancy: Any, ask: Any) -> None:
    client = ask(await good_key(tenancy))
    long: Any = [{"role": "user", "content": "word " * 100}]
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model="smol", messages=long, stream=stream)
        assert caught.value.code == "context_length_exceeded"
    assert tenancy.entries() == []


async def test_body_over_the_cap_is_413(tenancy: Any, replica: Replica) -> None:
    key = await good_key(tenancy)
    status, error = await _post(tenancy, key, b" " * (4 * 1024**2 + 1))
    assert (status, error["code"]) == (413, "request_too_large")
    assert replica.seen == []


async def test_unknown_route_is_404_and_health_is_open(tenancy: Any, replica: Replica) -> None:
    del replica
    key = await good_key(tenancy)
    url, headers = tenancy.listening.url, {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/v1/files", headers=headers) as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (404, "unknown_url")
        async with session.get(f"{url}/healthz") as answer:
            assert answer.status == 200


async def test_nothing_behind_a_model_is_502(tenancy: Any, ask: Any, short_dir: Path) -> None:
    nowhere = Upstream("acme/main", str(short_dir / "nothing.sock"))
    await tenancy.admit(models={"acme": {"smol": (nowhere,), "later": ()}})
    client = ask(await good_key(tenancy))
    with pytest.raises(openai.InternalServerError) as caught:
        await client.chat.completions.create(model="smol", messages=MESSAGES)
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_error")
    with pytest.raises(openai.InternalServerError) as caught:
        await client.chat.completions.create(model="later", messages=MESSAGES)
    assert (caught.value.status_code, caught.value.code) == (503, "model_not_ready")
    assert tenancy.entries() == []


async def test_another_upstream_is_asked_before_the_first_byte(
    tenancy: Any, ask: Any, serve_on: Any, short_dir: Path
) -> None:
    broken, good = make_replica(), make_replica()
    broken.fail = lambda _: PlainTextResponse("no replicas", 503)
    await serve_on(broken, short_dir / "broken.sock")
    await serve_on(good, short_dir / "good.sock")
    both = tuple(
        Upstream("acme/main", str(short_dir / name), "/smol")
        for name in ("broken.sock", "good.sock")
    )
    await tenancy.admit(models={"acme": {"smol": both}})
    client = ask(await good_key(tenancy))
    for _ in range(4):
        await client.chat.completions.create(model="smol", messages=MESSAGES, max_tokens=1)
    assert len(good.seen) == 4
    assert len(broken.seen) == 1  # then avoided for a while


async def test_serve_without_a_route_yet_is_503(tenancy: Any, ask: Any, replica: Replica) -> None:
    replica.fail = lambda _: PlainTextResponse("Path '/smol' not found.", 404)
    client = ask(await good_key(tenancy))
    with pytest.raises(openai.InternalServerError) as caught:
        await client.chat.completions.create(model="smol", messages=MESSAGES)
    assert (caught.value.status_code, caught.value.code) == (503, "model_not_ready")


async def test_stream_that_breaks_off_says_so_and_is_metered(
    tenancy: Any, ask: Any, replica: Replica
) -> None:
    async def torn() -> AsyncIterator[bytes]:
        piece = {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]}
        for _ in range(3):
            yield b"data: " + json.dumps(piece).encode() + b"\n\n"
        yield b"data: {"

    replica.fail = lambda _: StreamingResponse(torn(), media_type="text/event-stream")
    client = ask(await good_key(tenancy))
    stream = await client.chat.completions.create(model="smol", messages=MESSAGES, stream=True)
    with pytest.raises(openai.APIError, match="could not be reached"):
        async for _ in stream:
            pass
    [entry] = tenancy.entries()
    assert entry.estimated
    assert entry.completion_tokens == 3


async def test_client_that_leaves_stops_the_engine_and_is_metered(
    tenancy: Any, ask: Any, replica: Replica
) -> None:
    client = ask(await good_key(tenancy))
    stream = await client.chat.completions.create(
        model="smol", messages=MESSAGES, max_tokens=100_000, stream=True
    )
    async for _ in stream:
        break
    await stream.close()
    async with asyncio.timeout(5):
        while not (tenancy.entries() and replica.engine.cut_off):  # noqa: ASYNC110 - files
            await asyncio.sleep(0.01)
    [entry] = tenancy.entries()
    assert entry.estimated
    assert 1 <= entry.completion_tokens < 100_000


async def test_upstream_never_sees_the_key(tenancy: Any, ask: Any, replica: Replica) -> None:
    headers: list[str] = []
    replica.fail = lambda request: headers.extend(request.headers.keys())
    client = ask(await good_key(tenancy))
    await client.chat.completions.create(model="smol", messages=MESSAGES, max_tokens=1)
    assert "authorization" not in headers


async def _post(tenancy: Any, key: str, body: bytes) -> tuple[int, dict[str, Any]]:
    url = f"{tenancy.listening.url}/v1/chat/completions"
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url, data=io.BytesIO(body)) as answer,
    ):
        return answer.status, (await answer.json())["error"]
