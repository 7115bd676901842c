"""Redfish payloads in, `HardwareFacts` out: the one place that knows how BMCs spell hardware.

Payloads are observations by strangers. Keys are missing, null, of another type, or present for an
empty socket; a field that cannot be read becomes its empty value, never an error, because `match`
is what decides whether a host is as it should be. Pure: no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pods.facts import (
    AcceleratorFact,
    DriveFact,
    HardwareFacts,
    MemoryModuleFact,
    NicFact,
    ProcessorFact,
)
from provisioning.drivers.redfish.answers import Json, items, mapping, number, text

_BYTES_PER_GIB = 1024**3
_MIB_PER_GIB = 1024
_MAX_ATTRIBUTES = 4096
"""About 1,500 on the largest BIOS seen."""

BiosValue = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Payloads:
    """What was read of one host, as it came."""

    system: Json
    manager: Json = field(default_factory=dict)
    bios: Json = field(default_factory=dict)
    processors: Sequence[Json] = ()
    memory: Sequence[Json] = ()
    drives: Sequence[Json] = ()
    nics: Sequence[Json] = ()
    firmware: Sequence[Json] = ()


def hardware_facts(read: Payloads, *, observed_at: datetime) -> HardwareFacts:
    """Everything in `read`, in the project's words."""
    system = read.system
    return HardwareFacts(
        observed_at=observed_at,
        source="redfish",
        manufacturer=text(system.get("Manufacturer")),
        model=text(system.get("Model")),
        serial=text(system.get("SerialNumber")),
        uuid=text(system.get("UUID")).lower(),
        bmc_firmware=text(read.manager.get("FirmwareVersion")),
        bios_version=text(system.get("BiosVersion")),
        processors=tuple(_processor(found) for found in read.processors if _is_cpu(found)),
        accelerators=tuple(_accelerator(found) for found in read.processors if _is_gpu(found)),
        memory=tuple(_memory_module(found) for found in read.memory if _is_module(found)),
        drives=tuple(_drive(found) for found in read.drives if not _is_absent(found)),
        nics=tuple(_nic(found) for found in read.nics if _mac(found) and not _is_absent(found)),
        firmware=firmware_versions(read.firmware),
        bios=bios_attributes(read.bios),
    )


def firmware_versions(members: Iterable[Json]) -> dict[str, str]:
    """Component to version. What is not installed has no version to compare."""
    return {
        component_name(member): text(member.get("Version"))
        for member in members
        if component_name(member) and not _is_absent(member)
    }


def component_name(member: Json) -> str:
    """The Id, which is unique in its collection; Name where a BMC leaves Id out."""
    return text(member.get("Id")) or text(member.get("Name"))


def bios_attributes(bios: Json) -> dict[str, BiosValue]:
    """Attributes whose values are of the four kinds that Redfish allows."""
    found: dict[str, BiosValue] = {}
    for name, value in list(mapping(bios.get("Attributes")).items())[:_MAX_ATTRIBUTES]:
        if isinstance(value, float) and value.is_integer():
            found[text(name)] = int(value)
        elif value is None or isinstance(value, (bool, int)):
            found[text(name)] = value
        elif isinstance(value, str):
            found[text(name)] = text(value)
    return found


def simple_storage_drives(members: Iterable[Json]) -> list[Json]:
    """Devices of the older SimpleStorage schema, shaped like Drives."""
    return [
        {**device, "Id": f"{text(member.get('Id'))}/{index}"}
        for member in members
        for index, device in enumerate(items(member.get("Devices")))
        if number(device.get("CapacityBytes"))
    ]


def _is_absent(resource: Json) -> bool:
    return text(mapping(resource.get("Status")).get("State")) == "Absent"


def _is_cpu(processor: Json) -> bool:
    # Older schemas leave the type out, and had nothing but CPUs.
    return not _is_absent(processor) and text(processor.get("ProcessorType")) in {"CPU", ""}


def _is_gpu(processor: Json) -> bool:
    return not _is_absent(processor) and text(processor.get("ProcessorType")) == "GPU"


def _is_module(memory: Json) -> bool:
    # Some BMCs list an empty slot as Enabled with a capacity of 0 or null.
    return not _is_absent(memory) and bool(number(memory.get("CapacityMiB")))


def _processor(found: Json) -> ProcessorFact:
    cores = _whole(found.get("TotalCores"))
    return ProcessorFact(
        slot=_slot(found),
        model=text(found.get("Model")),
        cores=cores,
        threads=_whole(found.get("TotalThreads")) or cores,
    )


def _accelerator(found: Json) -> AcceleratorFact:
    return AcceleratorFact(
        slot=_slot(found),
        model=text(found.get("Model")),
        memory_gib=_accelerator_memory_mib(found) // _MIB_PER_GIB,
        serial=text(found.get("SerialNumber")),
        uuid=text(found.get("UUID")).lower(),
        firmware=text(found.get("FirmwareVersion")),
    )


def _accelerator_memory_mib(found: Json) -> int:
    total = _whole(mapping(found.get("MemorySummary")).get("TotalMemorySizeMiB"))
    parts = (part.get("CapacityMiB") for part in items(found.get("ProcessorMemory")))
    return total or sum(_whole(part) for part in parts)


def _memory_module(found: Json) -> MemoryModuleFact:
    return MemoryModuleFact(
        slot=text(found.get("DeviceLocator")) or _slot(found),
        capacity_gib=_whole(found.get("CapacityMiB")) // _MIB_PER_GIB,
        part_number=text(found.get("PartNumber")),
        serial=text(found.get("SerialNumber")),
    )


def _drive(found: Json) -> DriveFact:
    return DriveFact(
        slot=_slot(found),
        model=text(found.get("Model")),
        capacity_gib=round((number(found.get("CapacityBytes")) or 0) / _BYTES_PER_GIB),
        serial=text(found.get("SerialNumber")),
        protocol=text(found.get("Protocol")),
    )


def _nic(found: Json) -> NicFact:
    speed_mbps = number(found.get("SpeedMbps"))
    link_status = text(found.get("LinkStatus"))
    return NicFact(
        slot=_slot(found),
        mac=_mac(found),
        speed_gbps=round(speed_mbps / 1000) if speed_mbps else None,
        link_up=link_status == "LinkUp" if link_status else None,
    )


def _mac(found: Json) -> str:
    """The burnt-in address where there is one: the other can be changed by the host."""
    said = text(found.get("PermanentMACAddress")) or text(found.get("MACAddress"))
    return said.lower().replace("-", ":")


def _slot(found: Json) -> str:
    """What is printed beside the slot, else the resource's own id."""
    locations = [mapping(found.get("Location"))]
    locations += items(found.get("PhysicalLocation"))
    locations.append(mapping(found.get("PhysicalLocation")))
    labels = (mapping(place.get("PartLocation")).get("ServiceLabel") for place in locations)
    printed = next(filter(None, map(text, labels)), "")
    return printed or text(found.get("Id")) or text(found.get("Name"))


def _whole(value: object) -> int:
    found = number(value)
    return int(found) if found and found > 0 else 0
