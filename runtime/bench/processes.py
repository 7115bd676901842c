"""The processes that a bench of the gateway stands between: an engine without a model, a gateway.

    python -m runtime.bench.processes engine SOCKET TOKEN_INTERVAL_S [DESCRIPTOR]
    python -m runtime.bench.processes gateway DIRECTORY DESCRIPTOR

The gateway is the product's own application behind the product's own listener, with a journal on
disk. It reads what it knows once: nothing stands behind it but the engines.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from starlette.requests import Request

from inventory.model import ApiKey
from runtime.gateway import Gateway
from runtime.ledger import Ledger
from runtime.listeners import Listener
from runtime.routes import GatewayState, Upstream
from runtime.serving.application import Application
from runtime.serving.engine import EngineSettings
from runtime.serving.engines.simulated import SimulatedEngine

STATE = "state.json"
USAGE = "usage"
PARALLEL = 8192  # more than is ever asked at once: the engine shall not be what makes anybody wait
CONTEXT_TOKENS = 4096


def main(arguments: list[str]) -> None:
    """Run one of them until SIGTERM."""
    match arguments:
        case ["engine", path, interval, *descriptors]:
            also = [socket.socket(fileno=int(one)) for one in descriptors]
            _engine(path, float(interval), also)
        case ["gateway", directory, descriptor]:
            opened = socket.socket(fileno=int(descriptor))
            asyncio.run(_gateway(Path(directory), opened))
        case _:
            raise SystemExit(__doc__)


def _engine(path: str, token_interval_s: float, also: list[socket.socket]) -> None:
    settings = EngineSettings("bench", "", context_tokens=CONTEXT_TOKENS, parallel=PARALLEL)
    engine = SimulatedEngine(settings, token_interval_s=token_interval_s)
    application = Application(engine, model="bench")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        prefix = scope["path"].partition("/v1/")[0]  # where Serve would have put the application
        response = await application.answer(Request({**scope, "root_path": prefix}, receive))
        await response(scope, receive, send)

    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
    door = socket.socket(socket.AF_UNIX)
    door.bind(path)
    uvicorn.Server(config).run(sockets=[door, *also])


async def _gateway(directory: Path, opened: socket.socket) -> None:
    told = json.loads((directory / STATE).read_text())
    key = ApiKey.model_validate(told["key"])
    models = {name: (Upstream(name, path),) for name, path in told["models"].items()}
    with Ledger(directory / USAGE) as ledger:
        gateway = Gateway(ledger)
        await gateway.replace(GatewayState(keys={key.id: key}, models={key.tenant: models}))
        listener = Listener(opened, gateway)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, listener.stop)
        await listener.run()


if __name__ == "__main__":
    main(sys.argv[1:])
