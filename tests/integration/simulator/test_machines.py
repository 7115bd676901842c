"""PDUs, power shelves, CDUs and leaf switches: validated by DMTF's tool, and held to their word."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.integration.simulator.test_validators import needs_schemas, small, walked

pytestmark = pytest.mark.integration

PDU = "/redfish/v1/PowerEquipment/RackPDUs/1"
SHELF = "/redfish/v1/PowerEquipment/PowerShelves/1"
CDU = "/redfish/v1/ThermalEquipment/CDUs/1"
KINDS = {
    "pdu": ("lab-4", "r1-pdu-a"),
    "power-shelf": ("nvl72-gb300", "r1-shelf1"),
    "cdu": ("nvl72-gb300", "r1-cdu"),
    "leaf-switch": ("hgx-h100-8", ""),
}
"""Where each kind stands, and one of it; the first where no name is told."""


def machines(hall: Any) -> list[dict[str, Any]]:
    """What `hall.json` tells of them."""
    hall.told()
    found: list[dict[str, Any]] = json.loads((hall.directory / "hall.json").read_text())["machines"]
    return found


def machine(hall: Any, kind: str, name: str = "") -> dict[str, Any]:
    """One of them, as a client is told of a BMC."""
    found = [one for one in machines(hall) if one["kind"] == kind and name in {"", one["name"]}]
    return found[0] | {"bmc": found[0]["address"]}


async def powered(bmc: Any, system: str) -> None:
    """Once the host is on."""
    async with asyncio.timeout(30):
        while True:
            if (await bmc.get(system))["PowerState"] == "On":
                return
            await asyncio.sleep(0.05)


@needs_schemas
@pytest.mark.parametrize("kind", KINDS)
async def test_the_service_validator_finds_nothing_in_a_machine(
    kind: str, run_hall: Callable[..., Any], tmp_path: Path
) -> None:
    spec, name = KINDS[kind]
    faults = {
        "power-shelf": ("--fault", "failed-rectifier@rack/r1"),
        "cdu": ("--fault", "pump-fails@rack/r1", "--fault", "loop-leak@rack/r1"),
    }.get(kind, ())
    hall = run_hall(spec, *faults)
    assert walked(machine(hall, kind, name), tmp_path) > 150


async def test_a_pdu_meters_its_hosts_and_switches_one_off(
    run_hall: Callable[..., Any], client: Any, wait_until: Any
) -> None:
    hall = run_hall("lab-4")
    first = hall.told()[0]
    pdu, bmc = client(machine(hall, "pdu")), client(first)
    await bmc.reset("On")
    await wait_until(lambda: [e for e in hall.entries("draw") if e["watts"] == 450])

    outlets = await pdu.get(f"{PDU}/Outlets?$expand=.")
    watts = [one["PowerWatts"]["Reading"] for one in outlets["Members"]]
    assert watts == [450.0, 20.0, 20.0, 20.0]
    mains = await pdu.get(f"{PDU}/Mains/AC1")
    assert mains["PowerWatts"]["Reading"] == 510.0
    assert mains["CurrentAmps"]["Reading"] == pytest.approx(510 / 230, abs=0.001)

    target = outlets["Members"][0]["Actions"]["#Outlet.PowerControl"]["target"]
    await pdu.change("POST", target, {"PowerState": "Off"})
    await wait_until(lambda: hall.entries("power.lost"))
    off = await pdu.get(f"{PDU}/Outlets/1")
    assert (off["PowerState"], off["PowerWatts"]["Reading"]) == ("Off", 0.0)
    with pytest.raises(TimeoutError):
        await bmc.ask("GET", "/redfish/v1", timeout=aiohttp.ClientTimeout(total=1))

    await pdu.change("POST", target, {"PowerState": "On"})
    await wait_until(lambda: hall.entries("power.back"))
    assert (await bmc.get("/redfish/v1/Systems/1"))["PowerState"] == "Off"
    assert (await pdu.get(f"{PDU}/Metrics"))["EnergykWh"]["Reading"] > 0


async def test_a_tripped_breaker_is_seen_at_the_pdu_and_closed_there(
    run_hall: Callable[..., Any], client: Any, wait_until: Any
) -> None:
    hall = run_hall("lab-4", "--fault", "weak-breaker@a:ratio=0.1,for=5")
    hosts, pdu = hall.told(), client(machine(hall, "pdu"))
    await client(hosts[0]).reset("On")
    await wait_until(lambda: hall.entries("feed.trip"))
    await wait_until(lambda: len(hall.entries("power.lost")) == len(hosts))
    seen = await pdu.get(f"{PDU}/Mains/AC1")
    assert (seen["BreakerState"], seen["PowerState"]) == ("Tripped", "Off")

    await pdu.change("POST", f"{PDU}/Mains/AC1/Actions/Circuit.BreakerControl", {})
    await wait_until(lambda: len(hall.entries("power.back")) == len(hosts))
    assert (await pdu.get(f"{PDU}/Mains/AC1"))["BreakerState"] == "Normal"


async def test_a_shelf_has_its_rectifiers_and_loses_input_with_its_feed(
    run_hall: Callable[..., Any], client: Any
) -> None:
    hall = run_hall("nvl72-gb300", "--fault", "feed-dead@r1-a")
    shelf = client(machine(hall, "power-shelf", "r1-shelf1"))
    other = client(machine(hall, "power-shelf", "r1-shelf8"))
    rectifiers = (await shelf.get(f"{SHELF}/PowerSupplies?$expand=."))["Members"]
    assert sum(one["PowerCapacityWatts"] for one in rectifiers) == 33_000
    assert {one["LineInputStatus"] for one in rectifiers} == {"LossOfInput"}
    alive = (await other.get(f"{SHELF}/PowerSupplies?$expand=."))["Members"]
    assert {one["LineInputStatus"] for one in alive} == {"Normal"}


async def test_a_cdus_flow_falls_with_a_pump_and_its_leak_is_told(
    run_hall: Callable[..., Any], client: Any, wait_until: Any, tmp_path: Path
) -> None:
    broken = (
        "warm-supply@r1-cdu:kelvin=9",
        "pump-fails@r1-cdu:slot=Pump2",
        "loop-leak@r1-cdu:slot=Drip",
    )
    hall = run_hall(str(small(tmp_path)), *(word for one in broken for word in ("--fault", one)))
    cdu = client(machine(hall, "cdu"))
    await client(hall.told()[0]).reset("On")
    await wait_until(lambda: [e for e in hall.entries("draw") if e["watts"] == 450])
    loop = await cdu.get(f"{CDU}/SecondaryCoolantConnectors/1")
    rated = loop["RatedFlowLitersPerMinute"]
    assert loop["FlowLitersPerMinute"]["Reading"] == pytest.approx(rated / 2, abs=0.01)
    primary = await cdu.get(f"{CDU}/PrimaryCoolantConnectors/1")
    warmer = loop["SupplyTemperatureCelsius"]["Reading"]
    assert warmer > primary["SupplyTemperatureCelsius"]["Reading"] + 9
    assert loop["ReturnTemperatureCelsius"]["Reading"] > loop["SupplyTemperatureCelsius"]["Reading"]
    box = "/redfish/v1/Chassis/1/ThermalSubsystem"
    coupling = await client(hall.told()[1]).get(f"{box}/CoolantConnectors/Coolant0")
    assert coupling["FlowLitersPerMinute"]["Reading"] == coupling["RatedFlowLitersPerMinute"] / 2
    pumps = (await cdu.get(f"{CDU}/Pumps?$expand=."))["Members"]
    assert [one["Status"]["Health"] for one in pumps] == ["OK", "Critical"]
    drip = await cdu.get(f"{CDU}/LeakDetection/LeakDetectors/Drip")
    assert drip["DetectorState"] == "Critical"


async def test_a_leaf_hears_the_hosts_that_are_on_also_where_cables_are_swapped(
    run_hall: Callable[..., Any], client: Any, wait_until: Any
) -> None:
    hall = run_hall("hgx-h100-8", "--fault", "miscabled@h1:slot=NIC0,other=h2")
    first, second = hall.told()[:2]
    for told in (first, second):
        system = "/redfish/v1/Systems/DGX"
        await client(told).change(
            "POST", f"{system}/Actions/ComputerSystem.Reset", {"ResetType": "On"}
        )
        await powered(client(told), system)
    heard: dict[tuple[str, str], str] = {}
    for leaf in (one for one in machines(hall) if one["kind"] == "leaf-switch"):
        switch = client(leaf | {"bmc": leaf["address"]})
        ports = await switch.get(
            f"/redfish/v1/Fabrics/Compute/Switches/{leaf['name']}/Ports?$expand=."
        )
        for port in ports["Members"]:
            said = port["Ethernet"].get("LLDPReceive")
            if said:
                nic = bytes.fromhex(said["PortId"].replace(":", "")).decode()
                heard[said["SystemName"], nic] = f"{leaf['name']}/{port['PortId']}"
    assert {host for host, _ in heard} == {first["name"], second["name"]}
    # The host's own view of its neighbours is the other end of the same cables.
    plan = heard[first["name"], "NIC0"], heard[second["name"], "NIC0"]
    assert plan[0] != plan[1]


async def test_a_machine_lets_nobody_in_without_its_password(
    run_hall: Callable[..., Any], client: Any
) -> None:
    hall = run_hall("lab-4")
    pdu = client(machine(hall, "pdu"))
    status, _, _ = await pdu.ask("GET", PDU, auth=False)
    assert status == 401
    root, _, _ = await pdu.ask("GET", "/redfish/v1", auth=False)
    assert root == 200
    account = {"UserName": pdu.told["username"], "Password": "wrong"}
    status, _, _ = await pdu.ask("POST", "/redfish/v1/SessionService/Sessions", account, auth=False)
    assert status == 401
    account["Password"] = pdu.told["password"]
    _, body, headers = await pdu.ask(
        "POST", "/redfish/v1/SessionService/Sessions", account, auth=False
    )
    assert body["Password"] is None
    token = {"X-Auth-Token": headers["X-Auth-Token"]}
    status, _, _ = await pdu.ask("GET", PDU, auth=False, headers=token)
    assert status == 200
    status, _, _ = await pdu.ask("DELETE", headers["Location"], auth=False, headers=token)
    assert status == 204
    await pdu.change("PATCH", PDU, {"UserLabel": "<b>left</b>"})
    assert (await pdu.get(PDU))["UserLabel"] == "<b>left</b>"
    status, _, _ = await pdu.ask("PATCH", PDU, {"SerialNumber": "X"})
    assert status == 400
