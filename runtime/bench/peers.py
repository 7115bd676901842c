"""Other gateways in front of the same engine, in the same run, by the same client.

Each is started as its own pages say for one process on one machine, asked what the gateway is
asked once its own start is over, and ended. What its processes take is counted over all of them,
for one keeps a proxy, a router and a control plane where another is one process. A peer that cannot
carry the rate is measured at a rate that it can, and says so: the time in a line that grows for
ever is no latency.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
import socket
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from runtime.bench.costs import cpu_s, rss_mb
from runtime.bench.load import Door, Load, LoadError
from runtime.children import Child, start_child

OPEN_S = 180.0
"""A cluster with a control plane of its own starts in half a minute on a busy machine."""
LOOK_S = 0.5
REST_S = 60.0
REST_LOOK_S = 2.0
RESTING_SHARE = 0.2
"""Of a core, and less: Ray's daemons take some 0.1 of one for ever."""
OK = 200


class PeerError(Exception):
    """A peer that is not here, or does not answer."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer stands."""

    directory: Path
    engine_socket: str
    engine_port: int
    port: int
    key: str


@dataclass(frozen=True, slots=True)
class Peer:
    """How one is started."""

    name: str
    command: Callable[[Place], list[str]]
    environment: tuple[tuple[str, str], ...] = ()


def litellm(program: str) -> Peer:
    """LiteLLM's proxy with a master key and no database, one worker.

    Raises:
        PeerError: there is no such program.
    """
    found = shutil.which(program)
    if found is None:
        raise PeerError(
            f"peer litellm: {program!r} is no program here; "
            "hint: pip install 'litellm[proxy]' in an environment of its own, --litellm its program"
        )

    def command(place: Place) -> list[str]:
        file = place.directory / "litellm.json"  # YAML is a superset of it
        parameters = {
            "model": "openai/fast",
            "api_base": f"http://127.0.0.1:{place.engine_port}/v1",
            "api_key": "none",
        }
        said = {
            "model_list": [{"model_name": "fast", "litellm_params": parameters}],
            "general_settings": {"master_key": place.key},
        }
        file.write_text(json.dumps(said))
        where = ["--host", "127.0.0.1", "--port", str(place.port), "--num_workers", "1"]
        return [found, "--config", str(file), *where]

    # Prices are in the package too: a bench asks nobody else.
    quiet = (("LITELLM_LOCAL_MODEL_COST_MAP", "True"), ("LITELLM_LOG", "ERROR"))
    return Peer("litellm", command, quiet)


def ray_serve() -> Peer:
    """Ray Serve's proxy and one replica that passes on."""

    def command(place: Place) -> list[str]:
        where = [place.engine_socket, str(place.port), str(place.directory / "ray")]
        return [sys.executable, "-m", "runtime.bench.serve_ingress", *where]

    return Peer("ray-serve", command, (("RAY_USAGE_STATS_ENABLED", "0"),))


@dataclass(frozen=True, slots=True)
class Standing:
    """A peer that answers."""

    child: Child
    door: Door
    key: str

    @property
    def cpu_s(self) -> float:
        """Of all its processes, since they began."""
        return cpu_s(self.child.process.pid)

    @property
    def rss_mb(self) -> float:
        """Of all its processes, now."""
        return rss_mb(self.child.process.pid)


async def stand(
    peer: Peer,
    directory: Path,
    *,
    engine_socket: str,
    engine_port: int,
    request: Callable[[str], bytes],
) -> Standing:
    """Start one and wait until it answers a request, made for its key.

    Raises:
        PeerError: it ended, or did not answer in time; its last words are in the message.
    """
    key = f"sk-{secrets.token_hex(16)}"
    place = Place(directory, engine_socket, engine_port, _free_port(), key)
    log = directory / f"{peer.name}.log"
    child = await start_child(
        peer.name, peer.command(place), log=log, environment=dict(peer.environment)
    )
    standing = Standing(child, Door(port=place.port), key)
    try:
        await _until_it_answers(standing, request(key))
        await _until_it_rests(standing)
    except BaseException:
        await child.stop()
        raise
    return standing


async def _until_it_answers(standing: Standing, request: bytes) -> None:
    child = standing.child
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(OPEN_S):
            while child.running:
                if await _answers(standing.door, request):
                    return
                await asyncio.sleep(LOOK_S)
    why = f"gave no answer in {OPEN_S:g} s" if child.running else "ended"
    raise PeerError(f"peer {child.name} {why}; hint: its last words:\n{child.last_words()}")


async def _until_it_rests(standing: Standing) -> None:
    """Its start is over, or goes on for so long that it is no start any more."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(REST_S):
            before_s = standing.cpu_s
            while True:
                await asyncio.sleep(REST_LOOK_S)
                after_s = standing.cpu_s
                if after_s - before_s < RESTING_SHARE * REST_LOOK_S:
                    return
                before_s = after_s


async def _answers(door: Door, request: bytes) -> bool:
    try:
        line = await door.line()
        try:
            return await line.ask(request) == OK
        finally:
            line.close()
    except (OSError, LoadError):
        return False


def load_of(standing: Standing, request: Callable[[str], bytes]) -> Load:
    """The bench's client at this peer."""
    return Load(standing.door, request(standing.key))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return int(opened.getsockname()[1])


def peers_of(names: Iterable[str], *, litellm_program: str) -> tuple[Peer, ...]:
    """Those that were asked for, each once.

    Raises:
        PeerError: a name that is none of theirs, or a program that is not here.
    """
    known = {"litellm": lambda: litellm(litellm_program), "ray-serve": ray_serve}
    wanted = dict.fromkeys(names)
    for name in wanted:
        if name not in known:
            raise PeerError(f"--peer {name!r} is no peer; hint: one of {', '.join(known)}")
    return tuple(known[name]() for name in wanted)
