"""One engine as an OpenAI endpoint: the HTTP side of a replica, without Ray.

Starlette types only, so the same code answers inside Ray Serve and in a test. It trusts its caller:
keys, limits and metering are the gateway's, and nothing but the gateway may reach a replica.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from runtime.serving.engine import Engine, EngineFailedError, EngineRefusedError, Json

DONE = b"data: [DONE]\n\n"


class Application:
    """Routes for one model."""

    def __init__(self, engine: Engine, *, model: str) -> None:
        self._engine = engine
        self._model = model

    async def answer(self, request: Request) -> Response:
        """Any request below the model's route prefix."""
        path = request.url.path.removeprefix(request.scope.get("root_path", "")).rstrip("/")
        match request.method, path:
            case "POST", "/v1/chat/completions":
                return await self._chat(request)
            case "GET", "/v1/models":
                return JSONResponse({"object": "list", "data": [self._card()]})
            case "GET", "/healthz":
                return JSONResponse({"status": "ok"})
            case _:
                return _error(404, f"no route {request.method} {path}", code="not_found")

    async def _chat(self, request: Request) -> Response:
        try:
            body = json.loads(await request.body())
        except ValueError:
            return _error(400, "the body is not JSON")
        if not isinstance(body, dict):
            return _error(400, "the body is not a JSON object")
        body["model"] = self._model
        try:
            if not body.get("stream"):
                return JSONResponse(await self._engine.complete(body))
            chunks = self._engine.stream(body)
            first = await anext(chunks)  # a wrong request is refused with its status, not in-band
        except EngineRefusedError as error:
            return _error(400, str(error), code=error.code or None, param=error.param)
        except (EngineFailedError, StopAsyncIteration) as error:
            return _error(503, str(error) or "the engine answered nothing", kind="server_error")
        return StreamingResponse(_events(first, chunks), media_type="text/event-stream")

    def _card(self) -> Json:
        return {"id": self._model, "object": "model", "created": 0, "owned_by": "podyard"}


async def _events(first: Json, chunks: AsyncIterator[Json]) -> AsyncIterator[bytes]:
    """Server-sent events; trouble after the first byte can only be told in-band."""
    try:
        yield _event(first)
        async for chunk in chunks:
            yield _event(chunk)
        yield DONE
    except (EngineRefusedError, EngineFailedError) as error:
        yield _event({"error": _body(str(error), kind="server_error")})
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()


def _event(chunk: Json) -> bytes:
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def _error(
    status: int,
    message: str,
    *,
    kind: str = "invalid_request_error",
    code: str | None = None,
    param: str | None = None,
) -> Response:
    return JSONResponse({"error": _body(message, kind=kind, code=code, param=param)}, status)


def _body(message: str, *, kind: str, code: str | None = None, param: str | None = None) -> Json:
    return {"message": message, "type": kind, "param": param, "code": code}
