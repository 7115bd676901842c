"""Supplies, cooling, adapters, links, position and trust, out of other people's trees."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from pods.facts import AcceleratorFact, HardwareFacts, PositionFact
from provisioning.drivers.redfish.inventory import Payloads, hardware_facts
from provisioning.drivers.redfish.links import lldp_neighbours

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
MOCKUPS = Path(__file__).parents[5] / "shared" / "redfish-mockups"


def facts(**read: Any) -> HardwareFacts:
    return hardware_facts(Payloads(**{"system": {}, **read}), observed_at=NOW)


def mockup(name: str, path: str) -> dict[str, Any]:
    folder = MOCKUPS / name
    if not folder.is_dir():
        pytest.skip(f"{name} of the public Redfish mockups is not beside the project")
    found: dict[str, Any] = json.loads((folder / path / "index.json").read_text())
    return found


def members(name: str, path: str) -> list[dict[str, Any]]:
    listed = mockup(name, path)["Members"]
    return [mockup(name, one["@odata.id"].removeprefix("/redfish/v1/")) for one in listed]


def sample(name: str) -> dict[str, Any]:
    spec = importlib.util.find_spec("sushy")
    folder = Path(spec.origin).parent / "tests/unit/json_samples" if spec and spec.origin else None
    if folder is None or not folder.is_dir():
        pytest.skip("the sushy wheel with its JSON samples is not installed")
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return found


def test_the_liquid_cooled_mockup_is_read_from_its_subsystems() -> None:
    name, box = "public-liquid-cooled-server", "Chassis/1U"
    system = "Systems/437XR1138R2"
    found = facts(
        system=mockup(name, system),
        chassis=[mockup(name, box)],
        power_supplies=members(name, f"{box}/PowerSubsystem/PowerSupplies"),
        fans=members(name, f"{box}/ThermalSubsystem/Fans"),
        pumps=members(name, f"{box}/ThermalSubsystem/Pumps"),
        coolant_connectors=members(name, f"{box}/ThermalSubsystem/CoolantConnectors"),
        secure_boot=mockup(name, f"{system}/SecureBoot"),
    )
    first = found.power_supplies[0]
    assert (first.slot, first.capacity_watts, first.input_status) == ("PSU 1", 400, "Normal")
    assert (first.serial, first.firmware, first.health) == ("3488247", "1.00", "Warning")
    assert [part.kind for part in found.cooling].count("pump") == 2
    assert [part.kind for part in found.cooling].count("fan") == 2
    flow = found.coolant[0]
    assert (flow.rated_flow_lpm, flow.supply_celsius, flow.return_celsius) == (30, 14.8, 38.2)
    assert flow.flow_lpm is None
    assert found.position == PositionFact(rack="WEB43", unit=12)
    assert found.trust.secure_boot is False
    assert found.part_number == "224071-J23"
    assert found.chassis_serial == "437XR1138R2"


def test_the_rack_server_mockup_is_read_in_either_schema() -> None:
    name, box = "public-rackmount1", "Chassis/1U"
    older = facts(power=mockup(name, f"{box}/Power"), thermal=mockup(name, f"{box}/Thermal"))
    newer = facts(
        power_supplies=members(name, f"{box}/PowerSubsystem/PowerSupplies"),
        fans=members(name, f"{box}/ThermalSubsystem/Fans"),
    )
    (old,), (new,) = older.power_supplies, newer.power_supplies  # the other bay is empty
    assert (old.serial, old.capacity_watts) == ("1Z0000001", 800)
    assert (new.serial, new.capacity_watts) == ("3488247", 400)
    assert (len(older.cooling), len(newer.cooling)) == (2, 4)  # the mockup's two schemas differ
    assert all(one.slot for one in (*older.cooling, *newer.cooling))


def test_the_tpm_of_the_rack_server_mockup_is_told() -> None:
    trust = facts(system=mockup("public-rackmount1", "Systems/437XR1138R2")).trust
    assert (trust.tpm, trust.tpm_version) == (True, "TPM1_2")


def test_leak_detectors_of_the_cooling_mockup_are_read_either_way() -> None:
    name, leaks = "public-cooling-unit", "ThermalEquipment/CDUs/1/LeakDetection"
    own = facts(leak_detectors=members(name, f"{leaks}/LeakDetectors")).leak_detectors
    group = facts(leak_detection=mockup(name, leaks)).leak_detectors
    assert [one.state for one in own] == [one.state for one in group] == ["OK", "OK"]
    assert {one.slot for one in group} == {"Moisture Leak Detector", "Fluid Level Overflow"}


def test_supplies_and_fans_of_the_older_samples_are_read() -> None:
    found = facts(power=sample("power"), thermal=sample("thermal"))
    supply = found.power_supplies[0]
    assert (supply.slot, supply.capacity_watts) == ("Power Supply 0", 1450)
    assert supply.serial == "1S0000523"
    assert found.cooling
    assert {part.kind for part in found.cooling} == {"fan"}


def test_an_adapter_has_its_own_ports_and_no_others() -> None:
    stranger = {"@odata.id": "/redfish/v1/Chassis/X/NetworkAdapters/Y/Ports/1", "LinkStatus": "Up"}
    ports = [sample("port"), stranger]
    (read,) = facts(adapters=[sample("network_adapter")], ports=ports).adapters
    assert (read.slot, read.ports, read.ports_up, read.port_gbps) == ("NIC.Integrated.1", 1, 1, 1)
    assert read.firmware == "14.25.80.0"
    (counted,) = facts(adapters=[sample("network_adapter")]).adapters
    assert (counted.ports, counted.ports_up) == (2, None)


@pytest.mark.parametrize(
    "said",
    [
        {"EthernetInterfaceType": "Virtual"},
        {"Links": {"HostInterface": {"@odata.id": "/redfish/v1/Managers/BMC/HostInterfaces/1"}}},
    ],
)
def test_an_interface_that_no_cable_goes_into_is_no_port(said: dict[str, Any]) -> None:
    port = {"Id": "N0", "MACAddress": "AA:BB:CC:DD:EE:FF", "EthernetInterfaceType": "Physical"}
    assert [one.slot for one in facts(nics=[port, {**port, "Id": "N1", **said}]).nics] == ["N0"]


def test_a_port_tells_what_it_heard_from_its_switch_by_lldp() -> None:
    deaf = {"Id": "2", "Ethernet": {"LLDPReceive": {"SystemName": "", "PortId": "x"}}}
    heard = ("switch-00.example.com", "0A:1B:2C:3D:4E:5F:6A:7B:8C:9D:0E:1F:2A")
    assert lldp_neighbours([sample("port"), deaf, {}]) == {"NIC.Integrated.1-1": heard}


@pytest.mark.parametrize(
    ("said", "kind", "read"),
    [
        ("70:31", "IfName", "p1"),
        ("p1", "IfName", "p1"),
        ("70:31", "MacAddr", "70:31"),
        ("00:31", "IfName", "00:31"),
        ("FF:31", "LocalAssign", "FF:31"),
    ],
)
def test_a_far_port_is_named_as_people_name_it(said: str, kind: str, read: str) -> None:
    heard = {"SystemName": "leaf-1", "PortId": said, "PortIdSubtype": kind}
    port = {"Id": "1", "Ethernet": {"LLDPReceive": heard}}
    assert lldp_neighbours([port]) == {"1": ("leaf-1", read)}


def test_the_older_port_schema_is_read() -> None:
    (read,) = facts(adapters=[sample("network_adapter")], ports=[sample("network_port")]).adapters
    assert (read.ports_up, read.port_gbps) == (1, 10)


def test_secure_boot_in_force_counts_more_than_secure_boot_asked_for() -> None:
    asked = {"SecureBootEnable": True, "SecureBootCurrentBoot": "Disabled"}
    assert facts(secure_boot=asked).trust.secure_boot is False
    assert facts(secure_boot={"SecureBootEnable": True}).trust.secure_boot is True
    assert facts().trust.secure_boot is None


@pytest.mark.parametrize(
    ("modules", "present"),
    [
        (None, None),
        ([], False),
        ([{"Status": {"State": "Absent"}}], False),
        ([{"Status": {"State": "Disabled"}}], False),
        ([{"InterfaceType": "TPM2_0", "Status": {"State": "Enabled"}}], True),
    ],
)
def test_a_tpm_counts_when_it_is_there_and_enabled(
    modules: object, *, present: bool | None
) -> None:
    assert facts(system={"TrustedModules": modules}).trust.tpm is present


def gpu(path: str, **said: Any) -> dict[str, Any]:
    return {
        "@odata.id": f"/redfish/v1/Systems/{path}",
        "Id": path.rpartition("/")[2],
        "ProcessorType": "GPU",
        "Model": "GPU",
        "MemorySummary": {"TotalMemorySizeMiB": 80 * 1024},
        **said,
    }


@pytest.mark.parametrize("name", ["GPU_SXM_1", "GPU_1", "HGX_GPU_0", "OAM_3"])
def test_a_gpu_is_told_by_its_type_under_every_generations_name(name: str) -> None:
    (found,) = facts(processors=[gpu(f"HGX_Baseboard_0/Processors/{name}")]).accelerators
    assert found.slot == name


def test_a_gpu_that_both_systems_list_is_one_gpu() -> None:
    twice = [
        gpu("System_0/Processors/GPU_0", SerialNumber="A"),
        gpu("HGX_Baseboard_0/Processors/HGX_GPU_0", SerialNumber="A"),
        gpu("HGX_Baseboard_0/Processors/HGX_GPU_1", SerialNumber="B"),
    ]
    assert [one.serial for one in facts(processors=twice).accelerators] == ["A", "B"]


def test_a_placeholder_serial_within_one_system_hides_no_gpu() -> None:
    many = [gpu(f"B/Processors/GPU_{n}", SerialNumber="0") for n in range(8)]
    assert len(facts(processors=many).accelerators) == 8


def nvlink(path: str, **said: Any) -> dict[str, Any]:
    place = f"/redfish/v1/Systems/{path}"
    return {"@odata.id": place, "PortProtocol": "NVLink", "LinkStatus": "LinkUp", **said}


def test_scale_up_links_are_counted_per_gpu_and_pcie_is_not_among_them() -> None:
    ports = [
        *(nvlink(f"B/Processors/GPU_1/Ports/NVLink_{n}", CurrentSpeedGbps=400) for n in range(17)),
        nvlink("B/Processors/GPU_1/Ports/NVLink_17", CurrentSpeedGbps=200),
        nvlink("B/Processors/GPU_1/Ports/PCIe_0", PortProtocol="PCIe", CurrentSpeedGbps=32),
        *(nvlink(f"B/Processors/GPU_11/Ports/NVLink_{n}") for n in range(3)),
        nvlink("B/Processors/GPU_11/Ports/NVLink_3", LinkStatus="LinkDown"),
    ]
    one, eleven = facts(
        processors=[gpu("B/Processors/GPU_1"), gpu("B/Processors/GPU_11")], ports=ports
    ).accelerators
    assert (one.link_ports, one.links_up, one.link_gbps) == (18, 18, 200)
    assert (eleven.link_ports, eleven.links_up, eleven.link_gbps) == (4, 3, None)


def only(processor: dict[str, Any], **read: Any) -> AcceleratorFact:
    (found,) = facts(processors=[processor], **read).accelerators
    return found


def test_the_vendors_own_count_of_links_stands_in_where_no_port_is_read() -> None:
    found = only(gpu("B/Processors/GPU_0", Oem={"Nvidia": {"TotalNumberNVLinks": 18}}))
    assert (found.link_ports, found.links_up) == (18, None)


def test_a_gpus_past_is_read_from_its_own_metrics_only() -> None:
    root = "/redfish/v1/Systems/B"
    rows = {"UncorrectableRowRemappingCount": 3, "RowRemappingPending": True}
    metrics = [
        {
            "@odata.id": f"{root}/Memory/GPU_0_DRAM_0/MemoryMetrics",
            "Oem": {"Nvidia": {"RowRemapping": rows, "RowRemappingFailed": False}},
        },
        {
            "@odata.id": f"{root}/Processors/GPU_0/ProcessorMetrics",
            "Oem": {"Nvidia": {"SRAMECCErrorThresholdExceeded": True}},
        },
        {
            "@odata.id": f"{root}/Processors/GPU_0/EnvironmentMetrics",
            "PowerLimitWatts": {"SetPoint": 700},
        },
    ]
    found = only(gpu("B/Processors/GPU_0"), metrics=metrics)
    assert (found.rows_remapped, found.remap_pending, found.remap_failed) == (3, True, False)
    assert found.sram_threshold_exceeded is True
    assert found.power_limit_watts == 700
    other = only(gpu("B/Processors/GPU_1"), metrics=metrics)
    assert other.rows_remapped is None
    assert other.sram_threshold_exceeded is None


def test_a_tray_knows_its_own_place_by_its_vendors_fields() -> None:
    cartridge = {
        "Id": "CBC_0",
        "Oem": {
            "Nvidia": {"ChassisPhysicalSlotNumber": 24, "ComputeTrayIndex": 14, "TopologyId": 128}
        },
    }
    box = {"Id": "Chassis_0", "Location": {"Placement": {"Rack": "A1"}}, "SerialNumber": "T1"}
    found = facts(chassis=[box, cartridge])
    assert found.position == PositionFact(rack="A1", tray_index=14, chassis_slot=24, topology="128")
    assert found.chassis_serial == "T1"


def test_wear_of_a_drive_and_correction_of_a_module_are_told() -> None:
    drive = {"Id": "D", "PredictedMediaLifeLeftPercent": 61, "FailurePredicted": True}
    found = facts(
        drives=[drive], memory=[{"Id": "M", "CapacityMiB": 1024, "ErrorCorrection": "NoECC"}]
    )
    assert (found.drives[0].life_left_percent, found.drives[0].failure_predicted) == (61, True)
    assert found.memory[0].error_correction == "NoECC"


@pytest.mark.parametrize(
    "reading",
    [
        {"thermal": {"Fans": [{"MemberId": "0", "Name": "F", "Status": {"Health": "Critical"}}]}},
        {"chassis": [{"Location": {"Placement": {"Rack": "B"}}}]},
        {"system": {"AssetTag": "77"}},
        {"coolant_connectors": [{"Id": "C", "FlowLitersPerMinute": 2.0}]},
    ],
)
def test_a_reading_changes_facts_and_not_their_digest(reading: dict[str, Any]) -> None:
    quiet: dict[str, Any] = {
        "thermal": {"Fans": [{"MemberId": "0", "Name": "F"}]},
        "coolant_connectors": [{"Id": "C"}],
    }
    before, after = facts(**quiet), facts(**{**quiet, **reading})
    assert before != after
    assert before.digest() == after.digest()


JUNK = [None, 7, "text", [], [None], {"a": 1}, {"Members": None}]


@pytest.mark.parametrize("junk", JUNK)
def test_nonsense_in_any_field_is_no_error(junk: Any) -> None:
    names = [
        *("Status", "Oem", "Location", "PowerSupplies", "Fans", "InputRanges", "Controllers"),
        *("LeakDetectorGroups", "TrustedModules", "FlowLitersPerMinute", "LineInputStatus"),
        *("@odata.id", "MemberId", "SecureBootEnable", "PowerLimitWatts", "PowerCapacityWatts"),
    ]
    body = {**dict.fromkeys(names, junk), "ProcessorType": "GPU", "Id": "X"}
    many = ("processors", "power_supplies", "fans", "pumps", "coolant_connectors", "adapters")
    lists = {key: [body] for key in (*many, "leak_detectors", "ports", "metrics", "chassis")}
    single = dict.fromkeys(("system", "power", "thermal", "leak_detection", "secure_boot"), body)
    facts(**lists, **single).digest()
