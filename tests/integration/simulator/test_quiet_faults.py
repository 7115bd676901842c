"""Faults that no row of the field brings up a host with: each shows what it says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import aiohttp
import pytest

from tests.integration.simulator.test_machines import machine, powered

pytestmark = pytest.mark.integration

ROOT = "/redfish/v1"
NAMEPLATE_WATTS = 700


async def test_a_leaf_port_that_is_down_hears_nobody(
    run_hall: Callable[..., Any], client: Any
) -> None:
    hall = run_hall("hgx-h100-8", "--fault", "port-down@leaf-1-1")
    first = hall.told()[0]
    leaf = machine(hall, "leaf-switch", "leaf-1-1")
    system = f"{ROOT}/Systems/DGX"
    await client(first).change(
        "POST", f"{system}/Actions/ComputerSystem.Reset", {"ResetType": "On"}
    )
    await powered(client(first), system)
    ports = await client(leaf).get(
        f"{ROOT}/Fabrics/Compute/Switches/{leaf['name']}/Ports?$expand=."
    )
    linked = {one["PortId"]: one["LinkStatus"] for one in ports["Members"]}
    heard = {one["PortId"] for one in ports["Members"] if "LLDPReceive" in one["Ethernet"]}

    assert "LinkDown" in linked.values()
    assert heard == {port for port, link in linked.items() if link == "LinkUp"}


async def test_a_host_under_full_load_draws_its_nameplate(
    start_hall: Any, client: Any, wait_until: Any
) -> None:
    hall = await start_hall("full-load@r1-h1")
    loaded, other = hall.told[:2]
    for told in (loaded, other):
        await client(told).reset("On")

    def drawn(name: str) -> list[float]:
        return [e["watts"] for e in hall.entries("draw") if e["host"] == name]

    await wait_until(lambda: NAMEPLATE_WATTS in drawn(loaded["name"]))
    await wait_until(lambda: len(drawn(other["name"])) > 2)
    assert drawn(other["name"])[-1] < NAMEPLATE_WATTS


async def test_a_bmc_without_events_offers_none(start_hall: Any, client: Any) -> None:
    hall = await start_hall("no-events@r1-h1")
    silent, other = (client(told) for told in hall.told[:2])

    assert "EventService" not in await silent.get(ROOT)
    assert "EventService" in await other.get(ROOT)


async def test_a_bmc_that_forgets_subscriptions_has_none_after_its_restart(
    start_hall: Any, client: Any, wait_until: Any
) -> None:
    hall = await start_hall("forgets-subscriptions@r1-h1")
    listing = f"{ROOT}/EventService/Subscriptions"
    wish = {"Destination": "https://127.0.0.1:1/events", "Protocol": "Redfish", "Context": "c"}
    kept = []
    for told in hall.told[:2]:
        bmc = client(told)
        await bmc.change("POST", listing, wish)
        assert (await bmc.get(listing))["Members"]
        await bmc.change("POST", f"{ROOT}/Managers/BMC/Actions/Manager.Reset", {})
        await wait_until(
            lambda name=told["name"]: [e for e in hall.entries("bmc.restart") if e["host"] == name]
        )
        kept.append(bmc)
    silent, other = [len(await told_again(bmc, listing)) for bmc in kept]

    assert (silent, other) == (0, 1)


async def told_again(bmc: Any, listing: str) -> list[Any]:
    """Who is told, once the BMC answers again."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                status, body, _ = await bmc.ask("GET", listing)
                if status == HTTPStatus.OK:
                    return list(body["Members"])
            await asyncio.sleep(0.05)
