"""The dialects in which BMCs spell a limit of the host's power: the newest served is spoken."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from provisioning.drivers.capabilities import PowerLimitDialect
from provisioning.errors import BmcBusy, Unsupported
from tests.integration.drivers.conftest import Connect
from tests.integration.drivers.scripted_bmc import SYSTEM, ScriptedBmc, problem

pytestmark = pytest.mark.integration

BOX = "/redfish/v1/Chassis/1"
MOCKUPS = Path(__file__).parents[4] / "shared" / "redfish-mockups"
ENVIRONMENT: dict[str, Any] = {
    "PowerLimitWatts": {
        "SetPoint": 1200,
        "AllowableMin": 500,
        "AllowableMax": 1500,
        "ControlMode": "Automatic",
    }
}
CONTROL: dict[str, Any] = {
    "ControlType": "Power",
    "SetPoint": 800,
    "AllowableMin": 300,
    "AllowableMax": 900,
    "ControlMode": "Automatic",
}
POWER: dict[str, Any] = {
    "PowerControl": [{"PowerCapacityWatts": 2000, "PowerLimit": {"LimitInWatts": 700}}]
}


def serve(bmc: ScriptedBmc, *dialects: str) -> None:
    box: dict[str, Any] = {"@odata.id": BOX}
    if "environment" in dialects:
        box["EnvironmentMetrics"] = {"@odata.id": f"{BOX}/EnvironmentMetrics"}
        bmc.resources[f"{BOX}/EnvironmentMetrics"] = json.loads(json.dumps(ENVIRONMENT))
    if "control" in dialects:
        box["Controls"] = {"@odata.id": f"{BOX}/Controls"}
        member = {"@odata.id": f"{BOX}/Controls/PowerLimit"}
        bmc.resources[f"{BOX}/Controls"] = {"Members": [member]}
        bmc.resources[member["@odata.id"]] = {**member, **CONTROL}
    if "power" in dialects:
        box["Power"] = {"@odata.id": f"{BOX}/Power"}
        bmc.resources[f"{BOX}/Power"] = json.loads(json.dumps(POWER))
    bmc.resources[SYSTEM]["Links"] = {"Chassis": [{"@odata.id": BOX}]}
    bmc.resources[BOX] = box


@pytest.mark.parametrize(
    ("dialects", "spoken", "watts"),
    [
        (("environment", "control", "power"), PowerLimitDialect.ENVIRONMENT, 1200),
        (("control", "power"), PowerLimitDialect.CONTROL, 800),
        (("power",), PowerLimitDialect.POWER, 700),
    ],
)
async def test_newest_dialect_that_is_served_is_spoken(
    bmc: ScriptedBmc,
    connect: Connect,
    dialects: tuple[str, ...],
    spoken: PowerLimitDialect,
    watts: float,
) -> None:
    serve(bmc, *dialects)
    seen = await connect().power_limit()
    assert (seen.dialect, seen.watts) == (spoken, watts)


@pytest.mark.parametrize(
    ("dialect", "path", "set_to", "lifted"),
    [
        (
            "environment",
            f"{BOX}/EnvironmentMetrics",
            {"PowerLimitWatts": {"SetPoint": 600, "ControlMode": "Automatic"}},
            {"PowerLimitWatts": {"ControlMode": "Disabled"}},
        ),
        (
            "control",
            f"{BOX}/Controls/PowerLimit",
            {"SetPoint": 600, "ControlMode": "Automatic"},
            {"ControlMode": "Disabled"},
        ),
        (
            "power",
            f"{BOX}/Power",
            {"PowerControl": [{"PowerLimit": {"LimitInWatts": 600}}]},
            {"PowerControl": [{"PowerLimit": {"LimitInWatts": None}}]},
        ),
    ],
)
async def test_limit_is_set_and_lifted_once_each(
    bmc: ScriptedBmc,
    connect: Connect,
    dialect: str,
    path: str,
    set_to: dict[str, Any],
    lifted: dict[str, Any],
) -> None:
    serve(bmc, dialect)
    driver = connect()
    for _ in range(2):
        await driver.set_power_limit(600)
    assert (await driver.power_limit()).watts == 600
    for _ in range(2):
        await driver.set_power_limit(None)
    assert (await driver.power_limit()).watts is None
    assert bmc.bodies("PATCH", path) == [set_to, lifted]


@pytest.mark.parametrize(
    ("refusals", "any_state", "is_set", "tags"),
    [
        (2, True, True, ['"1"', '"2"', '"3"']),
        (99, True, True, ['"1"', '"2"', '"3"', "*"]),
        (99, False, False, ['"1"', '"2"', '"3"', "*"]),
    ],
)
async def test_limit_beside_readings_that_move_is_set_by_fresh_looks_and_then_in_any_state(
    bmc: ScriptedBmc,
    connect: Connect,
    refusals: int,
    any_state: bool,  # noqa: FBT001 - pytest passes parameters by name
    is_set: bool,  # noqa: FBT001 - as above
    tags: list[str],
) -> None:
    serve(bmc, "environment")
    path, looks = f"{BOX}/EnvironmentMetrics", 0

    async def moving(_request: web.Request) -> web.StreamResponse:
        nonlocal looks
        looks += 1
        return web.json_response(bmc.resources[path], headers={"ETag": f'"{looks}"'})

    sent: list[str] = []

    async def outdated(request: web.Request) -> web.StreamResponse:
        tag = request.headers["If-Match"]
        sent.append(tag)
        if not any_state if tag == "*" else int(tag.strip('"')) <= refusals:
            return problem(412, "PreconditionFailed")
        bmc.resources[path]["PowerLimitWatts"]["SetPoint"] = 600
        return web.Response(status=204)

    bmc.on("GET", path, moving)
    bmc.on("PATCH", path, outdated)
    driver = connect()
    with contextlib.nullcontext() if is_set else pytest.raises(BmcBusy):
        await driver.set_power_limit(600)
    assert ((await driver.power_limit()).watts == 600) is is_set
    assert sent == tags


async def test_bmc_without_any_dialect_says_so(bmc: ScriptedBmc, connect: Connect) -> None:
    serve(bmc)
    with pytest.raises(Unsupported, match="no power limit here") as caught:
        await connect().power_limit()
    assert "nameplate" in caught.value.hint


@pytest.mark.parametrize("mockup", ["public-rackmount1", "public-liquid-cooled-server"])
def test_published_payloads_speak_a_dialect_that_is_known(mockup: str) -> None:
    chassis = MOCKUPS / mockup / "Chassis" / "1U"
    if not chassis.is_dir():
        pytest.skip("DMTF's mockups are not beside the project (../shared/redfish-mockups)")
    environment = json.loads((chassis / "EnvironmentMetrics" / "index.json").read_text())
    control = json.loads((chassis / "Controls" / "PowerLimit" / "index.json").read_text())
    assert isinstance(environment.get("PowerLimitWatts"), dict) or (
        control["ControlType"] == "Power" and "SetPoint" in control
    )
