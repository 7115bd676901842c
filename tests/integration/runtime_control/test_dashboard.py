"""The real client on a real Unix socket: probes and documents reach the head they are for."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from inventory.model import Deployment
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from runtime.binding import Binding
from runtime.cluster import ClusterClient
from runtime.context import ClusterKey
from runtime.tending import Tending
from tests.unit.runtime_control.builders import RING, Site, make_deployment

pytestmark = pytest.mark.integration
KEY = ClusterKey("acme", "main")


@pytest.fixture
def site() -> Iterator[Site]:
    """In a short directory: a socket's path has 107 bytes at most."""
    root = Path(tempfile.mkdtemp(prefix="pyd-"))
    store = SqlStore.open(f"sqlite:///{root}/podyard.db")
    yield Site(store, root, hosts=1)
    store.close()
    shutil.rmtree(root)


class Dashboard:
    """Answers as Ray 2.60's dashboard does, for the calls that are made."""

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.documents: list[Any] = []
        self.answers = asyncio.Event()
        self.answers.set()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/v0/nodes", self._nodes)
        app.router.add_get("/api/serve/applications/", self._status)
        app.router.add_put("/api/serve/applications/", self._put)
        return app

    async def _nodes(self, request: web.Request) -> web.Response:
        await self.answers.wait()
        self.tokens.add(request.headers.get("Authorization", ""))
        node = {"node_id": "n", "node_ip": "10.77.1.10", "state": "ALIVE", "is_head_node": True}
        return web.json_response({"data": {"result": {"result": [node]}}})

    async def _status(self, _: web.Request) -> web.Response:
        names = [a["name"] for a in self.documents[-1]["applications"]] if self.documents else []
        replicas = {"replica": {"replicas": [{"state": "RUNNING"}]}}
        applications = {n: {"status": "RUNNING", "deployments": replicas} for n in names}
        return web.json_response({"applications": applications})

    async def _put(self, request: web.Request) -> web.Response:
        self.documents.append(await request.json())
        return web.Response()


@pytest.fixture
async def dashboard(site: Site) -> AsyncIterator[Dashboard]:
    relay = site.root / "hosts/h1/run/relay"
    relay.mkdir(parents=True)
    found = Dashboard()
    runner = web.AppRunner(found.app(), shutdown_timeout=1.0)
    await runner.setup()
    await web.UnixSite(runner, str(relay / "dashboard.sock")).start()
    yield found
    found.answers.set()
    await runner.cleanup()


@pytest.fixture
async def tending(site: Site) -> AsyncIterator[Tending]:
    world = dataclasses.replace(
        site.world(),
        connect_cluster=lambda path, token: ClusterClient(path, token.get_secret_value()),
    )
    found = Tending(world, site.fence, asyncio.Lock())
    yield found
    await found.close()


async def settle(site: Site, tending: Tending) -> None:
    Binding(site.store, RING, site.fence).step(site.clock.now())
    for _ in range(8):
        await tending.step(KEY)
        site.agents_obey()


async def test_a_cluster_is_probed_and_served_through_its_relay(
    site: Site, dashboard: Dashboard, tending: Tending
) -> None:
    site.claim()
    site.write(Change(insert=(make_deployment(),)))
    await settle(site, tending)
    assert site.cluster().phase == "running"
    assert site.got(Deployment, "dep-smol").phase == "running"
    assert len(dashboard.documents) == 1
    sealed = site.store.secret(site.cluster().id, "ray-token")
    assert sealed is not None
    token = site.secrets.unseal(site.cluster().id, "ray-token", sealed).get_secret_value()
    assert dashboard.tokens == {f"Bearer {token}"}


async def test_a_slow_dashboard_is_left_at_its_deadline(
    site: Site, dashboard: Dashboard, tending: Tending
) -> None:
    dashboard.answers.clear()
    site.claim()
    async with asyncio.timeout(60):
        await settle(site, tending)
    assert site.cluster().phase == "forming"
    assert "did not answer" in site.cluster().message


async def test_a_missing_socket_is_a_reason_on_the_cluster(site: Site, tending: Tending) -> None:
    site.claim()
    await settle(site, tending)
    assert site.cluster().phase == "forming"
    assert "did not answer" in site.cluster().message
