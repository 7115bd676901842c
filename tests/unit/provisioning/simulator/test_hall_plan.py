"""A hall follows from its spec and seed alone, and its faults are built in."""

from __future__ import annotations

import pytest

from pods import catalogue
from provisioning.simulator import hardware
from provisioning.simulator.errors import UnknownFault
from provisioning.simulator.hall import HallPlan, HostPlan, factory_value, version_before

SPEC = catalogue.load("lab-4")


def plan(*faults: str, seed: int = 7) -> HallPlan:
    return HallPlan.from_spec(SPEC, seed=seed, faults=faults)


def host(name: str, *faults: str) -> HostPlan:
    return next(one for one in plan(*faults).hosts if one.name.endswith(name))


def test_one_host_stands_in_every_slot() -> None:
    assert [one.slot for one in plan().hosts] == [slot.slot for _, slot in SPEC.slots()]


def test_the_same_seed_builds_the_same_hall() -> None:
    assert plan() == plan()
    assert plan().hosts[0].serial != plan(seed=8).hosts[0].serial


def test_no_two_hosts_share_an_identity() -> None:
    hosts = plan().hosts
    for facts in (
        {one.serial for one in hosts},
        {one.uuid for one in hosts},
        {one.macs for one in hosts},
    ):
        assert len(facts) == len(hosts)


def test_a_fault_changes_nothing_else_of_its_host() -> None:
    sound, short = host("h3"), host("h3", "missing-dimm@h3")
    assert (sound.serial, sound.uuid, sound.macs) == (short.serial, short.uuid, short.macs)


def test_a_missing_dimm_is_missing_in_one_host_only() -> None:
    hall = plan("missing-dimm@h3")
    modules = {one.name: len(hardware.memory_modules(one)) for one in hall.hosts}
    wanted = SPEC.host_types["lab-cpu"].memory.modules
    assert modules == {name: wanted - 1 if name.endswith("h3") else wanted for name in modules}


def test_the_missing_dimm_can_be_chosen() -> None:
    short = host("h3", "missing-dimm@h3:slot=DIMM2")
    assert "DIMM2" not in {part.slot for part in hardware.memory_modules(short)}


def test_old_firmware_is_older_than_the_baseline() -> None:
    assert host("h1").firmware["BIOS"] == "2.4.1"
    assert host("h2", "old-firmware@h2").firmware["BIOS"] == "2.4.0"
    assert host("h2", "old-firmware@h2:version=1.2").firmware["BIOS"] == "1.2"


def test_a_wrong_serial_is_only_what_the_bmc_says() -> None:
    lying = host("h1", "wrong-serial@h1")
    assert lying.reported_serial != lying.serial == host("h1").serial


@pytest.mark.parametrize("name", ["r1-h3", "h3", "lab-r1-h3"])
def test_a_fault_may_name_a_host_by_any_of_its_names(name: str) -> None:
    assert host("h3", f"missing-dimm@{name}").faults


def test_a_fault_of_a_stranger_lists_the_hosts() -> None:
    with pytest.raises(UnknownFault, match="h9") as caught:
        plan("slow-host@h9")
    assert "r1-h1" in caught.value.hint


@pytest.mark.parametrize(
    ("version", "before"),
    [("2.4.1", "2.4.0"), ("2.4.0", "2.3.0"), ("1.08", "1.07"), ("0.0", "0.0-old")],
)
def test_the_version_before_is_lower(version: str, before: str) -> None:
    assert version_before(version) == before


@pytest.mark.parametrize(
    ("wanted", "delivered"), [(True, False), ("Enabled", "Disabled"), ("Uefi", "Uefi"), (3, 3)]
)
def test_the_factory_sets_the_opposite_where_there_is_one(
    wanted: bool | str | int,  # noqa: FBT001 - BIOS values are booleans too
    delivered: bool | str | int,  # noqa: FBT001 - the same
) -> None:
    assert factory_value(wanted) == delivered
