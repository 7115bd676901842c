"""Redfish payloads in, `HardwareFacts` out: the one place that knows how BMCs spell hardware.

Payloads are observations by strangers. Keys are missing, null, of another type, or present for an
empty socket; a field that cannot be read becomes its empty value, never an error, because `match`
is what decides whether a host is as it should be. Pure: no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from pods.facts import (
    AcceleratorFact,
    DriveFact,
    HardwareFacts,
    MemoryModuleFact,
    NicFact,
    ProcessorFact,
)
from provisioning.drivers.redfish.answers import Json, items, mapping, number, text
from provisioning.drivers.redfish.links import (
    adapters,
    lldp_neighbours,
    network_ports,
    scale_up_links,
)
from provisioning.drivers.redfish.parts import below, count, flag, is_absent, oem, path, slot, whole
from provisioning.drivers.redfish.surroundings import (
    coolant,
    cooling,
    leak_detectors,
    position,
    power_supplies,
    redundancy,
    trust,
)

T = TypeVar("T")

_BYTES_PER_GIB = 1024**3
_MIB_PER_GIB = 1024
_GPU_MEMORY = "_DRAM_"
"""In the id of memory that belongs to an NVIDIA GPU, also where its type is not told."""
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
    chassis: Sequence[Json] = ()
    power: Json = field(default_factory=dict)
    power_subsystem: Json = field(default_factory=dict)
    power_supplies: Sequence[Json] = ()
    thermal: Json = field(default_factory=dict)
    fans: Sequence[Json] = ()
    pumps: Sequence[Json] = ()
    coolant_connectors: Sequence[Json] = ()
    leak_detection: Json = field(default_factory=dict)
    leak_detectors: Sequence[Json] = ()
    adapters: Sequence[Json] = ()
    ports: Sequence[Json] = ()
    """Of GPUs and adapters alike: whose they are, their paths tell."""
    metrics: Sequence[Json] = ()
    """ProcessorMetrics, MemoryMetrics and EnvironmentMetrics of GPUs."""
    secure_boot: Json = field(default_factory=dict)


def serial_of(system: Json) -> str:
    """The host's serial number. Virtual machines have none: then its UUID is who it is."""
    return text(system.get("SerialNumber")) or text(system.get("UUID")).lower()


def hardware_facts(read: Payloads, *, observed_at: datetime) -> HardwareFacts:
    """Everything in `read`, in the project's words."""
    system = read.system
    processors = _once(read.processors)
    box: Json = read.chassis[0] if read.chassis else {}
    return HardwareFacts(
        observed_at=observed_at,
        source="redfish",
        manufacturer=text(system.get("Manufacturer")),
        model=text(system.get("Model")),
        serial=serial_of(system),
        uuid=text(system.get("UUID")).lower(),
        bmc_firmware=text(read.manager.get("FirmwareVersion")),
        bios_version=text(system.get("BiosVersion")),
        processors=tuple(_processor(found) for found in processors if _is_cpu(found)),
        accelerators=tuple(_accelerator(found, read) for found in processors if _is_gpu(found)),
        memory=tuple(_memory_module(found) for found in read.memory if _is_module(found)),
        drives=tuple(_drive(found) for found in read.drives if not is_absent(found)),
        nics=network_ports([_nic(found) for found in read.nics if _is_port(found)], read.ports),
        firmware=firmware_versions(read.firmware),
        bios=bios_attributes(read.bios),
        chassis_serial=text(box.get("SerialNumber")),
        part_number=text(box.get("PartNumber")) or text(system.get("PartNumber")),
        asset_tag=text(system.get("AssetTag")) or text(box.get("AssetTag")),
        adapters=adapters(read.adapters, read.ports),
        power_supplies=power_supplies(read.power, read.power_supplies),
        power_redundancy=redundancy(read.power, read.power_subsystem),
        cooling=cooling(read.thermal, read.fans, read.pumps),
        coolant=coolant(read.coolant_connectors),
        leak_detectors=leak_detectors(read.leak_detectors, read.leak_detection),
        neighbours=lldp_neighbours(read.ports),
        position=position(read.chassis, processors),
        trust=trust(system, read.secure_boot),
    )


def firmware_versions(members: Iterable[Json]) -> dict[str, str]:
    """Component to version. What is not installed has no version to compare."""
    return {
        component_name(member): text(member.get("Version"))
        for member in members
        if component_name(member) and not is_absent(member)
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


def _once(processors: Iterable[Json]) -> list[Json]:
    """Each processor once: a host and its GPU baseboard may both list the same ones.

    Told by a serial number that two Systems share. Within one System nothing is dropped: there a
    serial that repeats is a BMC's placeholder, not the same part.
    """
    found: dict[tuple[str, str, str], str] = {}
    kept: list[Json] = []
    for processor in processors:
        serial = text(processor.get("SerialNumber"))
        system = path(processor).rpartition("/Processors/")[0]
        key = (text(processor.get("ProcessorType")), serial, text(processor.get("Model")))
        if not serial or found.setdefault(key, system) == system:
            kept.append(processor)
    return kept


def _is_cpu(processor: Json) -> bool:
    # Older schemas leave the type out, and had nothing but CPUs.
    return not is_absent(processor) and text(processor.get("ProcessorType")) in {"CPU", ""}


def _is_gpu(processor: Json) -> bool:
    return not is_absent(processor) and text(processor.get("ProcessorType")) == "GPU"


def _is_module(memory: Json) -> bool:
    # Some BMCs list an empty slot as Enabled with a capacity of 0 or null.
    # The memory of an accelerator is soldered to it, and told with it.
    soldered = text(memory.get("MemoryDeviceType")).startswith(("HBM", "GDDR"))
    capacity = bool(number(memory.get("CapacityMiB")))
    return capacity and not (is_absent(memory) or soldered or _GPU_MEMORY in path(memory))


def _is_port(interface: Json) -> bool:
    """A port that a cable goes into: no VLAN, and not the host's own way to its BMC."""
    inward = mapping(interface.get("Links")).get("HostInterface")
    virtual = text(interface.get("EthernetInterfaceType")) == "Virtual"
    return bool(_mac(interface)) and not (is_absent(interface) or inward or virtual)


def _processor(found: Json) -> ProcessorFact:
    cores = whole(found.get("TotalCores"))
    return ProcessorFact(
        slot=slot(found),
        model=text(found.get("Model")),
        cores=cores,
        threads=whole(found.get("TotalThreads")) or cores,
    )


def _accelerator(found: Json, read: Payloads) -> AcceleratorFact:
    links = scale_up_links(found, read.ports)
    wired = mapping(mapping(found.get("SystemInterface")).get("PCIe"))
    return AcceleratorFact(
        slot=slot(found),
        model=text(found.get("Model")),
        memory_gib=_accelerator_memory_mib(found) // _MIB_PER_GIB,
        serial=text(found.get("SerialNumber")),
        uuid=text(found.get("UUID")).lower(),
        firmware=text(found.get("FirmwareVersion")),
        part_number=text(found.get("PartNumber")),
        link_ports=links.ports,
        links_up=links.up,
        link_gbps=links.gbps,
        pcie_lanes=count(wired.get("LanesInUse")),
        pcie_lanes_max=count(wired.get("MaxLanes")),
        **_health_evidence(found, read.metrics),
    )


def _health_evidence(found: Json, metrics: Iterable[Json]) -> dict[str, Any]:
    """What a GPU's counters say of its past; NVIDIA's additions, in the places they stand in."""
    own = [found, *(one for one in metrics if _measures(one, found))]
    added = [extra for one in own for extra in oem(one)]
    remapping = [*added, *(mapping(one.get("RowRemapping")) for one in added)]
    limits = (mapping(one.get("PowerLimitWatts")) for one in own)
    return {
        "rows_remapped": _told(remapping, "UncorrectableRowRemappingCount", count),
        "remap_pending": _told(remapping, "RowRemappingPending", flag),
        "remap_failed": _told(remapping, "RowRemappingFailed", flag),
        "sram_threshold_exceeded": _told(added, "SRAMECCErrorThresholdExceeded", flag),
        "power_limit_watts": _told(limits, "SetPoint", number),
    }


def _measures(metric: Json, processor: Json) -> bool:
    """Metrics of a GPU hang below it, those of its memory below `Memory/<GPU>_DRAM_0`."""
    memory = f"/Memory/{text(processor.get('Id'))}_DRAM_"
    return bool(below(processor, [metric])) or memory in path(metric)


def _told(holders: Iterable[Json], name: str, read: Callable[[object], T | None]) -> T | None:
    return next((value for one in holders if (value := read(one.get(name))) is not None), None)


def _accelerator_memory_mib(found: Json) -> int:
    total = whole(mapping(found.get("MemorySummary")).get("TotalMemorySizeMiB"))
    parts = (part.get("CapacityMiB") for part in items(found.get("ProcessorMemory")))
    return total or sum(whole(part) for part in parts)


def _memory_module(found: Json) -> MemoryModuleFact:
    return MemoryModuleFact(
        slot=text(found.get("DeviceLocator")) or slot(found),
        capacity_gib=whole(found.get("CapacityMiB")) // _MIB_PER_GIB,
        part_number=text(found.get("PartNumber")),
        serial=text(found.get("SerialNumber")),
        error_correction=text(found.get("ErrorCorrection")),
    )


def _drive(found: Json) -> DriveFact:
    return DriveFact(
        slot=slot(found),
        model=text(found.get("Model")),
        capacity_gib=round((number(found.get("CapacityBytes")) or 0) / _BYTES_PER_GIB),
        serial=text(found.get("SerialNumber")),
        protocol=text(found.get("Protocol")),
        life_left_percent=number(found.get("PredictedMediaLifeLeftPercent")),
        failure_predicted=flag(found.get("FailurePredicted")),
    )


def _nic(found: Json) -> NicFact:
    speed_mbps = number(found.get("SpeedMbps"))
    link_status = text(found.get("LinkStatus"))
    return NicFact(
        slot=slot(found),
        mac=_mac(found),
        speed_gbps=round(speed_mbps / 1000) if speed_mbps else None,
        link_up=link_status == "LinkUp" if link_status else None,
    )


def _mac(found: Json) -> str:
    """The burnt-in address where there is one: the other can be changed by the host."""
    said = text(found.get("PermanentMACAddress")) or text(found.get("MACAddress"))
    return said.lower().replace("-", ":")
