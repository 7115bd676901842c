"""Which tree a host type gets, and what a hall invents: nothing that its host type does not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from pods import catalogue
from provisioning.simulator.errors import HallError, UnknownFault, UnknownModel
from provisioning.simulator.faults import REGISTRY
from provisioning.simulator.hall import HallPlan, HostPlan
from provisioning.simulator.models import MODELS, model_of, parse_models
from provisioning.simulator.parts import Parts

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "simulator.md"


def host(spec: str, *faults: str, index: int = 0) -> HostPlan:
    slots = catalogue.load(spec).slots()
    named = [f"{fault.partition(':')[0]}@{slots[index][1].slot}" for fault in faults]
    whole = [
        name + (":" + fault.partition(":")[2] if ":" in fault else "")
        for name, fault in zip(named, faults, strict=True)
    ]
    return HallPlan.from_spec(catalogue.load(spec), seed=7, faults=whole).hosts[index]


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("hgx-h100-8@1", "dgx-h100"),
        ("hgx-b200-8-air@1", "dgx-h100"),
        ("gb200-tray@1", "gb200-tray"),
        ("gb300-tray@1", "gb300-tray"),
        ("mi300x-8@1", "mi300x"),
        ("mi355x-8@1", "mi300x"),
        ("hgx-b200-8-liquid@1", "generic"),
    ],
)
def test_the_host_type_decides_which_tree_its_hosts_have(name: str, model: str) -> None:
    assert model_of(catalogue.load_host(name)).name == model


@pytest.mark.parametrize("name", catalogue.names())
def test_every_pod_of_the_catalogue_can_be_simulated(name: str) -> None:
    plan = HallPlan.from_spec(catalogue.load(name), seed=1)
    last = plan.hosts[-1]
    parts = Parts(last)
    assert len(parts.memory) == last.host_type.memory.modules
    assert sum(len(card.ports) for card in parts.cards) == last.host_type.nics.count
    assert len(set(last.firmware)) == len(last.firmware)


def test_what_the_host_type_does_not_describe_is_not_there() -> None:
    parts = Parts(host("lab-4"))
    assert (parts.supplies, parts.cooling, parts.leak_detectors) == ((), (), ())
    assert parts.accelerators[0].link_ports is None


def test_every_port_has_the_speed_of_its_group() -> None:
    ports = [port.gbps for card in Parts(host("hgx-h100-8")).cards for port in card.ports]
    assert sorted(ports) == [200.0] * 2 + [400.0] * 8


def test_a_tray_knows_its_slot_and_nobody_typed_its_rack() -> None:
    first, last = (Parts(host("nvl72-gb200", index=n)).position for n in (0, -1))
    assert (first.rack, first.unit) == ("", None)
    assert (first.tray_index, last.tray_index) == (0, 17)
    assert first.chassis_slot != last.chassis_slot


def test_a_tray_in_its_neighbours_slot_says_what_the_neighbour_should() -> None:
    swapped = Parts(host("nvl72-gb200", "wrong-tray:index=1")).position
    assert swapped == Parts(host("nvl72-gb200", index=1)).position


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("missing-gpu:slot=GPU9", "GPU_SXM_1"),
        ("dead-supply:slot=FAN1", "PSU0"),
        ("leak", "fewer of them"),
        ("slow-port:slot=eth0", "NIC0"),
    ],
)
def test_a_fault_that_strikes_no_part_says_which_there_are(fault: str, said: str) -> None:
    with pytest.raises(UnknownFault) as caught:
        Parts(host("hgx-h100-8", fault))
    assert said in caught.value.hint


def test_a_tray_that_the_rack_does_not_have_is_refused() -> None:
    with pytest.raises(UnknownFault, match="tray '18'"):
        Parts(host("nvl72-gb200", "wrong-tray:index=18"))


def test_two_faults_of_one_kind_strike_two_parts() -> None:
    assert len(Parts(host("hgx-h100-8", "missing-gpu", "missing-gpu")).accelerators) == 6


def test_a_part_fault_changes_no_other_part() -> None:
    sound, struck = Parts(host("hgx-h100-8")), Parts(host("hgx-h100-8", "worn-drive:slot=Disk3"))
    assert [one.serial for one in sound.drives] == [one.serial for one in struck.drives]
    assert sound.accelerators == struck.accelerators
    assert [one.slot for one in struck.drives if one.life_left_percent != 100] == ["Disk3"]


@pytest.mark.parametrize("component", ["BIOS", "HostBIOS_0"])
def test_old_firmware_knows_the_bios_by_both_names(component: str) -> None:
    old = host("hgx-h100-8", f"old-firmware:component={component},version=0.1")
    assert old.firmware["HostBIOS_0"] == "0.1"
    assert "BIOS" not in old.firmware


def test_a_model_can_be_given_to_every_host_type_or_to_one() -> None:
    types = catalogue.load("nvl72-gb200").host_types
    assert parse_models(["generic"], host_types=types) == dict.fromkeys(types, "generic")
    assert parse_models(["tray=dgx-h100"], host_types=types) == {"tray": "dgx-h100"}
    assert parse_models([], host_types=types) == {}


@pytest.mark.parametrize(
    ("said", "hint"), [("dgx", "generic"), ("tray=dgx", "mi300x"), ("box=generic", "tray")]
)
def test_a_model_or_host_type_that_is_not_there_is_refused(said: str, hint: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        parse_models([said], host_types=catalogue.load("nvl72-gb200").host_types)
    assert hint in caught.value.hint
    assert isinstance(caught.value, HallError)


def test_the_page_lists_every_model_and_every_fault() -> None:
    page = PAGE.read_text()
    assert not [model for model in MODELS.values() if f"| `{model.name}` |" not in page]
    assert not [name for name in REGISTRY if f"| `{name}` |" not in page]
