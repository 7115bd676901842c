"""What `facts()` reads around the processor board: few replies, and none that spoils the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from provisioning.drivers.redfish.driver import RedfishBmc
from tests.integration.drivers.scripted_bmc import SYSTEM, ScriptedBmc, problem

pytestmark = pytest.mark.integration

Connect = Callable[..., RedfishBmc]
MOCKUPS = Path(__file__).parents[3].parent / "shared" / "redfish-mockups"
CHASSIS = "/redfish/v1/Chassis/1"


def serve(bmc: ScriptedBmc, name: str) -> None:
    folder = MOCKUPS / name
    if not folder.is_dir():
        pytest.skip(f"{name} of the public Redfish mockups is not beside the project")
    for index in folder.rglob("index.json"):
        path = f"/redfish/v1/{index.parent.relative_to(folder)}".removesuffix("/.")
        bmc.resources[path] = json.loads(index.read_text())


async def test_power_and_cooling_of_a_liquid_cooled_server_take_few_reads(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    serve(bmc, "public-liquid-cooled-server")
    facts = await connect().facts()
    assert [one.slot for one in facts.power_supplies] == ["PSU 1"]
    assert {part.kind for part in facts.cooling} == {"fan", "pump"}
    assert len(facts.coolant) == 2
    assert facts.position.rack == "WEB43"
    assert facts.trust.secure_boot is False
    around = [path for method, path, *_ in bmc.seen if method == "GET" and "/Chassis/" in path]
    assert len(around) <= 16


async def test_the_older_schema_is_enough_where_it_names_the_parts(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    serve(bmc, "public-rackmount1")
    facts = await connect().facts()
    assert facts.power_supplies[0].serial == "1Z0000001"
    assert facts.cooling
    assert bmc.requests("GET", "/redfish/v1/Chassis/1U/PowerSubsystem") == []
    assert bmc.requests("GET", "/redfish/v1/Chassis/1U/ThermalSubsystem/Fans") == []


def chassis(**more: Any) -> dict[str, Any]:
    return {
        "Id": "1",
        "SerialNumber": "C-1",
        "Power": {"@odata.id": f"{CHASSIS}/Power"},
        "Thermal": {"@odata.id": f"{CHASSIS}/Thermal"},
        **more,
    }


async def test_one_broken_part_hides_no_other(bmc: ScriptedBmc, connect: Connect) -> None:
    bmc.resources[SYSTEM]["Links"] = {"Chassis": [{"@odata.id": CHASSIS}]}
    bmc.resources[CHASSIS] = chassis()
    bmc.resources[f"{CHASSIS}/Thermal"] = {"Fans": [{"MemberId": "0", "Name": "Fan 1"}]}

    async def broken(_request: web.Request) -> web.StreamResponse:
        return problem(500, "InternalError")

    bmc.on("GET", f"{CHASSIS}/Power", broken)
    facts = await connect().facts()
    assert (facts.power_supplies, facts.chassis_serial) == ((), "C-1")
    assert [part.slot for part in facts.cooling] == ["Fan 1"]


async def test_a_link_to_another_host_is_not_followed_and_hides_nothing(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    bmc.resources[SYSTEM]["Links"] = {"Chassis": [{"@odata.id": CHASSIS}]}
    bmc.resources[CHASSIS] = chassis(Power={"@odata.id": "https://elsewhere.example/redfish/v1/P"})
    bmc.resources[f"{CHASSIS}/Thermal"] = {"Fans": [{"MemberId": "0", "Name": "Fan 1"}]}
    facts = await connect().facts()
    assert facts.power_supplies == ()
    assert [part.slot for part in facts.cooling] == ["Fan 1"]
