"""Joining and leaving the tenant network, and failing at it, without starting Ray."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from inventory.agents import RayOrder
from runtime.place import Place
from runtime.rayhost import RayHost, Settings

pytestmark = pytest.mark.integration

ORDER = RayOrder(
    cluster_id="c1",
    cluster="acme/main",
    role="worker",
    network="acme-main",
    address="10.77.3.2/24",
    head_address="10.77.3.1",
    token="very-secret",
    num_cpus=1,
    num_gpus=0,
)


@dataclass
class Hall:
    """A hall that refuses every cable, and what it was asked."""

    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, await request.json()))
        if request.method == "DELETE":
            return web.Response(status=204)
        return web.Response(status=409, text="no such network")


class Hurried:
    """A clock whose waits are short."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(min(delay_s, 0.01))


@pytest.fixture
async def hall(short_dir: Path) -> AsyncIterator[Hall]:
    found = Hall()
    app = web.Application()
    app.router.add_route("*", "/network", found.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(short_dir / "hall.sock")).start()
    yield found
    await runner.cleanup()


@pytest.fixture
async def rayhost(short_dir: Path) -> AsyncIterator[RayHost]:
    place = Place(run=short_dir, root=short_dir / "root", isolated=True)
    found = RayHost(Settings(place, simulated=True, clock=Hurried(), changed=lambda: None))
    yield found
    await found.stop()


async def test_refused_network_is_told_and_tried_again(hall: Hall, rayhost: RayHost) -> None:
    await rayhost.start(ORDER)
    async with asyncio.timeout(10):
        while len(hall.asked) < 3:  # noqa: ASYNC110 - polled
            await asyncio.sleep(0.001)
        while rayhost.observed is None or rayhost.observed.phase != "failed":  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert rayhost.observed.restarts >= 1
    assert "409" in rayhost.observed.message
    assert "no such network" in rayhost.observed.message
    assert hall.asked[0] == ("PUT", {"name": "acme-main", "address": "10.77.3.2/24"})
    assert "very-secret" not in rayhost.observed.message


async def test_withdrawn_order_leaves_the_network(hall: Hall, rayhost: RayHost) -> None:
    await rayhost.start(ORDER)
    await rayhost.stop()
    assert hall.asked[-1] == ("DELETE", {"name": "acme-main"})
    assert (rayhost.order, rayhost.observed) == (None, None)
