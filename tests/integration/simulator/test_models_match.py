"""Every host model, read live over HTTPS by the driver, held against its spec; and what is planted.

A host is made from the catalogue's own host type, so what fails here is the driver, the matcher or
the hall: as it was built it must match, and each difference must be found by its path.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from inventory.states import PowerState
from pods import catalogue
from pods.cabling import cabling_of
from pods.facts import HardwareFacts
from pods.match import critical, match, match_firmware
from pods.match_finding import Mismatch
from pods.match_place import match_place
from pods.neighbours import miscablings
from pods.spec import FirmwareItem, PodSpec
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.redfish.driver import RedfishBmc
from provisioning.drivers.redfish.session import RedfishSession
from provisioning.errors import WrongHost
from provisioning.simulator import models
from provisioning.simulator.clock import RealClock
from provisioning.simulator.hall import HallPlan, HostPlan
from provisioning.simulator.parts import Parts
from provisioning.simulator.process import Hall, HallSettings

pytestmark = pytest.mark.integration

MODELS = {
    "hgx-h100-8": "dgx-h100",
    "nvl72-gb200": "gb200-tray",
    "nvl72-gb300": "gb300-tray",
    "mi300x-8": "mi300x",
    "hgx-b300-8": "generic",
    "lab-4": "generic",
}
READS_MAX = 45
"""The plan is some 40; a full crawl of a tray of this kind is 1,434."""
Read = Callable[..., Awaitable["Seen"]]


@dataclasses.dataclass(frozen=True)
class Seen:
    """One host as it was built and as it was read."""

    spec: PodSpec
    plan: HostPlan
    facts: HardwareFacts
    reads: tuple[str, ...]

    def findings(self) -> tuple[Mismatch, ...]:
        """Everything that parts, firmware and place say."""
        rack, slot = next(
            (rack, slot) for rack, slot in self.spec.slots() if slot.slot == self.plan.slot
        )
        return (
            *match(self.plan.host_type, self.facts),
            *match_firmware(BASELINE, self.facts.firmware),
            *match_place(rack, slot, self.facts.position),
        )


BASELINE: tuple[FirmwareItem, ...] = ()


@pytest.fixture
async def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Start a hall of one host, switch it on, read it as the controller would."""
    reads: list[str] = []
    plain = RedfishSession.get

    async def counted(self: RedfishSession, path: str, **how: Any) -> Any:
        reads.append(path)
        return await plain(self, path, **how)

    monkeypatch.setattr(RedfishSession, "get", counted)

    async def read(
        name: str,
        *faults: str,
        on: bool = True,
        again: bool = False,
        known: bool = True,
        **chosen: Any,
    ) -> Seen:
        spec = catalogue.load(name)
        whole = HallPlan.from_spec(spec, seed=7, faults=faults, **chosen)
        wanted = next((one for one in whole.hosts if one.faults), whole.hosts[0])
        settings = HallSettings(
            state=tmp_path / ("another" if again else "hall"),
            clock=RealClock(speed=1000.0),
            namespaces=False,
        )
        hall = Hall(plan=dataclasses.replace(whole, hosts=(wanted,)), settings=settings)
        await hall.start()
        try:
            (told,) = hall.describe()["hosts"]
            async with RedfishBmc.connect(
                told["bmc"],
                Credentials(username=told["username"], password=SecretStr(told["password"])),
                fingerprint=told["fingerprint"],
                ca_file=None,
                expected_serial=told["serial"] if known else None,
            ) as bmc:
                if on:
                    await bmc.power_on()
                    while await bmc.power() is not PowerState.ON:
                        pass
                reads.clear()
                facts = await bmc.facts()
        finally:
            await hall.stop()
        return Seen(spec, wanted, facts, tuple(reads))

    return read


@pytest.mark.parametrize("name", MODELS)
async def test_a_host_of_every_model_is_read_as_it_was_built(name: str, read: Read) -> None:
    seen = await read(name)
    assert seen.plan.model.name == MODELS[name]
    assert seen.findings() == ()
    built, facts = Parts(seen.plan), seen.facts
    assert facts.processors == built.processors
    assert facts.memory == built.memory
    assert facts.drives == built.drives
    assert facts.leak_detectors == built.leak_detectors
    assert facts.cooling == built.cooling
    assert facts.position == built.position
    assert facts.trust == built.trust
    assert [one.serial for one in facts.power_supplies] == [one.serial for one in built.supplies]
    assert [one.mac for one in facts.nics] == list(seen.plan.macs)
    assert {one.speed_gbps for one in facts.nics} >= {seen.plan.host_type.nics.speed_gbps}
    assert [one.serial for one in facts.adapters] == [one.serial for one in built.cards]
    for found, part in zip(facts.accelerators, built.accelerators, strict=True):
        told = {key: value for key, value in found if value is not None}
        assert told.items() <= dict(part).items()
    assert dict(facts.firmware) == seen.plan.firmware
    assert len(seen.reads) <= READS_MAX, seen.reads


async def test_every_port_hears_the_switch_that_the_cabling_plan_has(read: Read) -> None:
    seen = await read("hgx-h100-8")
    cables = cabling_of(seen.spec).cables
    own = [cable.z for cable in cables if cable.a.node == seen.plan.slot]
    planned = [(end.node, end.port) for end in own if not end.node.startswith("oob")]
    assert list(seen.facts.neighbours.values()) == planned
    assert list(seen.facts.neighbours) == [one.slot for one in seen.facts.nics]
    lab = await read("lab-4", again=True)
    assert lab.facts.neighbours == {}


async def test_a_swapped_cable_is_heard_at_its_port(read: Read) -> None:
    spec = catalogue.load("hgx-h100-8")
    first, second = (slot.slot for _, slot in spec.slots()[:2])
    seen = await read("hgx-h100-8", f"miscabled@{first}:slot=NIC2,other={second}")
    sightings = {
        (first, f"rail{number}"): far
        for number, far in enumerate(list(seen.facts.neighbours.values())[:8], start=1)
    }
    (wrong,) = miscablings(cabling_of(spec).cables, sightings)
    assert wrong.kind == "swapped"
    assert {cable.a.node for cable in wrong.cables} == {first, second}
    assert {cable.a.port for cable in wrong.cables} == {"rail3"}


@pytest.mark.parametrize("name", MODELS)
async def test_a_host_that_is_off_has_links_that_prove_nothing(name: str, read: Read) -> None:
    seen = await read(name, on=False)
    assert critical(seen.findings()) == ()
    assert {one.severity for one in seen.findings()} <= {"note"}
    assert not any(one.link_up for one in seen.facts.nics)


@pytest.mark.parametrize(
    ("name", "fault", "path", "severity"),
    [
        ("hgx-h100-8", "missing-gpu", "accelerators.count", "critical"),
        ("nvl72-gb200", "missing-gpu", "accelerators.count", "critical"),
        ("mi300x-8", "missing-gpu", "accelerators.count", "critical"),
        (
            "hgx-h100-8",
            "other-gpu:slot=GPU_SXM_3",
            "accelerators.GPU_SXM_3.model",
            "critical",
        ),
        (
            "hgx-h100-8",
            "link-lost:slot=GPU_SXM_8,links=2",
            "accelerators.GPU_SXM_8.links_up",
            "critical",
        ),
        ("nvl72-gb300", "link-slow:slot=GPU_1", "accelerators.GPU_1.link_gbps", "warning"),
        ("nvl72-gb200", "narrow-pcie:slot=GPU_0", "accelerators.GPU_0.pcie_lanes", "warning"),
        ("mi300x-8", "narrow-pcie:slot=AOC_4", "adapters.AOC_4.pcie_lanes", "warning"),
        (
            "hgx-h100-8",
            "remapped-row:slot=GPU_SXM_1,state=failed",
            "accelerators.GPU_SXM_1.remap_failed",
            "critical",
        ),
        (
            "nvl72-gb200",
            "remapped-row:slot=GPU_3,state=pending",
            "accelerators.GPU_3.remap_pending",
            "warning",
        ),
        (
            "nvl72-gb300",
            "remapped-row:slot=GPU_3,state=done",
            "accelerators.GPU_3.rows_remapped",
            "note",
        ),
        ("mi300x-8", "capped-gpu:slot=OAM_2", "accelerators.OAM_2.power_limit_watts", "warning"),
        ("hgx-h100-8", "slow-port:slot=NIC0", "nics.NIC0.speed_gbps", "critical"),
        ("nvl72-gb200", "slow-port:slot=NIC0", "nics.NIC0.speed_gbps", "critical"),
        ("nvl72-gb300", "slow-port:slot=NIC0,gbps=400", "nics.at_800_gbps", "warning"),
        ("hgx-h100-8", "missing-dimm:slot=DIMM7", "memory.modules", "critical"),
        ("hgx-h100-8", "missing-drive", "drives.count", "critical"),
        ("nvl72-gb300", "worn-drive:slot=NVMe_1", "drives.NVMe_1.life_left_percent", "critical"),
        (
            "mi300x-8",
            "worn-drive:slot=Disk1,left=60",
            "drives.Disk1.life_left_percent",
            "note",
        ),
        ("lab-4", "dying-drive", "drives.Disk0.failure_predicted", "critical"),
        ("hgx-h100-8", "dead-supply:slot=PSU1", "power_supplies.PSU1.input_status", "warning"),
        ("mi300x-8", "dead-supply:slot=PSU1", "power_supplies.PSU1.input_status", "critical"),
        ("mi300x-8", "missing-supply", "power_supplies.count", "critical"),
        ("hgx-h100-8", "failed-fan:slot=FAN3", "cooling.FAN3.health", "critical"),
        ("hgx-b300-8", "failed-fan:slot=Fan3", "cooling.Fan3.health", "critical"),
        ("nvl72-gb200", "leak:slot=Manifold", "leak_detectors.Manifold.state", "critical"),
        (
            "nvl72-gb300",
            "leak:slot=Tray,state=Unavailable",
            "leak_detectors.Tray.state",
            "warning",
        ),
        ("nvl72-gb200", "wrong-tray", "position.tray_index", "warning"),
        ("hgx-h100-8", "secure-boot-off", "trust.secure_boot", "note"),
        ("nvl72-gb300", "no-tpm", "trust.tpm", "note"),
    ],
)
async def test_each_planted_difference_is_found_and_nothing_else(
    name: str, fault: str, path: str, severity: str, read: Read
) -> None:
    host = catalogue.load(name).slots()[1][1].slot
    kind, _, parameters = fault.partition(":")
    seen = await read(name, f"{kind}@{host}" + (f":{parameters}" if parameters else ""))
    found = {one.path: one.severity for one in seen.findings()}
    assert found == {path: severity}


async def test_firmware_of_any_part_is_held_against_the_baseline(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = FirmwareItem(
        component="HGX_FW_GPU_SXM_2", version="0.9.0", image="gpu.fw", sha256="0" * 64
    )
    monkeypatch.setattr(f"{__name__}.BASELINE", (item,))
    seen = await read("hgx-h100-8")
    assert [one.path for one in seen.findings()] == ["firmware.HGX_FW_GPU_SXM_2"]


async def test_a_bmc_that_does_not_expand_is_not_asked_for_every_port(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = dataclasses.replace(models.MODELS["dgx-h100"], expand_levels=0)
    monkeypatch.setattr(models, "MODELS", {**models.MODELS, "dgx-h100": plain})
    seen = await read("hgx-h100-8")
    assert [(one.path, one.severity) for one in seen.findings()] == [
        ("accelerators.link_ports", "note")
    ]
    assert not [path for path in seen.reads if "/Processors/" in path and "/Ports" in path]
    assert not [path for path in seen.reads if "$expand" in path]
    assert seen.facts.nics[0].speed_gbps == 400


async def test_the_wrong_box_is_noticed_though_it_has_two_systems(read: Read) -> None:
    with pytest.raises(WrongHost):
        await read("hgx-h100-8", "wrong-serial@r1-h1")


async def test_a_box_of_two_systems_is_read_whole_without_a_serial_number(read: Read) -> None:
    seen = await read("hgx-h100-8", known=False)
    assert seen.findings() == ()
    assert len(seen.facts.accelerators) == 8


@pytest.mark.parametrize("model", sorted(set(MODELS.values())))
async def test_a_host_with_another_tree_than_its_own_still_matches(model: str, read: Read) -> None:
    _, slot = catalogue.load("hgx-h100-8").slots()[0]
    seen = await read("hgx-h100-8", models={slot.host_type: model})
    assert seen.plan.model.name == model
    assert critical(seen.findings()) == ()
