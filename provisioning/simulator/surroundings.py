"""What stands around a simulated host's boards: supplies, fans, coolant, leak detectors, its place.

A part that the host type does not describe is not there: a hall invents no redundancy and no flow.
"""

from __future__ import annotations

from pods.facts import (
    CoolantConnectorFact,
    CoolingPartFact,
    LeakDetectorFact,
    PositionFact,
    PowerSupplyFact,
    TrustFact,
)
from provisioning.simulator import naming
from provisioning.simulator.defects import planted, struck
from provisioning.simulator.errors import UnknownFault
from provisioning.simulator.faults import Fault
from provisioning.simulator.hall import FACTORY_VERSION, HostPlan
from provisioning.simulator.hardware import part_serial

TPM_VERSION = "TPM2_0"
TRAY_TOPOLOGY = "128"
"""What a cable cartridge of a whole NVL72 reports; any constant would do."""


def power_supplies(plan: HostPlan) -> tuple[PowerSupplyFact, ...]:
    """The supplies that are fitted."""
    kind = plan.host_type.psus
    if kind is None:
        return ()
    slots = naming.supply_slots(plan.host_type, plan.model)
    dead = struck(plan.faults, "dead-supply", slots, seed=plan.serial)
    missing = struck(plan.faults, "missing-supply", slots, seed=plan.serial)
    return tuple(
        PowerSupplyFact(
            slot=slot,
            model=f"Lab Supply {kind.capacity_watts}",
            serial=part_serial(plan, slot),
            capacity_watts=float(kind.capacity_watts),
            firmware=plan.firmware.get(slot, FACTORY_VERSION),
            input_volts_min=kind.input_volts_min,
            input_volts_max=kind.input_volts_max,
            input_status="LossOfInput" if slot in dead else "Normal",
            health="Critical" if slot in dead else "OK",
        )
        for slot in slots
        if slot not in missing
    )


def redundancy(plan: HostPlan) -> tuple[int, int] | None:
    """How many supplies must work, and how many there are to be."""
    kind = plan.host_type.psus
    if kind is None or kind.redundancy is None:
        return None
    return kind.carrying, kind.count


def cooling_parts(plan: HostPlan) -> tuple[CoolingPartFact, ...]:
    """The fans."""
    slots = naming.fan_slots(plan.host_type, plan.model)
    failed = struck(plan.faults, "failed-fan", slots, seed=plan.serial)
    return tuple(
        CoolingPartFact(slot=slot, kind="fan", health="Critical" if slot in failed else "OK")
        for slot in slots
    )


def coolant(
    plan: HostPlan, *, powered: bool, flow_share: float = 1.0
) -> tuple[CoolantConnectorFact, ...]:
    """One pair of couplings, where liquid cools the host; it flows as the CDU's pumps move it."""
    kind = plan.host_type.cooling
    if kind is None or kind.kind == "air":
        return ()
    rise = kind.rise_kelvin if powered else 0.0
    if rise is not None and flow_share:
        rise = rise / flow_share
    flow = None if kind.flow_lpm is None else kind.flow_lpm * flow_share
    back = None if kind.supply_celsius is None or rise is None else kind.supply_celsius + rise
    return (
        CoolantConnectorFact(
            slot="Coolant0",
            rated_flow_lpm=kind.flow_lpm,
            flow_lpm=flow,
            supply_celsius=kind.supply_celsius,
            return_celsius=back,
        ),
    )


def leak_detectors(plan: HostPlan) -> tuple[LeakDetectorFact, ...]:
    """The leak detectors, all of them armed."""
    slots = naming.leak_slots(plan.host_type)
    leaking = struck(plan.faults, "leak", slots, seed=plan.serial)
    return tuple(
        LeakDetectorFact(
            slot=slot,
            state=leaking[slot].word("state") if slot in leaking else "OK",
            critical_reaction="ForceOff",
        )
        for slot in slots
    )


def position(plan: HostPlan) -> PositionFact:
    """What a person typed into the BMC, or what a tray reads from its cable cartridge."""
    if not plan.model.knows_tray:
        return PositionFact(rack=plan.rack, unit=plan.unit)
    index = plan.tray_index
    for fault in planted(plan.faults, "wrong-tray"):
        index = _other_tray(plan, fault)
    units = plan.rack_units or (plan.unit,)
    return PositionFact(tray_index=index, chassis_slot=units[index], topology=TRAY_TOPOLOGY)


def _other_tray(plan: HostPlan, fault: Fault) -> int:
    last = len(plan.rack_units) - 1
    said = fault.word("index")
    if not said:
        return plan.tray_index + 1 if plan.tray_index < last else last - 1
    if not said.isdigit() or int(said) > last:
        raise UnknownFault(
            f"fault 'wrong-tray' on host {fault.host!r} names tray {said!r}",
            hint=f"the trays of rack {plan.rack} are 0 to {last}",
        )
    return int(said)


def trust(plan: HostPlan) -> TrustFact:
    """Secure boot and TPM."""
    fitted = not planted(plan.faults, "no-tpm")
    return TrustFact(
        secure_boot=not planted(plan.faults, "secure-boot-off"),
        tpm=fitted,
        tpm_version=TPM_VERSION if fitted else "",
    )
