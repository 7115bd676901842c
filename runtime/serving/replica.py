"""What Ray Serve runs: one replica of one deployment.

Named in the declarative document as `runtime.serving.replica:build`. Imported only by Ray, inside a
worker process on a host of the claim, so this module may import Ray.
"""

from __future__ import annotations

from typing import Any

from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from runtime.serving.application import Application
from runtime.serving.engine import Engine, EngineSettings
from runtime.serving.weights import locate, verify


class Replica:
    """Loads the weights it was told to, after checking them, and answers for them."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self._engine = start_engine(arguments)
        self._application = Application(self._engine, model=arguments["model"])

    async def __call__(self, request: Request) -> Response:
        """Called by Serve's proxy for each request."""
        return await self._application.answer(request)

    def __del__(self) -> None:
        """Serve waits for this when it stops a replica."""
        engine = getattr(self, "_engine", None)
        if engine is not None:
            engine.close()


def start_engine(arguments: dict[str, Any]) -> Engine:
    """The adapter that the deployment names."""
    settings = EngineSettings(
        model=arguments["model"],
        model_path="",
        context_tokens=int(arguments["context_tokens"]),
        parallel=int(arguments["parallel"]),
    )
    match arguments["engine"]:
        case "xllamacpp":
            return _xllamacpp(settings, arguments)
        case "simulated":
            return _simulated(settings)
        case other:
            raise ValueError(f"no engine {other!r}; hint: engines are xllamacpp and simulated")


def build(arguments: dict[str, Any]) -> serve.Application:
    """The application that the document's `import_path` names."""
    return serve.deployment(name="replica")(Replica).bind(arguments)


def _xllamacpp(settings: EngineSettings, arguments: dict[str, Any]) -> Engine:
    from dataclasses import replace  # noqa: PLC0415 - only here

    from runtime.serving.engines.xllamacpp import XllamacppEngine  # noqa: PLC0415 - loads C++

    path = verify(locate(arguments["source"]), arguments["sha256"])
    return XllamacppEngine(replace(settings, model_path=str(path)))


def _simulated(settings: EngineSettings) -> Engine:
    from runtime.serving.engines.simulated import SimulatedEngine  # noqa: PLC0415 - as above

    return SimulatedEngine(settings)
