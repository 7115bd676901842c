"""What the gateway adds to an engine's own time, what a core of it carries, and what it loses.

The engine, the gateway and the client are a process each. The same requests go to the engine alone
and through the gateway, in turns of one run, so that what else the machine does falls on both. The
journal is counted at the end: whatever was answered must be in it once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inventory.keys import mint
from runtime.bench.costs import cpu_s, highest_rss_mb
from runtime.bench.load import Door, Heard, Load, request_of
from runtime.bench.peers import Peer, load_of, stand
from runtime.bench.processes import STATE, USAGE
from runtime.ledger import entries_after

REQUESTS_PER_MINUTE = 100_000_000  # a limit that is counted and never reached
SHORT_TOKENS = 4
CONNECTIONS = 32
WARMING_S = 1.0
BEYOND_TOKENS = 2
"""Events of a stream that are no token: why it ended, and that it did."""
START_S = 30.0
CARRIED_SHARE = 0.6
"""Of what a peer carries at most: at this load of a single server, lines are short."""


class BenchError(Exception):
    """What the bench needs did not start."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to measure."""

    rate: float = 500.0
    seconds: float = 10.0
    rounds: int = 3
    streams: int = 2000
    tokens_per_second: float = 2.0
    ramp_s: float = 10.0
    hold_s: float = 10.0
    peers: tuple[Peer, ...] = ()

    @property
    def stream_tokens(self) -> int:
        """So many that the first stream is still open when the last one has begun."""
        return round((self.ramp_s + self.hold_s) * self.tokens_per_second)


@dataclass(slots=True)
class Site:
    """What stands while a bench runs."""

    directory: Path
    port: int
    engine_port: int
    key: str
    gateway: asyncio.subprocess.Process

    def direct(self) -> Load:
        """To the engine alone."""
        return Load(Door(socket=str(self.directory / "fast")), _short("fast", ""))

    def through(self) -> Load:
        """The same through the gateway."""
        return Load(Door(port=self.port), _short("fast", self.key))


async def run_gateway(wish: Wish) -> dict[str, Any]:
    """Every figure of one run."""
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="pyd-bench-") as made:
        directory = Path(made)
        async with _standing(directory, wish) as site:
            direct, through = site.direct(), site.through()
            answered = [await through.at_rate(wish.rate, WARMING_S)]
            await direct.at_rate(wish.rate, WARMING_S)
            alone, added = [], []
            for _ in range(wish.rounds):
                alone.append(await direct.at_rate(wish.rate, wish.seconds))
                added.append(await through.at_rate(wish.rate, wish.seconds))
            cpu_before = cpu_s(site.gateway.pid)
            full = await through.as_fast_as_it_can(CONNECTIONS, wish.seconds)
            took_s = cpu_s(site.gateway.pid) - cpu_before
            direct.close()
            through.close()
            streams = await _streams(site, wish)
            rss = highest_rss_mb(site.gateway.pid)
            peers = {peer.name: await _beside(peer, site, wish) for peer in wish.peers}
        journaled = sum(1 for _ in entries_after(directory / USAGE))
    answered += [*added, full, streams]
    requests = sum(len(one.took_s) for one in answered)
    return {
        "simulated": True,
        **compared(alone, added),
        "rate": wish.rate,
        "requests_per_second": round(len(full.took_s) / full.wall_s),
        "requests_per_second_per_core": _each(len(full.took_s), took_s),
        "streams": streams.most_at_once,
        "streams_dropped": streams.failed,
        "stream_p99_late_s": _late_s(streams, wish),
        "rss_mb": rss,
        "requests": requests,
        "failed": sum(one.failed for one in [*alone, *answered]),
        "faults": dict(sum((one.faults for one in [*alone, *answered]), start=Heard().faults)),
        "not_journaled": requests - journaled,
        "peers": peers,
        "load": [round(load_before, 1), round(os.getloadavg()[0], 1)],
    }


async def _beside(peer: Peer, site: Site, wish: Wish) -> dict[str, Any]:
    """The same figures of another gateway."""

    def request(key: str) -> bytes:
        return _short("fast", key)

    standing = await stand(
        peer,
        site.directory,
        engine_socket=str(site.directory / "fast"),
        engine_port=site.engine_port,
        request=request,
    )
    direct, through = site.direct(), load_of(standing, request)
    try:
        warm = await through.as_fast_as_it_can(CONNECTIONS, WARMING_S)
        before_s = standing.cpu_s
        full = await through.as_fast_as_it_can(CONNECTIONS, wish.seconds)
        took_s = standing.cpu_s - before_s
        rate = min(wish.rate, CARRIED_SHARE * len(full.took_s) / full.wall_s)
        alone, added = [], []
        for _ in range(wish.rounds):
            alone.append(await direct.at_rate(rate, wish.seconds))
            added.append(await through.at_rate(rate, wish.seconds))
        rss = standing.rss_mb
    finally:
        direct.close()
        through.close()
        await standing.child.stop()
    heard = [warm, full, *alone, *added]
    return {
        **compared(alone, added),
        "rate": round(rate),
        "requests_per_second": round(len(full.took_s) / full.wall_s),
        "requests_per_second_per_core": _each(len(full.took_s), took_s),
        "rss_mb": rss,
        "requests": sum(len(one.took_s) for one in heard),
        "failed": sum(one.failed for one in heard),
        "faults": dict(sum((one.faults for one in heard), start=Heard().faults)),
    }


def _each(requests: int, cpu_s: float) -> int | None:
    """Requests for a second of CPU; None where none was counted."""
    return round(requests / cpu_s) if cpu_s else None


def compared(alone: list[Heard], through: list[Heard]) -> dict[str, float | None]:
    """What the gateway adds: the difference of the percentiles, not that of single requests.

    Milliseconds; None where one of the two was never answered.
    """
    one = [took for heard in alone for took in heard.took_s]
    two = [took for heard in through for took in heard.took_s]
    said: dict[str, float | None] = {}
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        before, after = percentile(one, share), percentile(two, share)
        added = None if before is None or after is None else after - before
        said[f"added_{name}_ms"] = None if added is None else round(added * 1000, 3)
        said[f"direct_{name}_ms"] = None if before is None else round(before * 1000, 3)
    return said


def percentile(values: list[float], share: float) -> float | None:
    """The value that this share of them does not pass; None where there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def _late_s(streams: Heard, wish: Wish) -> float | None:
    took = percentile(streams.took_s, 0.99)
    return None if took is None else round(took - wish.stream_tokens / wish.tokens_per_second, 3)


async def _streams(site: Site, wish: Wish) -> Heard:
    body = _body("paced", wish.stream_tokens, stream=True)
    load = Load(Door(port=site.port), request_of(body, key=site.key), streamed=True)
    heard = await load.at_rate(wish.streams / wish.ramp_s, wish.ramp_s)
    load.close()
    missing = wish.streams * (wish.stream_tokens + BEYOND_TOKENS) - heard.pieces
    if missing and not heard.failed:
        heard.faults["events that a whole stream should have had"] += abs(missing)
    return heard


@contextlib.asynccontextmanager
async def _standing(directory: Path, wish: Wish) -> AsyncIterator[Site]:
    key, text = mint(
        "tenant", now=datetime.now(UTC), tenant="bench", requests_per_minute=REQUESTS_PER_MINUTE
    )
    sockets = {name: str(directory / name) for name in ("fast", "paced")}
    state = {"key": key.model_dump(mode="json"), "models": sockets}
    (directory / STATE).write_text(json.dumps(state))
    opened = socket.create_server(("127.0.0.1", 0), backlog=2048)
    engine = socket.create_server(("127.0.0.1", 0), backlog=2048)  # for those that know no other
    running = []
    try:
        fast = await _process("engine", sockets["fast"], "0", str(engine.fileno()), opened=engine)
        running.append(fast)
        running.append(await _process("engine", sockets["paced"], str(1 / wish.tokens_per_second)))
        gateway = await _process("gateway", str(directory), str(opened.fileno()), opened=opened)
        running.append(gateway)
        for path, process in zip(sockets.values(), running, strict=False):
            await _until_open(path, process)
        ports = opened.getsockname()[1], engine.getsockname()[1]
        yield Site(directory, *ports, text, gateway)
    finally:
        opened.close()
        engine.close()
        for process in reversed(running):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            await process.wait()


async def _process(*arguments: str, opened: socket.socket | None = None) -> Any:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "runtime.bench.processes",
        *arguments,
        pass_fds=() if opened is None else (opened.fileno(),),
    )


async def _until_open(path: str, engine: asyncio.subprocess.Process) -> None:
    """Raises `BenchError` when it ended or does not listen within `START_S`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_S):
            while engine.returncode is None:
                try:
                    (await Door(socket=path).line()).close()
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    return
    ended = engine.returncode
    said = f"is not open after {START_S:g} s" if ended is None else f"ended with {ended}"
    raise BenchError(
        f"the engine of the bench {said}; hint: its words, if any, are above; "
        "start it alone: python -m runtime.bench.processes engine /tmp/engine 0"
    )


def _short(model: str, key: str) -> bytes:
    return request_of(_body(model, SHORT_TOKENS, stream=False), key=key)


def _body(model: str, tokens: int, *, stream: bool) -> dict[str, Any]:
    messages = [{"role": "user", "content": "Say how the hall is."}]
    return {"model": model, "messages": messages, "max_tokens": tokens, "stream": stream}
