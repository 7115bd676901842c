"""Payloads in, facts out: honest ones, odd ones and other people's."""

from __future__ import annotations

import copy
import datetime as dt
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.states import PowerState
from pods.facts import HardwareFacts
from provisioning.drivers.protocol import BootEnabled, BootSource, BootTarget, TaskPhase
from provisioning.drivers.redfish.boot import boot_source
from provisioning.drivers.redfish.firmware import task_reading
from provisioning.drivers.redfish.inventory import (
    Payloads,
    bios_attributes,
    firmware_versions,
    hardware_facts,
    simple_storage_drives,
)
from provisioning.drivers.redfish.power import power_state

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
ROOT = Path(__file__).parents[4]
MOCKUPS = ROOT.parent / "shared" / "redfish-mockups"

CPU = {
    "Id": "CPU0",
    "ProcessorType": "CPU",
    "Model": "Lab CPU 8",
    "TotalCores": 8,
    "TotalThreads": 16,
    "Status": {"State": "Enabled"},
}
GPU = {
    "Id": "GPU_SXM_1",
    "ProcessorType": "GPU",
    "Model": "B200",
    "SerialNumber": "G1",
    "UUID": "ABC",
    "FirmwareVersion": "96.00",
    "MemorySummary": {"TotalMemorySizeMiB": 183 * 1024},
}
DIMM = {
    "Id": "DIMM0",
    "CapacityMiB": 65536,
    "DeviceLocator": "P0 A1",
    "PartNumber": "M1",
    "SerialNumber": "S1",
    "Status": {"State": "Enabled"},
}
DRIVE = {"Id": "D0", "Model": "NVMe", "CapacityBytes": 480 * 1024**3, "Protocol": "NVMe"}
NIC = {"Id": "N0", "MACAddress": "AA-BB-CC-DD-EE-FF", "SpeedMbps": 25000, "LinkStatus": "LinkUp"}


def facts(**read: Any) -> HardwareFacts:
    return hardware_facts(Payloads(**{"system": {}, **read}), observed_at=NOW)


def test_every_part_is_found() -> None:
    found = facts(
        system={"SerialNumber": "SN", "UUID": "ABCD", "Model": "M", "BiosVersion": "1"},
        manager={"FirmwareVersion": "2"},
        processors=[CPU, GPU],
        memory=[DIMM],
        drives=[DRIVE],
        nics=[NIC],
        firmware=[{"Id": "BIOS", "Version": "1"}],
        bios={"Attributes": {"BootMode": "Uefi"}},
    )
    assert (found.serial, found.uuid, found.bios_version, found.bmc_firmware) == (
        *("SN", "abcd", "1"),
        "2",
    )
    assert (found.processors[0].cores, found.processors[0].threads) == (8, 16)
    assert (found.accelerators[0].memory_gib, found.accelerators[0].serial) == (183, "G1")
    assert (found.memory[0].slot, found.memory[0].capacity_gib) == ("P0 A1", 64)
    assert found.drives[0].capacity_gib == 480
    assert found.nics[0].mac == "aa:bb:cc:dd:ee:ff"
    assert (found.nics[0].speed_gbps, found.nics[0].link_up) == (25, True)
    assert found.firmware == {"BIOS": "1"}
    assert found.bios == {"BootMode": "Uefi"}


@pytest.mark.parametrize(
    "empty",
    [
        {**DIMM, "Status": {"State": "Absent"}},
        {"Id": "DIMM1", "Status": {"State": "Enabled"}, "CapacityMiB": 0},
        {"Id": "DIMM1", "CapacityMiB": None},
        {"Id": "DIMM1"},
    ],
)
def test_empty_memory_slot_is_no_module(empty: dict[str, Any]) -> None:
    assert [module.slot for module in facts(memory=[DIMM, empty]).memory] == ["P0 A1"]


def test_absent_gpu_is_not_counted() -> None:
    assert facts(processors=[{**GPU, "Status": {"State": "Absent"}}]).accelerators == ()


def test_other_accelerators_are_neither_cpus_nor_gpus() -> None:
    found = facts(processors=[{**GPU, "ProcessorType": "FPGA"}])
    assert (found.processors, found.accelerators) == ((), ())


def test_gpu_memory_may_be_listed_by_part() -> None:
    parts = [{"CapacityMiB": 40960}, {"CapacityMiB": 40960}, {"CapacityMiB": None}]
    gpu = {**GPU, "MemorySummary": None, "ProcessorMemory": parts}
    assert facts(processors=[gpu]).accelerators[0].memory_gib == 80


def test_printed_slot_label_is_preferred_to_the_id() -> None:
    label = {"Location": {"PartLocation": {"ServiceLabel": "Slot 7"}}}
    assert facts(drives=[{**DRIVE, **label}]).drives[0].slot == "Slot 7"
    label = {"PhysicalLocation": {"PartLocation": {"ServiceLabel": "Bay 2"}}}
    assert facts(drives=[{**DRIVE, **label}]).drives[0].slot == "Bay 2"


def test_permanent_address_is_preferred_and_nameless_interfaces_are_left_out() -> None:
    burnt_in = {**NIC, "PermanentMACAddress": "02:00:00:00:00:01"}
    usb = {"Id": "usb0", "MACAddress": None}
    assert [nic.mac for nic in facts(nics=[burnt_in, usb]).nics] == ["02:00:00:00:00:01"]


def test_unknown_link_state_is_not_down() -> None:
    assert facts(nics=[{**NIC, "LinkStatus": None}]).nics[0].link_up is None
    assert facts(nics=[{**NIC, "LinkStatus": "NoLink"}]).nics[0].link_up is False


def test_hostile_text_is_made_harmless() -> None:
    system = {"Model": "\x1b]0;x\x07M\x00", "SerialNumber": "S" * 100_000, "Manufacturer": "\ud800"}
    found = facts(system=system)
    assert found.model == "]0;x M"
    assert len(found.serial) == 256
    found.model_dump_json()


def test_bios_values_keep_their_kind() -> None:
    attributes = {"a": True, "b": 1, "c": "x", "d": None, "e": 2.0, "f": 2.5, "g": [1], "h": {}}
    found = bios_attributes({"Attributes": attributes})
    assert found == {"a": True, "b": 1, "c": "x", "d": None, "e": 2}
    assert bios_attributes({"Attributes": "none"}) == {}


def test_component_without_id_goes_by_its_name_and_absent_ones_are_left_out() -> None:
    members: list[dict[str, Any]] = [
        {"Name": "BMC", "Version": "1.8.0"},
        {"Id": "BIOS", "Version": None},
        {"Id": "GPU9", "Version": "1", "Status": {"State": "Absent"}},
        {"Version": "1"},
    ]
    assert firmware_versions(members) == {"BMC": "1.8.0", "BIOS": ""}


def test_simple_storage_devices_become_drives() -> None:
    members = [{"Id": "1", "Devices": [{"Name": "d", "CapacityBytes": 2**30}, {"Name": "none"}]}]
    drives = facts(drives=simple_storage_drives(members)).drives
    assert [(drive.slot, drive.capacity_gib) for drive in drives] == [("1/0", 1)]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(data=st.data())
@settings(deadline=None)  # a loaded machine stops a process for longer than any of these takes
def test_no_odd_field_breaks_the_facts(data: st.DataObject) -> None:
    def spoiled(resource: dict[str, Any]) -> list[dict[str, Any]]:
        odd = copy.deepcopy(resource)
        odd[data.draw(st.sampled_from(sorted(odd)))] = data.draw(JSON_VALUES)
        return [odd]

    read: dict[str, Sequence[dict[str, Any]]] = {
        "processors": spoiled(CPU) + spoiled(GPU),
        "memory": spoiled(DIMM),
        "drives": spoiled(DRIVE),
        "nics": spoiled(NIC),
        "firmware": spoiled({"Id": "a", "Name": "b", "Version": "1", "Status": {}}),
    }
    facts(**read).digest()


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("On", PowerState.ON),
        ("Off", PowerState.OFF),
        ("PoweringOn", PowerState.POWERING_ON),
        ("PoweringOff", PowerState.POWERING_OFF),
        ("Paused", PowerState.UNKNOWN),
        (None, PowerState.UNKNOWN),
        (1, PowerState.UNKNOWN),
    ],
)
def test_power_states_are_read(said: object, state: PowerState) -> None:
    assert power_state({"PowerState": said}) is state


@pytest.mark.parametrize(
    ("enabled", "target", "seen"),
    [
        ("Once", "Cd", (BootTarget.CD, BootEnabled.ONCE)),
        ("Disabled", "Cd", (BootTarget.NONE, BootEnabled.DISABLED)),
        ("Continuous", "Usb", (BootTarget.NONE, BootEnabled.CONTINUOUS)),
        (None, None, (BootTarget.NONE, BootEnabled.DISABLED)),
    ],
)
def test_boot_sources_are_read(
    enabled: object, target: object, seen: tuple[BootTarget, BootEnabled]
) -> None:
    boot = {"BootSourceOverrideEnabled": enabled, "BootSourceOverrideTarget": target}
    assert boot_source({"Boot": boot}) == BootSource(target=seen[0], enabled=seen[1])


@pytest.mark.parametrize(
    ("state", "status", "phase"),
    [
        ("New", None, TaskPhase.RUNNING),
        ("Running", "OK", TaskPhase.RUNNING),
        ("SomethingOfNextYear", None, TaskPhase.RUNNING),
        (None, None, TaskPhase.RUNNING),
        ("Completed", "OK", TaskPhase.DONE),
        ("Completed", "Critical", TaskPhase.FAILED),
        ("Exception", "OK", TaskPhase.FAILED),
        ("Cancelled", None, TaskPhase.FAILED),
    ],
)
def test_task_states_are_read(state: object, status: object, phase: TaskPhase) -> None:
    reading = task_reading("/redfish/v1/T/1", {"TaskState": state, "TaskStatus": status})
    assert reading is not None
    assert reading.phase is phase


@pytest.mark.parametrize(("percent", "read"), [(50, 50), (900, 100), (-1, 0), ("50", None)])
def test_task_progress_is_bounded(percent: object, read: int | None) -> None:
    reading = task_reading("/redfish/v1/T/1", {"PercentComplete": percent})
    assert reading is not None
    assert reading.percent == read


def test_task_of_another_service_is_no_update() -> None:
    payload = {"TargetUri": "/redfish/v1/Managers/1/Actions/Manager.Reset"}
    assert task_reading("/redfish/v1/T/1", {"Payload": payload}) is None
    payload = {"TargetUri": "/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate"}
    assert task_reading("/redfish/v1/T/1", {"Payload": payload}) is not None


def test_payloads_of_other_peoples_servers_are_read() -> None:
    spec = importlib.util.find_spec("sushy")
    folder = Path(spec.origin).parent / "tests/unit/json_samples" if spec and spec.origin else None
    if folder is None or not folder.is_dir():
        pytest.skip("the sushy wheel with its JSON samples is not installed")
    read = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    payloads = [payload for payload in read if isinstance(payload, dict)]
    assert len(payloads) > 50
    for payload in payloads:
        parts = {key: [payload] for key in ("processors", "memory", "drives", "nics", "firmware")}
        facts(system=payload, bios=payload, **parts).digest()


@pytest.mark.parametrize("name", ["public-rackmount1", "public-telemetry"])
def test_public_mockups_are_read(name: str) -> None:
    systems = MOCKUPS / name / "Systems"
    if not systems.is_dir():
        pytest.skip(f"{name} of the public Redfish mockups is not beside the project")
    [folder] = [path.parent for path in systems.glob("*/index.json")]

    def members(collection: str) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in folder.glob(f"{collection}/*/index.json")]

    found = facts(
        system=json.loads((folder / "index.json").read_text()),
        processors=members("Processors"),
        memory=members("Memory"),
        nics=members("EthernetInterfaces"),
    )
    assert found.serial
    assert found.processors
    assert all(module.capacity_gib > 0 for module in found.memory)
