"""Trees of other people's servers, and every shipped host type, held against a spec by `match`."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from pods import catalogue
from pods.facts import HardwareFacts
from pods.hosttype import PsuSpec
from pods.learning import host_document
from pods.match import critical, match
from pods.spec import HostType
from provisioning.drivers.redfish.inventory import Payloads, hardware_facts
from provisioning.simulator import hardware
from provisioning.simulator.hall import HostPlan

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
MOCKUPS = Path(__file__).parents[5] / "shared" / "redfish-mockups"
SERVERS = ["public-rackmount1", "public-liquid-cooled-server"]


def mockup(name: str) -> HardwareFacts:
    folder = MOCKUPS / name
    if not folder.is_dir():
        pytest.skip(f"{name} of the public Redfish mockups is not beside the project")
    system, box = folder / "Systems" / "437XR1138R2", folder / "Chassis" / "1U"

    def one(path: Path) -> dict[str, Any]:
        index = path / "index.json"
        return dict(json.loads(index.read_text())) if index.is_file() else {}

    def members(path: Path) -> list[dict[str, Any]]:
        return [one(index.parent) for index in sorted(path.glob("*/index.json"))]

    read = Payloads(
        system=one(system),
        processors=members(system / "Processors"),
        memory=members(system / "Memory"),
        nics=members(system / "EthernetInterfaces"),
        chassis=[one(box)],
        power=one(box / "Power"),
        power_supplies=members(box / "PowerSubsystem" / "PowerSupplies"),
        thermal=one(box / "Thermal"),
        fans=members(box / "ThermalSubsystem" / "Fans"),
        pumps=members(box / "ThermalSubsystem" / "Pumps"),
        coolant_connectors=members(box / "ThermalSubsystem" / "CoolantConnectors"),
        secure_boot=one(system / "SecureBoot"),
    )
    return hardware_facts(read, observed_at=NOW)


def learnt(facts: HardwareFacts) -> HostType:
    document = host_document(facts, name="learnt", nameplate_watts=800)
    fields = {key: value for key, value in document.items() if key in HostType.model_fields}
    return HostType.model_validate_json(json.dumps(fields))


@pytest.mark.parametrize("name", SERVERS)
def test_a_public_server_matches_the_type_that_was_learnt_from_it(name: str) -> None:
    facts = mockup(name)
    found = match(learnt(facts), facts)
    assert critical(found) == ()
    assert "trust.secure_boot" in {one.path for one in found}
    assert all(one.meaning and one.remedy for one in found)


@pytest.mark.parametrize("name", SERVERS)
def test_each_part_that_a_public_server_loses_is_named(name: str) -> None:
    facts = mockup(name)
    wanted = learnt(facts)
    for field in ("processors", "memory", "nics"):
        lost = facts.model_copy(update={field: getattr(facts, field)[1:]})
        new = {one.path for one in critical(match(wanted, lost))}
        assert {path.partition(".")[0] for path in new} == {field}


def test_the_empty_bay_of_a_public_server_is_a_missing_supply() -> None:
    facts = mockup("public-rackmount1")
    asked = PsuSpec(count=2, capacity_watts=800, redundancy="1+1")
    wanted = learnt(facts).model_copy(update={"psus": asked})
    (missing,) = critical(match(wanted, facts))
    assert (missing.path, missing.found) == ("power_supplies.count", "1")


def test_the_older_samples_are_matched_part_by_part() -> None:
    spec = importlib.util.find_spec("sushy")
    folder = Path(spec.origin).parent / "tests/unit/json_samples" if spec and spec.origin else None
    if folder is None or not folder.is_dir():
        pytest.skip("the sushy wheel with its JSON samples is not installed")

    def sample(name: str) -> dict[str, Any]:
        return dict(json.loads((folder / f"{name}.json").read_text()))

    facts = hardware_facts(
        Payloads(
            system=sample("system"),
            processors=[sample("processor"), sample("processor2")],
            memory=[{"Id": "DIMM1", "CapacityMiB": 32768}],
            drives=[sample("drive"), sample("drive2"), sample("drive3")],
            nics=[sample("ethernet_interfaces")],
            power=sample("power"),
            thermal=sample("thermal"),
            adapters=[sample("network_adapter")],
            ports=[sample("port")],
            secure_boot=sample("secure_boot"),
        ),
        observed_at=NOW,
    )
    wanted = learnt(facts)
    assert not {one.path for one in critical(match(wanted, facts))} & {"manufacturer", "model"}
    other = wanted.model_copy(update={"model": "Another"})
    assert "model" in {one.path for one in critical(match(other, facts))}
    asked = PsuSpec(count=4, capacity_watts=2000)
    more = {one.path for one in match(wanted.model_copy(update={"psus": asked}), facts)}
    assert "power_supplies.count" in more
    assert "power_supplies.Power Supply 0.capacity_watts" in more


@pytest.mark.parametrize("name", catalogue.identities("host"))
def test_a_simulated_host_of_every_shipped_type_is_not_parked(name: str) -> None:
    host_type = catalogue.load_host(name)
    plan = HostPlan(
        name="h1",
        slot="h1",
        rack="r1",
        unit=1,
        feed="a",
        host_type=host_type,
        serial="S1",
        uuid="00000000-0000-0000-0000-000000000001",
        macs=tuple(f"02:00:00:00:00:{n:02x}" for n in range(host_type.nics.count)),
        firmware={},
        bios={},
    )
    facts = HardwareFacts(
        observed_at=NOW,
        source="recorded",
        manufacturer=host_type.manufacturer,
        model=host_type.model,
        serial=plan.serial,
        uuid=plan.uuid,
        processors=hardware.processors(plan),
        accelerators=hardware.accelerators(plan),
        memory=hardware.memory_modules(plan),
        drives=hardware.drives(plan),
        nics=hardware.nics(plan, powered=True),
    )
    found = match(host_type, facts)
    assert critical(found) == ()
    fewer = facts.model_copy(update={"memory": facts.memory[1:]})
    missing = [one for one in match(host_type, fewer) if one.path == "memory.modules"]
    guessed = host_type.is_uncertain("memory.modules")
    assert [one.effect for one in missing] == ["warns" if guessed else "blocks"]
