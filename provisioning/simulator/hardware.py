"""What a simulated host is built of, in the words of its own operating system.

The agent on a real host reads these from the kernel; on a simulated one it reads
`run/hardware.json`. The names of slots are the ones that the host's BMC uses, since both look at
the same silk screen. A planted fault is a fault of the part, so both see it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pods.facts import (
    AcceleratorFact,
    DriveFact,
    HardwareFacts,
    MemoryModuleFact,
    NicFact,
    ProcessorFact,
)
from pods.spec import AcceleratorSpec
from provisioning.simulator import cards, naming
from provisioning.simulator.defects import planted, struck
from provisioning.simulator.faults import Fault
from provisioning.simulator.hall import HostPlan
from provisioning.simulator.state import DriveKept, HostState

BLOCKS_SAMPLED = 64
"""What a system reads of a drive to see whether it holds anything."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Names the physical machine under the hall: hosts that share it must not be measured together."""
BITS_PER_BYTE = 8
ACCELERATOR_FAULTS = (
    "missing-gpu",
    "other-gpu",
    "link-lost",
    "link-slow",
    "capped-gpu",
    "remapped-row",
)


def part_serial(plan: HostPlan, part: str) -> str:
    """A part's serial number: the same for the same host, different for every part."""
    return hashlib.sha256(f"{plan.serial}/{part}".encode()).hexdigest()[:12].upper()


def part_uuid(plan: HostPlan, part: str) -> str:
    """A part's UUID, by the same rule."""
    return str(uuid.uuid5(uuid.UUID(plan.uuid), part))


def processors(plan: HostPlan) -> tuple[ProcessorFact, ...]:
    """The CPU sockets; two threads a core, as every server CPU of today ships."""
    kind = plan.host_type.processors
    return tuple(
        ProcessorFact(slot=slot, model=kind.model, cores=kind.cores, threads=kind.cores * 2)
        for slot in naming.processor_slots(plan.host_type, plan.model)
    )


def accelerators(plan: HostPlan, *, powered: bool = True) -> tuple[AcceleratorFact, ...]:
    """The accelerators that are fitted; their links train while the host is on."""
    kind = plan.host_type.accelerators
    if kind is None:
        return ()
    slots = naming.accelerator_slots(plan.host_type, plan.model)
    hits = {name: struck(plan.faults, name, slots, seed=plan.serial) for name in ACCELERATOR_FAULTS}
    narrow = cards.narrow(plan)
    return tuple(
        AcceleratorFact(
            slot=slot,
            model=hits["other-gpu"][slot].word("model")
            if slot in hits["other-gpu"]
            else kind.model,
            memory_gib=kind.memory_gib,
            serial=part_serial(plan, slot),
            uuid=part_uuid(plan, slot),
            firmware=plan.firmware.get(plan.model.accelerator_firmware.format(slot), ""),
            pcie_lanes_max=cards.PCIE_LANES,
            pcie_lanes=narrow.get(slot, cards.PCIE_LANES) if powered else None,
            power_limit_watts=_limit(kind, hits["capped-gpu"].get(slot)),
            **_links(
                kind,
                hits["link-lost"].get(slot),
                hits["link-slow"].get(slot),
                powered=powered,
                unconfigured=bool(planted(plan.faults, "no-fabric")),
            ),
            **_remapped(hits["remapped-row"].get(slot)),
        )
        for slot in slots
        if slot not in hits["missing-gpu"]
    )


def _limit(kind: AcceleratorSpec, capped: Fault | None) -> float | None:
    if capped is not None:
        return capped.number("watts")
    return float(kind.tdp_watts) if kind.tdp_watts else None


def _links(
    kind: AcceleratorSpec,
    lost: Fault | None,
    slow: Fault | None,
    *,
    powered: bool,
    unconfigured: bool,
) -> dict[str, Any]:
    if kind.link_ports is None:
        return {}
    if not powered:
        return {"link_ports": kind.link_ports, "links_up": 0}
    down = kind.link_ports if unconfigured else 0
    down = min(kind.link_ports, int(lost.number("links"))) if lost else down
    gbps = (kind.link_gigabytes_per_s or 0) * BITS_PER_BYTE * (slow.number("ratio") if slow else 1)
    return {
        "link_ports": kind.link_ports,
        "links_up": kind.link_ports - down,
        "link_gbps": gbps or None,
    }


def _remapped(fault: Fault | None) -> dict[str, Any]:
    state = fault.word("state") if fault else ""
    return {
        "rows_remapped": 1 if state == "done" else 0,
        "remap_pending": state == "pending",
        "remap_failed": state == "failed",
        "sram_threshold_exceeded": False,
    }


def memory_modules(plan: HostPlan) -> tuple[MemoryModuleFact, ...]:
    """The populated memory slots."""
    kind = plan.host_type.memory
    return tuple(
        MemoryModuleFact(
            slot=slot,
            capacity_gib=kind.module_gib,
            part_number=f"LAB-{kind.module_gib}G",
            serial=part_serial(plan, slot),
            error_correction="MultiBitECC",
        )
        for n, slot in enumerate(naming.memory_slots(plan.host_type, plan.model))
        if n not in plan.empty_memory_slots
    )


def drives(plan: HostPlan) -> tuple[DriveFact, ...]:
    """The drives that are fitted, new unless a fault says otherwise."""
    kind = plan.host_type.drives
    slots = naming.drive_slots(plan.host_type, plan.model)
    missing, worn, dying = (
        struck(plan.faults, name, slots, seed=plan.serial)
        for name in ("missing-drive", "worn-drive", "dying-drive")
    )
    return tuple(
        DriveFact(
            slot=slot,
            model="Lab NVMe",
            capacity_gib=kind.capacity_gib,
            serial=part_serial(plan, slot),
            protocol="NVMe",
            life_left_percent=worn[slot].number("left") if slot in worn else 100.0,
            failure_predicted=slot in dying,
        )
        for slot in slots
        if slot not in missing
    )


def nics(plan: HostPlan, *, powered: bool) -> tuple[NicFact, ...]:
    """The network ports; a link is up while the host is on."""
    return tuple(
        NicFact(slot=port.slot, mac=port.mac, speed_gbps=round(port.gbps), link_up=powered)
        for card in cards.cards(plan)
        for port in card.ports
    )


def agent_facts(plan: HostPlan, state: HostState, *, at: float) -> HardwareFacts:
    """What the operating system of the booted host would report."""
    return HardwareFacts(
        observed_at=dt.datetime.fromtimestamp(at, tz=dt.UTC),
        source="agent",
        manufacturer=plan.host_type.manufacturer,
        model=plan.host_type.model,
        serial=plan.serial,
        uuid=plan.uuid,
        bmc_firmware=state.firmware[plan.model.bmc],
        bios_version=state.firmware[plan.model.bios],
        processors=processors(plan),
        accelerators=accelerators(plan),
        memory=memory_modules(plan),
        drives=drives(plan),
        nics=nics(plan, powered=True),
        firmware=dict(state.firmware),
        bios=dict(state.bios),
    )


def drive_of(state: HostState, drive: DriveFact) -> DriveKept:
    """A drive as it is; one that nobody erased holds what its maker or a tenant left."""
    return state.drives.get(drive.serial, DriveKept())


def drives_read(drives: Iterable[DriveFact], state: HostState) -> list[dict[str, Any]]:
    """`run/drives.json`: what a system that reads the drives finds on each."""
    found = []
    for drive in drives:
        now = drive_of(state, drive)
        holding = BLOCKS_SAMPLED if now.holds else 0
        found.append(
            {
                "slot": drive.slot,
                "serial": drive.serial,
                "completed": now.completed,
                "globally_erased": now.erased,
                "sampled": BLOCKS_SAMPLED,
                "holding": holding,
            }
        )
    return found


def write_to(state: HostState, drives: Iterable[DriveFact]) -> None:
    """A system that runs for anybody's sake writes to its drives."""
    used = {one.serial: DriveKept(completed=drive_of(state, one).completed) for one in drives}
    state.drives = {**state.drives, **used}


def accelerator_ratios(plan: HostPlan) -> dict[str, float]:
    """Slot to the share of its speed that each accelerator computes at."""
    slots = tuple(one.slot for one in accelerators(plan))
    slow = struck(plan.faults, "slow-gpu", slots, seed=plan.serial)
    return {slot: slow[slot].number("ratio") if slot in slow else 1.0 for slot in slots}


def hardware_document(plan: HostPlan, state: HostState, *, at: float) -> dict[str, Any]:
    """`run/hardware.json`: the facts, and what only a simulation has to say."""
    return {
        **agent_facts(plan, state, at=at).model_dump(mode="json"),
        "clock_ratio": plan.clock_ratio,
        "accelerator_ratios": accelerator_ratios(plan),
        "simulated": True,
        "physical_host": BOOT_ID.read_text().strip(),
    }
