"""What stands around the processor board: supplies, cooling, leak detectors, position, trust.

Two generations of schema tell it: `Power` and `Thermal`, whole in one reply, and `PowerSubsystem`
and `ThermalSubsystem`, a resource for each part. Services in the field have either or both; where
both name the same parts, the older reply wins, because it came in one read. Pure: no I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from pods.facts import (
    CoolantConnectorFact,
    CoolingPartFact,
    LeakDetectorFact,
    PositionFact,
    PowerSupplyFact,
    TrustFact,
)
from provisioning.drivers.redfish.answers import Json, items, mapping, number, text
from provisioning.drivers.redfish.parts import count, flag, health, is_absent, oem, slot

_NOMINAL = re.compile(r"[AD]C(\d{2,3})(?:To(\d{2,3}))?V")
"""AC200To240V, AC230V."""


def power_supplies(power: Json, members: Sequence[Json]) -> tuple[PowerSupplyFact, ...]:
    """Every supply that is fitted, of `Power` or of `PowerSubsystem/PowerSupplies`."""
    listed = items(power.get("PowerSupplies")) or members
    return tuple(_power_supply(one) for one in listed if not is_absent(one))


def cooling(
    thermal: Json, fans: Sequence[Json], pumps: Sequence[Json]
) -> tuple[CoolingPartFact, ...]:
    """Every fan and pump that is fitted."""
    blowing = items(thermal.get("Fans")) or fans
    return (
        *(
            CoolingPartFact(slot=_named(one), kind="fan", health=health(one))
            for one in blowing
            if not is_absent(one)
        ),
        *(
            CoolingPartFact(slot=_named(one), kind="pump", health=health(one))
            for one in pumps
            if not is_absent(one)
        ),
    )


def coolant(connectors: Iterable[Json]) -> tuple[CoolantConnectorFact, ...]:
    """Every coolant connector with its flow."""
    return tuple(
        CoolantConnectorFact(
            slot=slot(one),
            rated_flow_lpm=number(one.get("RatedFlowLitersPerMinute")),
            flow_lpm=_reading(one, "FlowLitersPerMinute"),
            supply_celsius=_reading(one, "SupplyTemperatureCelsius"),
            return_celsius=_reading(one, "ReturnTemperatureCelsius"),
        )
        for one in connectors
        if not is_absent(one)
    )


def leak_detectors(members: Iterable[Json], leak_detection: Json) -> tuple[LeakDetectorFact, ...]:
    """Every detector: its own resource, or the line of a group that stands for it."""
    listed = list(members) or [
        detector
        for group in items(leak_detection.get("LeakDetectorGroups"))
        for detector in items(group.get("Detectors"))
    ]
    return tuple(
        LeakDetectorFact(
            slot=slot(one) or text(one.get("DeviceName")),
            state=text(one.get("DetectorState")) or health(one),
            critical_reaction=text(one.get("CriticalReactionType")),
        )
        for one in listed
        if not is_absent(one)
    )


def position(chassis: Sequence[Json], processors: Sequence[Json]) -> PositionFact:
    """Where the box stands, as a person entered it or as its tray knows by itself."""
    places = [mapping(mapping(one.get("Location")).get("Placement")) for one in chassis]
    own = [*_vendor_places(chassis), *_vendor_places(processors)]
    return PositionFact(
        rack=next(filter(None, (text(place.get("Rack")) for place in places)), ""),
        unit=_first(place.get("RackOffset") for place in places),
        tray_index=_first(place.get("ComputeTrayIndex") for place in own),
        chassis_slot=_first(
            place.get(name)
            for place in own
            for name in ("ChassisPhysicalSlotNumber", "TraySlotIndex")
        ),
        topology=next(filter(None, (_label(place.get("TopologyId")) for place in own)), ""),
    )


def trust(system: Json, secure_boot: Json) -> TrustFact:
    """Secure boot as it is in force, and the TPM."""
    modules = system.get("TrustedModules")
    fitted = [one for one in items(modules) if not is_absent(one)]
    enabled = [one for one in fitted if _state(one) in {"Enabled", ""}]
    in_force = {"Enabled": True, "Disabled": False}.get(
        text(secure_boot.get("SecureBootCurrentBoot"))
    )
    return TrustFact(
        secure_boot=in_force if in_force is not None else flag(secure_boot.get("SecureBootEnable")),
        tpm=bool(enabled) if isinstance(modules, list) else None,
        tpm_version=next(filter(None, (text(one.get("InterfaceType")) for one in enabled)), ""),
    )


def redundancy(power: Json, subsystem: Json) -> str:
    """`4+2`, as supplies are set to stand in for each other; nothing where it is not told."""
    groups = items(power.get("Redundancy")) + items(subsystem.get("PowerSupplyRedundancy"))
    for group in groups:
        needed = count(group.get("MinNumNeeded")) or count(group.get("MinNeededInGroup"))
        fitted = count(group.get("MaxNumSupported")) or count(group.get("MaxSupportedInGroup"))
        if needed and fitted and fitted > needed:
            return f"{needed}+{fitted - needed}"
    return ""


def _power_supply(found: Json) -> PowerSupplyFact:
    ranges = [number(one.get("CapacityWatts")) for one in items(found.get("InputRanges"))]
    ranges += [number(one.get("OutputWattage")) for one in items(found.get("InputRanges"))]
    capacity = number(found.get("PowerCapacityWatts"))
    lowest, highest = _input_volts(items(found.get("InputRanges")))
    return PowerSupplyFact(
        slot=_named(found),
        model=text(found.get("Model")),
        serial=text(found.get("SerialNumber")),
        capacity_watts=capacity or max((one for one in ranges if one), default=None),
        firmware=text(found.get("FirmwareVersion")),
        input_volts_min=lowest,
        input_volts_max=highest,
        input_status=text(found.get("LineInputStatus")) or _input_status(found),
        health=health(found),
    )


def _input_status(found: Json) -> str:
    """The older schema tells no state of the input, but its voltage."""
    volts = number(found.get("LineInputVoltage"))
    return "" if volts is None else "Normal" if volts else "LossOfInput"


def _input_volts(ranges: Sequence[Json]) -> tuple[float | None, float | None]:
    """The range in which it gives the most: some give less on a lower voltage."""
    best = max(
        ranges,
        key=lambda one: number(one.get("OutputWattage")) or number(one.get("CapacityWatts")) or 0,
        default={},
    )
    named = _NOMINAL.fullmatch(text(best.get("NominalVoltageType")))
    low, high = (float(named[1]), float(named[2] or named[1])) if named else (None, None)
    return number(best.get("MinimumVoltage")) or low, number(best.get("MaximumVoltage")) or high


def _named(found: Json) -> str:
    """Entries of `Power` and `Thermal` have a MemberId, which is no name for a person."""
    older = text(found.get("Name")) or text(found.get("FanName")) or text(found.get("MemberId"))
    return older if "MemberId" in found else slot(found)


def _reading(found: Json, name: str) -> float | None:
    """A number, or the excerpt of a sensor that newer schemas put in its place."""
    said = number(found.get(name))
    return said if said is not None else number(mapping(found.get(name)).get("Reading"))


def _state(found: Json) -> str:
    return text(mapping(found.get("Status")).get("State"))


def _vendor_places(resources: Iterable[Json]) -> Iterator[Json]:
    """NVIDIA puts a tray's place into the chassis of its cable cartridges, and into its GPUs."""
    for resource in resources:
        for added in oem(resource):
            yield added
            yield mapping(added.get("MNNVLinkTopology"))


def _first(values: Iterable[object]) -> int | None:
    return next((found for found in map(count, values) if found is not None), None)


def _label(value: object) -> str:
    found = count(value)
    return text(value) or ("" if found is None else str(found))
