"""Beyond the bill of materials: power, cooling, links, wear, trust and place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pods import catalogue
from pods.facts import (
    AcceleratorFact,
    AdapterFact,
    CoolantConnectorFact,
    CoolingPartFact,
    DriveFact,
    HardwareFacts,
    LeakDetectorFact,
    MemoryModuleFact,
    NicFact,
    PositionFact,
    PowerSupplyFact,
    TrustFact,
)
from pods.match import Mismatch, critical, match
from pods.match_place import match_place, match_trays
from pods.spec import (
    AcceleratorSpec,
    CoolingSpec,
    HostType,
    NicGroup,
    NicSpec,
    PodSpec,
    PsuSpec,
)

MakeFacts = Callable[..., HardwareFacts]


@pytest.fixture
def full(lab: PodSpec) -> HostType:
    """The lab host with everything that a large host's spec asks for besides."""
    return lab.host_types["lab-cpu"].model_copy(
        update={
            "psus": PsuSpec(count=6, capacity_watts=3300, redundancy="4+2"),
            "cooling": CoolingSpec(kind="liquid", flow_lpm=10.0),
            "accelerators": AcceleratorSpec(
                model="Lab Accelerator",
                count=1,
                memory_gib=16,
                tdp_watts=700,
                link_ports=18,
                link_gigabytes_per_s=25.0,
            ),
        }
    )


def supplies(number: int = 6, **odd: Any) -> tuple[PowerSupplyFact, ...]:
    """So many good supplies; `odd` is said of the first."""
    good: dict[str, Any] = {"capacity_watts": 3300.0, "input_status": "Normal", "health": "OK"}
    return tuple(
        PowerSupplyFact(slot=f"PSU {n}", **(good | (odd if n == 0 else {}))) for n in range(number)
    )


def gpu(**changes: Any) -> AcceleratorFact:
    fields: dict[str, Any] = {
        "slot": "GPU.1",
        "model": "Lab Accelerator",
        "memory_gib": 16,
        "link_ports": 18,
        "links_up": 18,
        "link_gbps": 200.0,
        "power_limit_watts": 700.0,
    }
    return AcceleratorFact(**(fields | changes))


def drive(**changes: Any) -> DriveFact:
    return DriveFact(slot="Bay.1", model="Lab Drive", capacity_gib=480, **changes)


def leak(state: str = "OK", reaction: str = "ForceOff") -> LeakDetectorFact:
    return LeakDetectorFact(slot="Tray", state=state, critical_reaction=reaction)


def whole(make_facts: MakeFacts, **changes: Any) -> HardwareFacts:
    good: dict[str, Any] = {
        "power_supplies": supplies(),
        "accelerators": (gpu(),),
        "leak_detectors": (leak(),),
        "coolant": (CoolantConnectorFact(slot="A", flow_lpm=10.0),),
    }
    return make_facts(**(good | changes))


def test_a_detector_that_sees_a_little_liquid_is_not_called_a_dead_one(
    full: HostType, make_facts: MakeFacts
) -> None:
    (found,) = match(full, whole(make_facts, leak_detectors=(leak("Warning"),)))
    assert (found.path, found.found) == ("leak_detectors.Tray.state", "Warning")
    assert found.meaning == "the detector sees a little liquid"


def test_a_host_with_everything_in_order_has_no_mismatch(
    full: HostType, make_facts: MakeFacts
) -> None:
    assert match(full, whole(make_facts)) == ()


@pytest.mark.parametrize(
    ("changes", "path", "effect"),
    [
        ({"serial": ""}, "serial", "warns"),
        ({"power_supplies": supplies(5)}, "power_supplies.count", "blocks"),
        ({"power_supplies": supplies(7)}, "power_supplies.count", "warns"),
        ({"power_supplies": ()}, "power_supplies.count", "notes"),
        (
            {"power_supplies": supplies(capacity_watts=2800.0)},
            "power_supplies.PSU 0.capacity_watts",
            "blocks",
        ),
        (
            {"power_supplies": supplies(input_status="LossOfInput")},
            "power_supplies.PSU 0.input_status",
            "warns",
        ),
        ({"power_supplies": supplies(health="Critical")}, "power_supplies.PSU 0.health", "warns"),
        (
            {"cooling": (CoolingPartFact(slot="Fan 3", kind="fan", health="Critical"),)},
            "cooling.Fan 3.health",
            "blocks",
        ),
        (
            {"cooling": (CoolingPartFact(slot="Fan 3", kind="fan", health="Warning"),)},
            "cooling.Fan 3.health",
            "warns",
        ),
        ({"leak_detectors": ()}, "leak_detectors", "notes"),
        ({"leak_detectors": (leak("Critical"),)}, "leak_detectors.Tray.state", "blocks"),
        ({"leak_detectors": (leak("Unavailable"),)}, "leak_detectors.Tray.state", "warns"),
        (
            {"leak_detectors": (leak(reaction="None"),)},
            "leak_detectors.Tray.critical_reaction",
            "warns",
        ),
        (
            {"coolant": (CoolantConnectorFact(slot="A", flow_lpm=8.5),)},
            "coolant.flow_lpm",
            "warns",
        ),
        ({"accelerators": (gpu(link_ports=17),)}, "accelerators.GPU.1.link_ports", "blocks"),
        ({"accelerators": (gpu(links_up=17),)}, "accelerators.GPU.1.links_up", "blocks"),
        ({"accelerators": (gpu(links_up=0),)}, "accelerators.GPU.1.links_up", "notes"),
        (
            {"accelerators": (gpu(link_ports=None, links_up=None),)},
            "accelerators.link_ports",
            "notes",
        ),
        ({"accelerators": (gpu(link_gbps=100.0),)}, "accelerators.GPU.1.link_gbps", "warns"),
        ({"accelerators": (gpu(remap_failed=True),)}, "accelerators.GPU.1.remap_failed", "blocks"),
        (
            {"accelerators": (gpu(sram_threshold_exceeded=True),)},
            "accelerators.GPU.1.sram_threshold_exceeded",
            "blocks",
        ),
        ({"accelerators": (gpu(remap_pending=True),)}, "accelerators.GPU.1.remap_pending", "warns"),
        ({"accelerators": (gpu(rows_remapped=2),)}, "accelerators.GPU.1.rows_remapped", "notes"),
        (
            {"accelerators": (gpu(power_limit_watts=500.0),)},
            "accelerators.GPU.1.power_limit_watts",
            "warns",
        ),
        ({"drives": (drive(failure_predicted=True),)}, "drives.Bay.1.failure_predicted", "blocks"),
        ({"drives": (drive(life_left_percent=5.0),)}, "drives.Bay.1.life_left_percent", "blocks"),
        ({"drives": (drive(life_left_percent=60.0),)}, "drives.Bay.1.life_left_percent", "notes"),
        ({"trust": TrustFact(secure_boot=False)}, "trust.secure_boot", "notes"),
        ({"trust": TrustFact(tpm=False)}, "trust.tpm", "notes"),
    ],
)
def test_each_property_gives_one_finding_that_says_what_it_means_and_what_to_do(
    *,
    full: HostType,
    make_facts: MakeFacts,
    changes: dict[str, Any],
    path: str,
    effect: str,
) -> None:
    (mismatch,) = match(full, whole(make_facts, **changes))
    assert (mismatch.path, mismatch.effect) == (path, effect)
    assert mismatch.meaning
    assert mismatch.remedy
    assert mismatch.told().startswith(f"{effect}: {path}: wanted ")


@pytest.mark.parametrize(
    "changes",
    [
        {"drives": (drive(life_left_percent=98.0, failure_predicted=False),)},
        {"trust": TrustFact(secure_boot=True, tpm=True)},
        {"coolant": (CoolantConnectorFact(slot="A"),)},
        {"accelerators": (gpu(link_gbps=196.0),)},
        {"cooling": (CoolingPartFact(slot="Fan 3", kind="fan"),)},
        {"power_supplies": supplies(input_status="", health="")},
    ],
)
def test_what_is_good_or_not_told_is_no_mismatch(
    full: HostType, make_facts: MakeFacts, changes: dict[str, Any]
) -> None:
    assert match(full, whole(make_facts, **changes)) == ()


@pytest.mark.parametrize(("dead", "parks"), [(1, False), (2, False), (3, True), (6, True)])
def test_dead_supplies_park_the_host_when_too_few_are_left(
    full: HostType, make_facts: MakeFacts, *, dead: int, parks: bool
) -> None:
    lost = tuple(
        one.model_copy(update={"input_status": "LossOfInput"}) for one in supplies()[:dead]
    )
    found = match(full, whole(make_facts, power_supplies=(*lost, *supplies()[dead:])))
    assert len(found) == dead
    assert bool(critical(found)) is parks


def test_memory_without_correction_is_told_per_module(
    full: HostType, make_facts: MakeFacts
) -> None:
    good = make_facts().memory
    bad = MemoryModuleFact(slot="DIMM.4", capacity_gib=16, error_correction="NoECC")
    (mismatch,) = match(full, whole(make_facts, memory=(*good[:3], bad)))
    assert (mismatch.path, mismatch.effect) == ("memory.DIMM.4.error_correction", "warns")


NICS = NicSpec(
    count=2,
    speed_gbps=25,
    groups=(
        NicGroup(role="compute", count=1, speed_gbps=400, model="ConnectX-7"),
        NicGroup(role="north-south", count=1, speed_gbps=25),
    ),
)


def ports(*speeds: int) -> tuple[NicFact, ...]:
    return tuple(
        NicFact(slot=f"NIC.{n}", mac=f"02:00:00:00:00:{n:02x}", speed_gbps=speed, link_up=True)
        for n, speed in enumerate(speeds)
    )


@pytest.mark.parametrize(
    ("speeds", "paths"),
    [
        ((25, 400), []),
        ((400, 400), []),
        ((25, 200), ["nics.at_400_gbps"]),
        ((10, 200), ["nics.NIC.0.speed_gbps"]),
    ],
)
def test_a_fast_port_that_came_up_slower_is_told(
    full: HostType, make_facts: MakeFacts, speeds: tuple[int, ...], paths: list[str]
) -> None:
    wanted = full.model_copy(update={"nics": NICS})
    found = match(wanted, whole(make_facts, nics=ports(*speeds)))
    assert [one.path for one in found] == paths


@pytest.mark.parametrize(
    ("model", "paths"),
    [
        ("NVIDIA CONNECTX 7 HHHL Adapter Card, 400GbE", []),
        ("ConnectX-6 Dx", ["adapters.ConnectX-7"]),
        ("", []),
    ],
)
def test_another_network_card_is_told_whatever_its_maker_calls_it(
    full: HostType, make_facts: MakeFacts, model: str, paths: list[str]
) -> None:
    wanted = full.model_copy(update={"nics": NICS})
    adapters = (AdapterFact(slot="1", model=model), AdapterFact(slot="2", model=""))
    found = match(wanted, whole(make_facts, nics=ports(25, 400), adapters=adapters))
    assert [one.path for one in found] == paths


@pytest.mark.parametrize("identity", catalogue.identities("host"))
def test_what_a_bmc_does_not_report_never_parks_a_host(
    identity: str, make_facts: MakeFacts
) -> None:
    found = match(catalogue.load_host(identity), make_facts())
    silent = ("power_supplies", "cooling", "coolant", "leak_detectors", "trust", "adapters")
    assert not [one for one in critical(found) if one.path.startswith(silent)]


def paths(found: tuple[Mismatch, ...]) -> list[str]:
    return [one.path for one in found]


def test_a_host_that_says_another_place_is_told(lab: PodSpec) -> None:
    rack, slot = lab.slots()[0]
    right = PositionFact(rack=rack.name.upper(), unit=slot.unit)
    assert match_place(rack, slot, right) == ()
    assert match_place(rack, slot, PositionFact()) == ()
    wrong = match_place(rack, slot, PositionFact(rack="r9", unit=slot.unit + 1))
    assert paths(wrong) == ["position.rack", "position.unit"]
    assert not critical(wrong)


def test_two_trays_that_claim_one_slot_are_both_named() -> None:
    found = match_trays(
        {
            "r1-h1": PositionFact(chassis_slot=1),
            "r1-h2": PositionFact(chassis_slot=2),
            "r1-h3": PositionFact(chassis_slot=1),
            "r1-h4": PositionFact(),
        }
    )
    assert paths(critical(found)) == [
        "r1-h3.position.chassis_slot",
        "r1-h1.position.chassis_slot",
    ]
    assert "r1-h1" in found[0].found
