"""A cooling unit leaks: it is read over Redfish, and every host of its loop goes dark in order."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from inventory.model import Host
from inventory.places import Equipment
from inventory.store.protocol import Change
from provisioning.bench.virtual_time import inline
from provisioning.cooling.listed import CoolingUnit
from provisioning.cooling.watching import CoolingWatch, World
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.redfish.coolingunit import RedfishCoolingUnit
from tests.integration.faults.farm import POD, Farm, bring_up, rests
from tests.integration.faults.test_field_leaks import loop_of_four

pytestmark = pytest.mark.integration

LEAKS_AT_S, DRY_AT_S = 120.0, 900.0
UNIT = "field-r1-cdu"


def on_record(farm: Farm) -> Equipment:
    """The unit."""
    (found,) = farm.store.find(Equipment, name=UNIT)
    return found


def opened(unit: CoolingUnit) -> RedfishCoolingUnit:
    """As the composition root opens it."""
    credentials = Credentials(username=unit.username, password=unit.password)
    return RedfishCoolingUnit.connect(
        unit.address, credentials, fingerprint=unit.fingerprint, deadline_s=10.0
    )


def watch(farm: Farm) -> CoolingWatch:
    """What the service runs, on the hall's own unit."""
    (told,) = [one for one in farm.hall.describe()["machines"] if one["kind"] == "cdu"]
    now = farm.clock.now()
    record = Equipment(id="e1", kind="cdu", name=UNIT, site="here", pod=POD, rack=str(told["rack"]))
    farm.store.apply(Change(insert=(record,)), now=now)
    fence = farm.store.take_lease(
        "cooling", "farm", now=now, until=now + timedelta(days=1), alone=True
    )
    assert fence is not None
    unit = CoolingUnit(
        name=UNIT,
        address=told["address"],
        username=told["username"],
        password=SecretStr(told["password"]),
        fingerprint=told["fingerprint"],
    )
    return CoolingWatch(
        World(farm.store, farm.clock, inline, fence, (unit,), opened, 10.0, farm.loop_news)
    )


def test_a_leaking_unit_takes_its_loop_down_and_a_person_opens_it(tmp_path: Path) -> None:
    spec = loop_of_four()
    names = [slot.slot for _, slot in spec.slots()]
    seen = dict[str, Host]()

    async def watched(farm: Farm) -> None:
        await watch(farm).run()

    async def a_person_comes(farm: Farm) -> None:
        await farm.clock.sleep(DRY_AT_S)
        seen.update(farm.hosts())
        dry = on_record(farm).model_copy(update={"leak": "", "leak_seen": None})
        farm.store.apply(Change(replace=(dry,)), now=farm.clock.now())

    async def both(farm: Farm) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(watched(farm))
            group.create_task(a_person_comes(farm))

    told = bring_up(
        tmp_path,
        spec,
        [f"loop-leak@rack/r1:at={LEAKS_AT_S:.0f},for={DRY_AT_S - LEAKS_AT_S - 100:.0f}"],
        meanwhile=both,
        until=lambda farm: (
            farm.loop.time() > DRY_AT_S + 60 and all(map(rests, farm.hosts().values()))
        ),
    )

    (leak,) = [event for event in told.events if event.kind == "loop.leak"]
    assert "sees liquid" in leak.why
    for name in names:
        problem = seen[name].problem
        assert problem is not None
        assert (problem.kind, problem.parked) == ("loop-closed", False)
        assert UNIT in problem.message
        done = told.of(name, "power.on", "os.shutdown", "power.off")
        begun = told.journal[0]["at"]
        closed = [e["what"] for e in done if leak.at.timestamp() <= e["at"] < begun + DRY_AT_S]
        ran = [e["what"] for e in done if e["at"] < leak.at.timestamp()][-1:] == ["power.on"]
        assert closed == (["os.shutdown", "power.off"] if ran else [])
    assert any(told.of(name, "os.shutdown") for name in names)
    assert {host.state.value for host in told.hosts.values()} == {"ready"}
