"""Ray Serve's own ingress before an engine: measured beside the gateway, and never part of it.

    python -m runtime.bench.serve_ingress ENGINE_SOCKET PORT DIRECTORY

Serve's proxy takes the request, one replica passes it on to the engine and back, as the gateway
does. The cluster is this process's own, on this machine, and ends with it.
"""

from __future__ import annotations

import signal
import sys
import threading

import aiohttp
import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

AT_ONCE = 1024  # more than the bench ever asks at once: Serve shall not be what makes it wait


class PassingOn:
    """Asks the engine what it was asked."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, request: Request) -> Response:
        """Called by Serve's proxy."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(self._engine))
        headers = {"content-type": "application/json"}
        url = f"http://engine{request.url.path}"
        async with self._session.post(url, data=await request.body(), headers=headers) as answer:
            return Response(await answer.read(), answer.status, media_type=answer.content_type)


def main(engine: str, port: int, directory: str) -> None:
    """Serve until SIGTERM."""
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    ray.init(address="local", include_dashboard=False, num_cpus=2, _temp_dir=directory)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    options = {"num_cpus": 0}
    ingress = serve.deployment(max_ongoing_requests=AT_ONCE, ray_actor_options=options)(PassingOn)
    serve.run(ingress.bind(engine), name="bench", route_prefix="/")
    over.wait()
    ray.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
