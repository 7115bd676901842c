"""Every host model's BMC, read over HTTPS as telemetry reads it: rounds, reports, what wears."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from inventory.states import PowerState
from pods import catalogue
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.redfish.driver import RedfishBmc
from provisioning.simulator.clock import RealClock
from provisioning.simulator.hall import HallPlan
from provisioning.simulator.process import Hall, HallSettings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

MODELS = ("hgx-h100-8", "nvl72-gb200", "mi300x-8", "hgx-b300-8")
WEAR_READS_MAX = 60


@asynccontextmanager
async def one_bmc(name: str, folder: Path, *faults: str) -> AsyncIterator[RedfishBmc]:
    """The first host of a spec, switched on, in a hall of its own."""
    whole = HallPlan.from_spec(catalogue.load(name), seed=7)
    first = whole.hosts[0].name
    planted = [f"{fault.partition(':')[0]}@{first}:{fault.partition(':')[2]}" for fault in faults]
    whole = HallPlan.from_spec(catalogue.load(name), seed=7, faults=tuple(planted))
    settings = HallSettings(state=folder / "hall", clock=RealClock(speed=100.0), namespaces=False)
    hall = Hall(plan=dataclasses.replace(whole, hosts=whole.hosts[:1]), settings=settings)
    await hall.start()
    try:
        (told,) = hall.describe()["hosts"]
        async with RedfishBmc.connect(
            told["bmc"],
            Credentials(username=told["username"], password=SecretStr(told["password"])),
            fingerprint=told["fingerprint"],
            ca_file=None,
        ) as bmc:
            await bmc.power_on()
            while await bmc.power() is not PowerState.ON:
                pass
            yield bmc
    finally:
        await hall.stop()


@pytest.mark.parametrize("name", MODELS)
async def test_a_round_is_few_requests_and_tells_accelerators_where_a_report_does(
    name: str, tmp_path: Path
) -> None:
    async with one_bmc(name, tmp_path) as bmc:
        await bmc.round()
        read = await bmc.round()
        root = await bmc._session.root()
    assert read.requests <= 4
    assert read.values["power"] > 0
    gpus = [one for one in read.values if one.startswith("temperature.gpu")]
    assert bool(gpus) == ("TelemetryService" in root)
    if gpus:
        assert len(gpus) >= 4
        assert all(read.values[one] > 28 for one in gpus)


@pytest.mark.parametrize("name", MODELS)
async def test_what_parts_count_is_read_and_grows(name: str, tmp_path: Path) -> None:
    async with one_bmc(name, tmp_path, "counts-errors:minute=600") as bmc:
        first, second = await bmc.wear(), await bmc.wear()
    assert second.requests <= WEAR_READS_MAX
    assert first.values.keys() == second.values.keys()
    assert {one.partition(".")[0] for one in first.values} >= {"pcie", "life"}
    grown = [one for one in first.values if second.values[one] > first.values[one]]
    assert grown
    assert not [one for one in first.values if second.values[one] < first.values[one]]
