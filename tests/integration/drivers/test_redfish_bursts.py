"""A few reads at a time, and an end to those that crawl."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from provisioning.errors import (
    BmcUnreachable,
)
from tests.integration.drivers.conftest import Connect
from tests.integration.drivers.scripted_bmc import (
    SYSTEM,
    ScriptedBmc,
)

pytestmark = pytest.mark.integration


async def test_at_most_three_reads_are_under_way_at_once(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    running = most = 0

    async def slow(_request: web.Request) -> web.StreamResponse:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        return web.json_response(bmc.resources[SYSTEM])

    driver = connect()
    await driver.power()
    bmc.on("GET", SYSTEM, slow)
    await asyncio.gather(*(driver.power() for _ in range(12)))
    assert most == 3


async def test_facts_of_a_bmc_that_crawls_end_at_their_own_deadline(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    path = f"{SYSTEM}/Memory"
    members = [{"@odata.id": f"{path}/{index}"} for index in range(200)]
    bmc.resources[SYSTEM]["Memory"] = {"@odata.id": path}
    bmc.resources[path] = {"Members": members}

    async def slow(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.2)
        return web.json_response({"Id": "D", "CapacityMiB": 1024})

    for member in members:
        bmc.on("GET", member["@odata.id"], slow)
    with pytest.raises(BmcUnreachable, match="reading the hardware"):
        await connect(deadline_s=0.5).facts()
