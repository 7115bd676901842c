"""Facts against design: what parks a host, what is only told, and which slot a hand must open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pods.facts import (
    AcceleratorFact,
    DriveFact,
    HardwareFacts,
    MemoryModuleFact,
    NicFact,
    ProcessorFact,
)
from pods.match import critical, empty_slots, match, match_firmware
from pods.spec import HostType, PodSpec

MakeFacts = Callable[..., HardwareFacts]


@pytest.fixture(scope="session")
def host_type(lab: PodSpec) -> HostType:
    return lab.host_types["lab-cpu"]


def modules(*slots: str, capacity_gib: int = 16) -> tuple[MemoryModuleFact, ...]:
    return tuple(MemoryModuleFact(slot=slot, capacity_gib=capacity_gib) for slot in slots)


def nic(**changes: Any) -> NicFact:
    return NicFact(**({"slot": "NIC.1", "mac": "02:00:00:00:00:01", "speed_gbps": 25} | changes))


def test_a_host_built_to_its_design_has_no_mismatch(
    host_type: HostType, make_facts: MakeFacts
) -> None:
    assert match(host_type, make_facts()) == ()


def test_a_missing_memory_module_names_the_empty_slot(
    host_type: HostType, make_facts: MakeFacts
) -> None:
    facts = make_facts(memory=modules("DIMM.1", "DIMM.2", "DIMM.3"))
    (mismatch,) = match(host_type, facts)
    assert str(mismatch) == "memory.modules: wanted 4, found 3"
    assert mismatch.severity == "critical"
    assert "seat or replace the module in slot DIMM.4" in mismatch.remedy


def gpu(**changes: Any) -> AcceleratorFact:
    fields: dict[str, Any] = {"slot": "GPU.1", "model": "Lab Accelerator", "memory_gib": 16}
    return AcceleratorFact(**(fields | changes))


def cpu(**changes: Any) -> ProcessorFact:
    fields: dict[str, Any] = {"slot": "CPU.1", "model": "Lab CPU 8", "cores": 8, "threads": 16}
    return ProcessorFact(**(fields | changes))


def drive(capacity_gib: int, slot: str = "Bay.1") -> DriveFact:
    return DriveFact(slot=slot, model="Lab Drive", capacity_gib=capacity_gib)


@pytest.mark.parametrize(
    ("changes", "path", "wanted", "found", "severity"),
    [
        ({"manufacturer": "Other"}, "manufacturer", "Podyard", "Other", "critical"),
        ({"model": ""}, "model", "Lab Host 1", "nothing", "critical"),
        ({"processors": ()}, "processors.count", "1", "0", "critical"),
        (
            {"processors": (cpu(), cpu(slot="CPU.2"))},
            "processors.count",
            "1",
            "2",
            "warning",
        ),
        (
            {"processors": (cpu(model="Old"),)},
            "processors.CPU.1.model",
            "Lab CPU 8",
            "Old",
            "critical",
        ),
        ({"processors": (cpu(cores=4),)}, "processors.CPU.1.cores", "8", "4", "critical"),
        ({"accelerators": ()}, "accelerators.count", "1", "0", "critical"),
        (
            {"accelerators": (gpu(model=""),)},
            "accelerators.GPU.1.model",
            "Lab Accelerator",
            "nothing",
            "critical",
        ),
        (
            {"accelerators": (gpu(memory_gib=12),)},
            "accelerators.GPU.1.memory_gib",
            "16",
            "12",
            "critical",
        ),
        (
            {"memory": modules("DIMM.1", "DIMM.2", "DIMM.3", "DIMM.4", "DIMM.5")},
            "memory.modules",
            "4",
            "5",
            "warning",
        ),
        (
            {"memory": (*modules("D1", "D2", "D3"), *modules("D4", capacity_gib=8))},
            "memory.D4.capacity_gib",
            "16",
            "8",
            "critical",
        ),
        (
            {"memory": (*modules("D1", "D2", "D3"), *modules("D4", capacity_gib=32))},
            "memory.D4.capacity_gib",
            "16",
            "32",
            "warning",
        ),
        ({"drives": ()}, "drives.count", "1", "0", "critical"),
        ({"drives": (drive(240),)}, "drives.Bay.1.capacity_gib", "480", "240", "critical"),
        ({"nics": (nic(),)}, "nics.count", "2", "1", "critical"),
        (
            {"nics": (nic(), nic(slot="NIC.2", speed_gbps=10, link_up=True))},
            "nics.NIC.2.speed_gbps",
            "25",
            "10",
            "critical",
        ),
    ],
)
def test_each_difference_is_one_mismatch_with_its_severity(
    *,
    host_type: HostType,
    make_facts: MakeFacts,
    changes: dict[str, Any],
    path: str,
    wanted: str,
    found: str,
    severity: str,
) -> None:
    (mismatch,) = match(host_type, make_facts(**changes))
    assert (mismatch.path, mismatch.wanted, mismatch.found) == (path, wanted, found)
    assert mismatch.severity == severity
    assert mismatch.remedy


@pytest.mark.parametrize(
    "changes",
    [
        {"manufacturer": " PODYARD "},
        {"model": "lab  host 1"},
        {"drives": (drive(960),)},
        {"nics": (nic(), nic(slot="NIC.2", speed_gbps=None))},
        {"nics": (nic(), nic(slot="NIC.2", speed_gbps=0, link_up=False))},
        {"processors": (cpu(cores=16),)},
    ],
)
def test_what_is_no_lack_is_no_mismatch(
    host_type: HostType, make_facts: MakeFacts, changes: dict[str, Any]
) -> None:
    assert match(host_type, make_facts(**changes)) == ()


def test_accelerators_where_none_are_designed_are_told_not_judged(
    host_type: HostType, make_facts: MakeFacts
) -> None:
    plain = host_type.model_copy(update={"accelerators": None})
    (mismatch,) = match(plain, make_facts())
    assert (mismatch.path, mismatch.severity) == ("accelerators.count", "warning")
    assert critical((mismatch,)) == ()


@pytest.mark.parametrize(
    ("wanted", "present", "empty"),
    [
        (4, ("DIMM.1", "DIMM.2", "DIMM.4"), ("DIMM.3",)),
        (4, ("DIMM.0", "DIMM.1"), ("DIMM.2", "DIMM.3")),
        (4, ("DIMM_01", "DIMM_02", "DIMM_04"), ("DIMM_03",)),
        (12, tuple(f"D{n}" for n in range(1, 12)), ("D12",)),
        (4, ("A1", "A2", "B1"), ()),
        (4, ("left", "right"), ()),
        (4, ("DIMM.1", "DIMM.5"), ()),
        (4, ("DIMM.1", "DIMM.1"), ()),
        (4, (), ()),
        (2, ("DIMM.1", "DIMM.2"), ()),
    ],
)
def test_empty_slots_are_named_only_where_the_names_tell(
    wanted: int, present: tuple[str, ...], empty: tuple[str, ...]
) -> None:
    assert empty_slots(wanted, modules(*present)) == empty


def test_a_slot_listed_with_no_capacity_is_the_empty_one(
    host_type: HostType, make_facts: MakeFacts
) -> None:
    memory = (*modules("P1", "Q7", "R2"), *modules("S9", capacity_gib=0))
    (mismatch,) = match(host_type, make_facts(memory=memory))
    assert "in slot S9" in mismatch.remedy


def test_where_no_slot_can_be_named_the_remedy_says_so(
    host_type: HostType, make_facts: MakeFacts
) -> None:
    (mismatch,) = match(host_type, make_facts(memory=modules("left", "right", "top")))
    assert "does not say which slots" in mismatch.remedy


def test_two_missing_modules_name_both_slots(host_type: HostType, make_facts: MakeFacts) -> None:
    (mismatch,) = match(host_type, make_facts(memory=modules("DIMM.1", "DIMM.3")))
    assert "the modules in slots DIMM.2, DIMM.4" in mismatch.remedy


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"BIOS": "2.4.1", "BMC": "1.8.0"}, []),
        ({"BIOS": "2.0.0", "BMC": "1.0.0"}, []),
        ({"BIOS": "2.9.0", "BMC": "1.8.0"}, [("firmware.BIOS", "2.9.0")]),
        ({"BIOS": "odd", "BMC": "1.8.0"}, [("firmware.BIOS", "odd")]),
        ({"BMC": "1.8.0"}, [("firmware.BIOS", "not reported")]),
    ],
)
def test_firmware_that_nobody_may_act_on_is_told_as_a_warning(
    lab: PodSpec, found: dict[str, str], told: list[tuple[str, str]]
) -> None:
    mismatches = match_firmware(lab.firmware["lab-cpu"], found)
    assert [(one.path, one.found) for one in mismatches] == told
    assert not critical(mismatches)


@given(st.sets(st.integers(1, 32), max_size=32))
def test_any_missing_modules_are_exactly_those_named(present: set[int]) -> None:
    named = empty_slots(32, modules(*(f"DIMM.{n}" for n in sorted(present))))
    missing = tuple(f"DIMM.{n}" for n in range(1, 33) if n not in present)
    assert named == (missing if present else ())


counts = st.integers(0, 6)


@given(cpus=counts, gpus=counts, dimms=counts, drives=counts, nics=counts)
def test_a_host_is_parked_exactly_when_something_designed_is_missing(
    *,
    lab: PodSpec,
    make_facts: MakeFacts,
    cpus: int,
    gpus: int,
    dimms: int,
    drives: int,
    nics: int,
) -> None:
    facts = make_facts(
        processors=tuple(cpu(slot=f"CPU.{n}") for n in range(cpus)),
        accelerators=tuple(gpu(slot=f"GPU.{n}") for n in range(gpus)),
        memory=modules(*(f"DIMM.{n}" for n in range(dimms))),
        drives=tuple(drive(480, slot=f"Bay.{n}") for n in range(drives)),
        nics=tuple(nic(slot=f"NIC.{n}") for n in range(nics)),
    )
    parked = bool(critical(match(lab.host_types["lab-cpu"], facts)))
    assert parked == (cpus < 1 or gpus < 1 or dimms < 4 or drives < 1 or nics < 2)
