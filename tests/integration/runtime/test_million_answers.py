"""A gateway by itself answers a million times: its memory stays flat, and no database is needed.

The gateway is the service's own role in a process of its own, on PostgreSQL, with keys and routes
from records. In its middle third the database is gone. Afterwards every answer is on record once,
and a key that is revoked under load is refused within seconds. The engine has no model.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import uvloop

from inventory.keys import mint
from inventory.model import ApiKey, Deployment, UsageRecord
from inventory.secrets import SecretBox
from inventory.statedir import StateDirectory
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from runtime.bench.costs import highest_rss_mb, rss_mb
from runtime.bench.load import Door, Heard, Load, request_of
from tests.bed import Bed, bed
from tests.contract.store import postgres
from tests.unit.runtime_control.builders import Site, make_deployment
from tests.unit.runtime_control.test_steps import Steps

pytestmark = [
    pytest.mark.integration,
    pytest.mark.postgres,
    pytest.mark.skipif(bool(postgres.may_start()), reason=postgres.may_start() or "none"),
]

CONNECTIONS = 32
MOST_MB = 150.0
NOISE_MB = 6.0
"""Between the first tenth, in which pools and caches fill, and the last."""
REVOKED_S = 5.0
WRITTEN_S = 900.0


@dataclass
class Served:
    """A gateway in front of a model, and what stands behind it."""

    bed: Bed
    gateway: subprocess.Popen[bytes]
    sockets: Path
    site: Site
    key: ApiKey
    text: str

    def load(self) -> Load:
        body = {
            "model": "smol",
            "messages": [{"role": "user", "content": "Say how the hall is."}],
            "max_tokens": 4,
        }
        return Load(Door(port=self.bed.ports["gateway"]), request_of(body, key=self.text))

    def status(self) -> int:
        return httpx.get(
            f"http://127.0.0.1:{self.bed.ports['gateway']}/v1/models",
            headers={"Authorization": f"Bearer {self.text}"},
            trust_env=False,
        ).status_code


@contextlib.contextmanager
def served() -> Iterator[Served]:
    """Records as a controller writes them, and the role `gateway` that follows them."""
    with bed() as one, postgres.server() as sockets:
        postgres.create_database(sockets, "podyard")
        url = postgres.url_of(sockets, "podyard")
        state = StateDirectory(one.directory / "service")
        store = SqlStore.open(url)
        site = Site(store, one.directory, hosts=1)
        site.secrets = SecretBox.open(state.secret_key)
        site.write(Change(insert=(make_deployment(),)))
        site.claim()
        asyncio.run(Steps(site).form())
        assert site.got(Deployment, "dep-smol").phase == "running"
        key, text = mint(
            "tenant", now=datetime.now(UTC), tenant="acme", requests_per_minute=100_000_000
        )
        site.write(Change(insert=(key,)))
        relay = one.directory / "hosts" / "h1" / "run" / "relay"
        relay.mkdir(parents=True)
        command = [sys.executable, "-m", "runtime.bench.processes", "engine"]
        engine = subprocess.Popen([*command, str(relay / "serve.sock"), "0"])
        try:
            gateway = one.start_service(
                role="gateway", ready=False, environment={"PODYARD_DATABASE": url}
            )
            made = Served(one, gateway, sockets, site, key, text)
            one.wait(60, lambda: answers(made))
            yield made
            one.stop()
        finally:
            engine.send_signal(signal.SIGTERM)
            engine.wait(30)
            store.close()


def answers(made: Served) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return made.status() == httpx.codes.OK
    return False


async def ask(load: Load, times: int) -> Heard:
    """So many answers, on all connections."""
    heard, left = Heard(), iter(range(times))

    async def go_on() -> None:
        for _ in left:
            await load.one(heard)

    await asyncio.gather(*(go_on() for _ in range(CONNECTIONS)))
    return heard


def asked(made: Served, times: int) -> None:
    async def once() -> Heard:
        load = made.load()
        try:
            return await ask(load, times)
        finally:
            load.close()

    heard = uvloop.run(once())
    assert heard.failed == 0, heard.faults
    assert len(heard.took_s) == times


def run(made: Served, times: int) -> list[float]:
    """Memory after each tenth, in 10⁶ bytes; without a database from the fourth to the sixth."""
    memory = []
    for tenth in range(10):
        if tenth == 3:
            postgres.stop(made.sockets)
        if tenth == 6:
            postgres.start(made.sockets)
        asked(made, times // 10)
        memory.append(rss_mb(made.gateway.pid))
    ends = time.monotonic() + WRITTEN_S
    while (written := made.site.store.count(UsageRecord)) < times and time.monotonic() < ends:
        time.sleep(0.5)
    assert written == times
    return memory


def revoke_under_load(made: Served) -> float:
    """Seconds until the key is refused, while usage is being written down."""
    asked(made, 5000)
    made.site.update(made.key, revoked_at=datetime.now(UTC))
    began = time.monotonic()
    made.bed.wait(30, lambda: made.status() == httpx.codes.UNAUTHORIZED)
    return time.monotonic() - began


def test_answers_go_on_without_a_database_and_are_all_on_record_afterwards() -> None:
    with served() as made:
        run(made, 10_000)
        assert revoke_under_load(made) < REVOKED_S


@pytest.mark.long
def test_a_million_answers_leave_memory_flat() -> None:
    with served() as made:
        memory = run(made, 1_000_000)
        said = f"after each tenth {memory}, at most {highest_rss_mb(made.gateway.pid)} MB"
        print(said, "load", os.getloadavg())  # noqa: T201 - the figure that is recorded
        assert highest_rss_mb(made.gateway.pid) <= MOST_MB, said
        assert memory[-1] - memory[0] <= NOISE_MB, said
        assert revoke_under_load(made) < REVOKED_S
