"""The network adapters of a simulated host: cards, their ports, and how fast each link came up."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from provisioning.simulator import naming
from provisioning.simulator.defects import struck
from provisioning.simulator.distribution.plan import Neighbour
from provisioning.simulator.hall import HostPlan

PCIE_LANES = 16


@dataclass(frozen=True, slots=True)
class CardPort:
    """One port of a card."""

    slot: str
    mac: str
    gbps: float
    """What the link runs at while it is up."""
    gbps_max: float
    neighbour: Neighbour | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """One network adapter."""

    slot: str
    model: str
    serial: str
    part_number: str
    firmware: str
    ports: tuple[CardPort, ...]
    lanes: int = PCIE_LANES


def cards(plan: HostPlan) -> tuple[Card, ...]:
    """Every card, in the order of the host type's groups."""
    slots = naming.card_slots(plan.host_type, plan.model)
    slow = struck(plan.faults, "slow-port", port_slots(plan), seed=plan.serial)
    lanes = narrow(plan)
    found: list[Card] = []
    taken = 0
    for slot, (model, count, gbps) in zip(slots, naming.card_sizes(plan.host_type), strict=True):
        ports = tuple(
            CardPort(
                slot=f"NIC{n}",
                mac=plan.macs[n],
                gbps=slow[f"NIC{n}"].number("gbps") if f"NIC{n}" in slow else float(gbps),
                gbps_max=float(gbps),
                neighbour=plan.neighbours[n] if n < len(plan.neighbours) else None,
            )
            for n in range(taken, taken + count)
        )
        taken += count
        found.append(
            Card(
                slot=slot,
                model=model or f"Lab Adapter {gbps}G",
                serial=hashlib.sha256(f"{plan.serial}/{slot}".encode()).hexdigest()[:12].upper(),
                part_number=f"LAB-{count}X{gbps}G",
                firmware=plan.firmware.get(slot, ""),
                ports=ports,
                lanes=lanes.get(slot, PCIE_LANES),
            )
        )
    return tuple(found)


def port_slots(plan: HostPlan) -> tuple[str, ...]:
    """The ports as they are numbered at the back of the host."""
    return tuple(f"NIC{n}" for n in range(len(plan.macs)))


def narrow(plan: HostPlan) -> dict[str, int]:
    """Accelerators and cards whose PCIe link trained down, with the lanes that are left."""
    slots = (
        *naming.accelerator_slots(plan.host_type, plan.model),
        *naming.card_slots(plan.host_type, plan.model),
    )
    hits = struck(plan.faults, "narrow-pcie", slots, seed=plan.serial)
    return {slot: int(fault.number("lanes")) for slot, fault in hits.items()}
