"""An engine without a model: seeded words at a steady pace, and the failures that engines have.

For tests and for simulated hosts that shall serve without weights. Same seed and same request give
the same answer; token counts follow from the text, so that metering can be checked to the token.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator

from runtime.serving.engine import EngineRefusedError, EngineSettings, Json

WORDS = ("rack", "feed", "host", "unit", "claim", "light", "spare", "torque", "fan", "cable")
DEFAULT_TOKENS = 16


class SimulatedEngine:
    """One word is one token, in prompts and in answers."""

    def __init__(
        self, settings: EngineSettings, *, seed: int = 1, token_interval_s: float = 0.0
    ) -> None:
        self._settings = settings
        self._seed = seed
        self._token_interval_s = token_interval_s
        self._slots = asyncio.Semaphore(settings.parallel)

    async def complete(self, request: Json) -> Json:
        """All words at once, after the time that they would have taken."""
        text, last = "", {}
        async for chunk in self.stream(request):
            last = chunk
            for choice in chunk["choices"]:
                text += choice["delta"].get("content", "")
        return {
            "id": last["id"],
            "object": "chat.completion",
            "created": 0,
            "model": self._settings.model,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text},
                    "finish_reason": "length",
                }
            ],
            "usage": last["usage"],
        }

    async def stream(self, request: Json) -> AsyncIterator[Json]:
        """A word a chunk."""
        prompt_tokens = self._prompt_tokens(request)
        count = int(request.get("max_tokens") or DEFAULT_TOKENS)
        mark = hashlib.sha256(f"{self._seed} {request.get('messages')}".encode()).hexdigest()
        source = random.Random(mark)  # noqa: S311 - repeatable on purpose
        async with self._slots:
            for _ in range(count):
                await asyncio.sleep(self._token_interval_s)
                delta = {"content": source.choice(WORDS) + " "}
                yield self._chunk(mark, [{"index": 0, "delta": delta, "finish_reason": None}])
        end = {"index": 0, "delta": {}, "finish_reason": "length"}
        yield self._chunk(mark, [end])
        usage = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": count,
            "total_tokens": prompt_tokens + count,
        }
        yield {**self._chunk(mark, []), "usage": usage}

    def close(self) -> None:
        """Nothing is held."""

    def _prompt_tokens(self, request: Json) -> int:
        messages = request.get("messages")
        if not isinstance(messages, list) or not messages:
            raise EngineRefusedError("Expected 'messages' to be an array", param="messages")
        tokens = sum(len(str(one.get("content", "")).split()) for one in messages)
        if tokens >= self._settings.context_tokens:
            raise EngineRefusedError(
                f"request ({tokens} tokens) exceeds the available context size "
                f"({self._settings.context_tokens} tokens)",
                code="context_length_exceeded",
                param="messages",
            )
        return tokens

    def _chunk(self, mark: str, choices: list[Json]) -> Json:
        return {
            "id": f"chatcmpl-{mark[:24]}",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": self._settings.model,
            "choices": choices,
        }
