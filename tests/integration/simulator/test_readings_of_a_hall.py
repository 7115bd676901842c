"""What telemetry reads of simulated hosts: power, energy, air, and liquid where it flows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from provisioning.drivers.credentials import Credentials
from provisioning.drivers.redfish.driver import RedfishBmc
from provisioning.drivers.rounds import Round

pytestmark = pytest.mark.integration


async def rounds(told: dict[str, Any], *, count: int) -> list[Round]:
    """So many rounds of one host."""
    bmc = RedfishBmc.connect(
        told["bmc"],
        Credentials(username=told["username"], password=SecretStr(told["password"])),
        fingerprint=told["fingerprint"],
        deadline_s=30.0,
        ca_file=None,
    )
    try:
        return [await bmc.round() for _ in range(count)]
    finally:
        await bmc.close()


async def test_a_lab_host_tells_power_energy_and_air_in_one_request(
    run_hall: Callable[..., Any], client: Any, wait_until: Any
) -> None:
    hall = run_hall("lab-4")
    told = hall.told()[0]
    await client(told).reset("On")
    await wait_until(lambda: [e for e in hall.entries("draw") if e["watts"] == 450])
    _, again, third = await rounds(told, count=3)
    assert again.values["power"] == 450
    assert again.values["temperature.intake"] == 24
    assert again.values["temperature.exhaust"] > 30
    assert again.counter_kwh is not None
    assert third.counter_kwh is not None
    assert 0 < again.counter_kwh <= third.counter_kwh
    assert again.requests == 1


async def test_a_liquid_cooled_host_tells_its_leaks_and_its_flow_too(
    run_hall: Callable[..., Any],
) -> None:
    hall = run_hall("nvl72-gb300", "--fault", "leak@compute01:slot=Hoses,state=Warning")
    told = next(one for one in hall.told() if one["name"].endswith("compute01"))
    _, found = await rounds(told, count=2)
    assert found.values["leak.hoses"] == 1
    assert found.values["leak.tray"] == 0
    assert {name.partition(".")[0] for name in found.values} >= {"power", "temperature", "leak"}
    assert found.counter_kwh is not None
