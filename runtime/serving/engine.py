"""The port between a replica and whatever computes tokens.

An engine takes an OpenAI chat request and gives OpenAI answers: whole, or as chunks. That is what
every engine in use speaks already, so an adapter stays a few lines, and nothing above it knows
which engine it was. Engines are slow and single: a replica asks several requests of one
engine at once, and the engine queues what it cannot run together.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What an engine is started with."""

    model: str
    """The name that answers carry."""
    model_path: str
    context_tokens: int
    """What one request may use, prompt and answer together."""
    parallel: int
    """How many requests are computed together."""
    threads: int = 1
    """More than the idle cores of a shared machine makes decoding 20-50 times slower."""


class EngineRefusedError(Exception):
    """The request itself is wrong: another replica would refuse it too."""

    def __init__(self, message: str, *, code: str = "", param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.param = param


class EngineFailedError(Exception):
    """The engine could not answer; another replica may."""


class Engine(Protocol):
    """What an adapter offers. Requests may be made at once from one event loop."""

    async def complete(self, request: Json) -> Json:
        """The whole answer, with `usage`. Raises `EngineRefusedError` or `EngineFailedError`."""

    def stream(self, request: Json) -> AsyncIterator[Json]:
        """Chunks; the last one carries `usage` and no choices.

        Closing the iterator early frees the engine for others. Raises like `complete`, before
        the first chunk where the request is wrong.
        """

    def close(self) -> None:
        """Free the engine. Safe to call twice; may block for the request being computed."""
