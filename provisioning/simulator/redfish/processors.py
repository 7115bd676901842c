"""Processors, accelerators with their links and counters, and the memory of both.

Where a model has a baseboard, its accelerators stand there, and so do on trays the processors. The
memory that is soldered to an accelerator is listed among the memory modules, as NVIDIA's BMCs do:
a client that counts members counts wrong.
"""

from __future__ import annotations

from functools import partial
from math import isfinite

from pods.facts import AcceleratorFact, MemoryModuleFact, ProcessorFact
from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.redfish.resource import (
    ABSENT,
    ENABLED,
    Body,
    Builders,
    collection,
    link,
    located,
    resource,
)

PROTOCOLS = {"nvlink": "NVLink"}
"""Others, as xGMI, have no name in the standard: `OEM`."""
TYPE = "Processor.v1_20_1.Processor"
PORT_TYPE = "Port.v1_14_0.Port"
MIB_PER_GIB = 1024


def fixed(bmc: SimulatedBmc) -> Builders:
    """Everything below Processors and Memory of every System."""
    paths, parts = bmc.paths, bmc.parts
    sockets = {f"{paths.processors}/Processors/{part.slot}": part for part in parts.processors}
    fitted = {part.slot: part for part in parts.accelerators}
    found: Builders = {path: partial(_cpu, path, part) for path, part in sockets.items()}
    for slot in parts.accelerator_slots:
        path = f"{paths.holder}/Processors/{slot}"
        found |= _accelerator(bmc, path, slot, fitted.get(slot))
    found |= _memory(bmc)
    for system in dict.fromkeys((paths.processors, paths.holder)):
        found |= _collections(system, tuple(found))
    return found


def _collections(system: str, paths: tuple[str, ...]) -> Builders:
    found: Builders = {}
    for name, kind in (("Processors", "ProcessorCollection"), ("Memory", "MemoryCollection")):
        path = f"{system}/{name}"
        members = [one for one in paths if one.rpartition("/")[0] == path]
        found[path] = partial(collection, path, kind, name=name, members=members)
    return found


def _cpu(path: str, part: ProcessorFact) -> Body:
    return resource(
        path,
        TYPE,
        name=part.slot,
        ProcessorType="CPU",
        Socket=part.slot,
        Model=part.model,
        TotalCores=part.cores,
        TotalThreads=part.threads,
        Location=located(part.slot, "Socket"),
        Status=ENABLED,
    )


def _accelerator(bmc: SimulatedBmc, path: str, slot: str, part: AcceleratorFact | None) -> Builders:
    if part is None:
        return {
            path: partial(
                resource,
                path,
                TYPE,
                name=slot,
                ProcessorType="GPU",
                Location=located(slot, "Slot"),
                Status=ABSENT,
            )
        }
    found: Builders = {
        path: partial(_gpu, bmc, path, part),
        f"{path}/ProcessorMetrics": partial(_processor_metrics, bmc, path, part),
        f"{path}/EnvironmentMetrics": partial(_gpu_environment, path, part),
        **_ports(bmc, path, part),
    }
    if bmc.paths.baseboard:
        memory = f"{bmc.paths.baseboard}/Memory/{slot}_DRAM_0"
        found[memory] = partial(_accelerator_memory, bmc, memory, part)
        found[f"{memory}/MemoryMetrics"] = partial(_memory_metrics, bmc, memory, part)
    return found


def _gpu(bmc: SimulatedBmc, path: str, part: AcceleratorFact) -> Body:
    capacity_mib = part.memory_gib * MIB_PER_GIB
    summary: Body = {"TotalMemorySizeMiB": capacity_mib}
    if bmc.paths.baseboard:
        memory = f"{bmc.paths.baseboard}/Memory/{part.slot}_DRAM_0"
        summary["Metrics"] = link(f"{memory}/MemoryMetrics")
    return resource(
        path,
        TYPE,
        name=part.slot,
        ProcessorType="GPU",
        Model=part.model,
        SerialNumber=bmc.serial(part),
        UUID=part.uuid,
        FirmwareVersion=bmc.version(bmc.model.accelerator_firmware.format(part.slot)),
        MemorySummary=summary,
        ProcessorMemory=[
            {"MemoryType": "HBM3", "IntegratedMemory": True, "CapacityMiB": capacity_mib}
        ],
        SystemInterface={"InterfaceType": "PCIe", "PCIe": pcie(part, powered=bmc.on)},
        Metrics=link(f"{path}/ProcessorMetrics"),
        EnvironmentMetrics=link(f"{path}/EnvironmentMetrics"),
        **({"Ports": link(f"{path}/Ports")} if part.link_ports else {}),
        Location=located(part.slot, "Slot"),
        Status=ENABLED,
    )


def pcie(part: AcceleratorFact, *, powered: bool) -> Body:
    """A part's way to the host: what it has, and while the host is on what it uses."""
    wired: Body = {"MaxPCIeType": "Gen5", "MaxLanes": part.pcie_lanes_max}
    return wired | ({"PCIeType": "Gen5", "LanesInUse": part.pcie_lanes} if powered else {})


def _processor_metrics(bmc: SimulatedBmc, path: str, part: AcceleratorFact) -> Body:
    body = resource(
        f"{path}/ProcessorMetrics",
        "ProcessorMetrics.v1_6_1.ProcessorMetrics",
        name=f"{part.slot} Metrics",
        PCIeErrors={"CorrectableErrorCount": _errors(bmc), "FatalErrorCount": 0},
    )
    return body | _added(
        bmc,
        "#NvidiaProcessorMetrics.v1_4_0.NvidiaGPUProcessorMetrics",
        SRAMECCErrorThresholdExceeded=bool(part.sram_threshold_exceeded),
        ThrottleReasons=[],
    )


def _errors(bmc: SimulatedBmc) -> int:
    """What counters of errors say now."""
    counting = bmc.host.faults.planted("counts-errors")
    if counting is None:
        return 0
    minutes = max(0.0, bmc.host.faults.begun_s(counting) or 0.0) / 60
    said, most = minutes * counting.number("minute"), counting.number("most")
    return int(said % most if isfinite(most) else said)


def _gpu_environment(path: str, part: AcceleratorFact) -> Body:
    limit = part.power_limit_watts
    return resource(
        f"{path}/EnvironmentMetrics",
        "EnvironmentMetrics.v1_3_2.EnvironmentMetrics",
        name=f"{part.slot} Environment Metrics",
        **({"PowerLimitWatts": {"SetPoint": limit, "ControlMode": "Automatic"}} if limit else {}),
    )


def _ports(bmc: SimulatedBmc, path: str, part: AcceleratorFact) -> Builders:
    if not part.link_ports:
        return {}
    names = [bmc.model.port.format(n) for n in range(part.link_ports)]
    listed = f"{path}/Ports"
    return {
        listed: partial(collection, listed, "PortCollection", name="Ports", members=names),
        **{
            f"{listed}/{name}": partial(_port, bmc, f"{listed}/{name}", part, index)
            for index, name in enumerate(names)
        },
        **_port_metrics(bmc, [f"{listed}/{name}" for name in names]),
    }


def _port_metrics(bmc: SimulatedBmc, ports: list[str]) -> Builders:
    """Where links count: hundreds of resources more, so only where they have something to say."""
    if not _counts(bmc):
        return {}
    return {f"{port}/Metrics": partial(_port_counters, bmc, f"{port}/Metrics") for port in ports}


def _port_counters(bmc: SimulatedBmc, path: str) -> Body:
    body = resource(
        path, "PortMetrics.v1_6_1.PortMetrics", name="Port Metrics", RXErrors=0, TXErrors=0
    )
    return body | _added(
        bmc,
        "#NvidiaPortMetrics.v1_4_0.NvidiaNVLinkPortMetrics",
        LinkErrorRecoveryCount=_errors(bmc),
        LinkDownedCount=0,
    )


def _counts(bmc: SimulatedBmc) -> bool:
    return any(fault.kind == "counts-errors" for fault in bmc.host.faults.faults)


def _port(bmc: SimulatedBmc, path: str, part: AcceleratorFact, index: int) -> Body:
    """The last links are the lost ones; the first one is the slow one."""
    kind = bmc.host.plan.host_type.accelerators
    full = (kind.link_gigabytes_per_s or 0) * 8 if kind else 0
    up = bmc.on and index < (part.links_up or 0)
    speed = (part.link_gbps if index == 0 else full) if up else None
    return resource(
        path,
        PORT_TYPE,
        name=path.rpartition("/")[2],
        PortProtocol=PROTOCOLS.get(kind.link_kind or "", "OEM") if kind else "OEM",
        PortType="BidirectionalPort",
        LinkStatus="LinkUp" if up else "LinkDown",
        LinkState="Enabled",
        **({"Metrics": link(f"{path}/Metrics")} if _counts(bmc) else {}),
        **({"MaxSpeedGbps": full} if full else {}),
        **({"CurrentSpeedGbps": speed} if speed else {}),
        Status={"State": "Enabled", "Health": "OK"},
    )


def _memory(bmc: SimulatedBmc) -> Builders:
    path = f"{bmc.paths.processors}/Memory"
    populated = {part.slot: part for part in bmc.parts.memory}
    return {
        f"{path}/{slot}": partial(_module, f"{path}/{slot}", slot, populated.get(slot))
        for slot in bmc.parts.memory_slots
    }


def _module(path: str, slot: str, part: MemoryModuleFact | None) -> Body:
    kind = "Memory.v1_21_0.Memory"
    if part is None:
        # Real BMCs list their empty slots; a client that counts members counts wrong.
        return resource(path, kind, name=slot, Location=located(slot, "Slot"), Status=ABSENT)
    return resource(
        path,
        kind,
        name=slot,
        MemoryType="DRAM",
        MemoryDeviceType="DDR5",
        CapacityMiB=part.capacity_gib * MIB_PER_GIB,
        ErrorCorrection=part.error_correction,
        PartNumber=part.part_number,
        SerialNumber=part.serial,
        Location=located(slot, "Slot"),
        Status=ENABLED,
    )


def _accelerator_memory(bmc: SimulatedBmc, path: str, part: AcceleratorFact) -> Body:
    body = resource(
        path,
        "Memory.v1_21_0.Memory",
        name=path.rpartition("/")[2],
        MemoryType="DRAM",
        MemoryDeviceType="HBM3",
        CapacityMiB=part.memory_gib * MIB_PER_GIB,
        ErrorCorrection="MultiBitECC",
        Metrics=link(f"{path}/MemoryMetrics"),
        Location=located(part.slot, "Embedded"),
        Status=ENABLED,
    )
    return body | _added(
        bmc,
        "#NvidiaMemory.v1_1_0.NvidiaMemory",
        RowRemappingPending=bool(part.remap_pending),
        RowRemappingFailed=bool(part.remap_failed),
    )


def _memory_metrics(bmc: SimulatedBmc, memory: str, part: AcceleratorFact) -> Body:
    body = resource(
        f"{memory}/MemoryMetrics",
        "MemoryMetrics.v1_7_2.MemoryMetrics",
        name=f"{part.slot} Memory Metrics",
        LifeTime={"CorrectableECCErrorCount": _errors(bmc), "UncorrectableECCErrorCount": 0},
    )
    return body | _added(
        bmc,
        "#NvidiaMemoryMetrics.v1_2_0.NvidiaMemoryMetrics",
        RowRemapping={
            "CorrectableRowRemappingCount": 0,
            "UncorrectableRowRemappingCount": part.rows_remapped or 0,
        },
    )


def _added(bmc: SimulatedBmc, kind: str, **properties: object) -> Body:
    """What a maker adds to a resource; nothing for one that adds nothing."""
    vendor = bmc.model.vendor
    return {"Oem": {vendor: {"@odata.type": kind, **properties}}} if vendor else {}
