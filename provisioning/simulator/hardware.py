"""What a simulated host is built of, in the words of its own operating system.

The agent on a real host reads these from the kernel; on a simulated one it reads
`run/hardware.json`. The names of slots are the ones that the host's BMC uses, since both look at
the same silk screen.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
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
from provisioning.simulator.hall import HostPlan
from provisioning.simulator.state import HostState

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Names the physical machine under the hall: hosts that share it must not be measured together."""


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
        ProcessorFact(slot=f"CPU{n}", model=kind.model, cores=kind.cores, threads=kind.cores * 2)
        for n in range(kind.count)
    )


def accelerators(plan: HostPlan) -> tuple[AcceleratorFact, ...]:
    """The GPUs."""
    kind = plan.host_type.accelerators
    if kind is None:
        return ()
    return tuple(
        AcceleratorFact(
            slot=slot,
            model=kind.model,
            memory_gib=kind.memory_gib,
            serial=part_serial(plan, slot),
            uuid=part_uuid(plan, slot),
            firmware="96.00.00",
        )
        for slot in (f"GPU{n}" for n in range(kind.count))
    )


def memory_modules(plan: HostPlan) -> tuple[MemoryModuleFact, ...]:
    """The populated memory slots."""
    kind = plan.host_type.memory
    return tuple(
        MemoryModuleFact(
            slot=f"DIMM{n}",
            capacity_gib=kind.module_gib,
            part_number=f"LAB-{kind.module_gib}G",
            serial=part_serial(plan, f"DIMM{n}"),
        )
        for n in range(kind.modules)
        if n not in plan.empty_memory_slots
    )


def drives(plan: HostPlan) -> tuple[DriveFact, ...]:
    """The drives."""
    kind = plan.host_type.drives
    return tuple(
        DriveFact(
            slot=f"Disk{n}",
            model="Lab NVMe",
            capacity_gib=kind.capacity_gib,
            serial=part_serial(plan, f"Disk{n}"),
            protocol="NVMe",
        )
        for n in range(kind.count)
    )


def nics(plan: HostPlan, *, powered: bool) -> tuple[NicFact, ...]:
    """The network ports; a link is up while the host is on."""
    speed_gbps = plan.host_type.nics.speed_gbps
    return tuple(
        NicFact(slot=f"NIC{n}", mac=mac, speed_gbps=speed_gbps, link_up=powered)
        for n, mac in enumerate(plan.macs)
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
        bmc_firmware=state.firmware["BMC"],
        bios_version=state.firmware["BIOS"],
        processors=processors(plan),
        accelerators=accelerators(plan),
        memory=memory_modules(plan),
        drives=drives(plan),
        nics=nics(plan, powered=True),
        firmware=dict(state.firmware),
        bios=dict(state.bios),
    )


def hardware_document(plan: HostPlan, state: HostState, *, at: float) -> dict[str, Any]:
    """`run/hardware.json`: the facts, and what only a simulation has to say."""
    return {
        **agent_facts(plan, state, at=at).model_dump(mode="json"),
        "clock_ratio": plan.clock_ratio,
        "simulated": True,
        "physical_host": BOOT_ID.read_text().strip(),
    }
