"""The resources of the host itself: the ComputerSystem and the parts it is built of."""

from __future__ import annotations

from collections.abc import Callable

from pods.facts import (
    AcceleratorFact,
    DriveFact,
    MemoryModuleFact,
    NicFact,
    ProcessorFact,
)
from provisioning.simulator import hardware
from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.host import BOOT_ENABLED, BOOT_TARGETS, RESET_TYPES
from provisioning.simulator.redfish.resource import (
    ABSENT,
    CHASSIS,
    ENABLED,
    GIB,
    MANAGER,
    ROOT,
    SYSTEM,
    Body,
    collection,
    link,
    links,
    resource,
)

STORAGE = f"{SYSTEM}/Storage/1"
MEDIA_COLLECTION = f"{SYSTEM}/VirtualMedia"


def fixed(bmc: SimulatedBmc) -> dict[str, Callable[[], Body]]:
    """Path to builder, for every resource below Systems."""
    return {
        f"{ROOT}/Systems": lambda: collection(
            f"{ROOT}/Systems", "ComputerSystemCollection", name="Systems", members=["1"]
        ),
        SYSTEM: lambda: computer_system(bmc),
        f"{SYSTEM}/Bios": lambda: bios(bmc),
        f"{SYSTEM}/Bios/Settings": lambda: bios_settings(bmc),
        **_processors(bmc),
        **_memory(bmc),
        **_storage(bmc),
        **_interfaces(bmc),
    }


def computer_system(bmc: SimulatedBmc) -> Body:
    """The host: who it is, whether it is on, what it boots."""
    plan, state = bmc.host.plan, bmc.host.state
    memory_gib = sum(module.capacity_gib for module in hardware.memory_modules(plan))
    sockets = hardware.processors(plan)
    return resource(
        SYSTEM,
        "ComputerSystem.v1_22_0.ComputerSystem",
        name=plan.name,
        SystemType="Physical",
        Manufacturer=plan.host_type.manufacturer,
        Model=plan.host_type.model,
        SerialNumber=plan.reported_serial,
        UUID=plan.uuid,
        HostName=plan.name,
        AssetTag=state.asset_tag,
        BiosVersion=state.firmware["BIOS"],
        PowerState=bmc.host.power,
        Status=ENABLED if state.power == "On" else {"State": "StandbyOffline", "Health": "OK"},
        BootProgress={"LastState": bmc.host.boot_progress},
        Boot={
            "BootSourceOverrideTarget": state.boot_target,
            "BootSourceOverrideTarget@Redfish.AllowableValues": list(BOOT_TARGETS),
            "BootSourceOverrideEnabled": state.boot_enabled,
            "BootSourceOverrideEnabled@Redfish.AllowableValues": list(BOOT_ENABLED),
            "BootSourceOverrideMode": "UEFI",
            "BootSourceOverrideMode@Redfish.AllowableValues": ["UEFI"],
        },
        ProcessorSummary={
            "Count": len(sockets),
            "CoreCount": sum(socket.cores for socket in sockets),
            "Model": plan.host_type.processors.model,
        },
        MemorySummary={"TotalSystemMemoryGiB": memory_gib},
        Bios=link(f"{SYSTEM}/Bios"),
        Processors=link(f"{SYSTEM}/Processors"),
        Memory=link(f"{SYSTEM}/Memory"),
        Storage=link(f"{SYSTEM}/Storage"),
        EthernetInterfaces=link(f"{SYSTEM}/EthernetInterfaces"),
        Links={"Chassis": links([CHASSIS]), "ManagedBy": links([MANAGER])},
        Actions={
            "#ComputerSystem.Reset": {
                "target": f"{SYSTEM}/Actions/ComputerSystem.Reset",
                "ResetType@Redfish.AllowableValues": list(RESET_TYPES),
            }
        },
    )


def bios(bmc: SimulatedBmc) -> Body:
    """Settings in force."""
    return resource(
        f"{SYSTEM}/Bios",
        "Bios.v1_2_1.Bios",
        name="BIOS Configuration",
        Attributes=dict(bmc.host.state.bios),
        **{
            "@Redfish.Settings": {
                "@odata.type": "#Settings.v1_3_5.Settings",
                "SettingsObject": link(f"{SYSTEM}/Bios/Settings"),
                "SupportedApplyTimes": ["OnReset"],
            }
        },
    )


def bios_settings(bmc: SimulatedBmc) -> Body:
    """Settings that the next power-on applies."""
    return resource(
        f"{SYSTEM}/Bios/Settings",
        "Bios.v1_2_1.Bios",
        name="BIOS Configuration Pending Settings",
        Attributes=dict(bmc.host.state.bios_pending),
    )


def _processors(bmc: SimulatedBmc) -> dict[str, Callable[[], Body]]:
    path = f"{SYSTEM}/Processors"
    sockets = hardware.processors(bmc.host.plan)
    gpus = hardware.accelerators(bmc.host.plan)
    names = [*(part.slot for part in sockets), *(part.slot for part in gpus)]
    return {
        path: lambda: collection(path, "ProcessorCollection", name="Processors", members=names),
        **{f"{path}/{part.slot}": _cpu_builder(f"{path}/{part.slot}", part) for part in sockets},
        **{f"{path}/{part.slot}": _gpu_builder(f"{path}/{part.slot}", part) for part in gpus},
    }


def _cpu_builder(path: str, part: ProcessorFact) -> Callable[[], Body]:
    return lambda: resource(
        path,
        "Processor.v1_20_1.Processor",
        name=part.slot,
        ProcessorType="CPU",
        Socket=part.slot,
        Model=part.model,
        TotalCores=part.cores,
        TotalThreads=part.threads,
        Location=_location(part.slot, "Socket"),
        Status=ENABLED,
    )


def _gpu_builder(path: str, part: AcceleratorFact) -> Callable[[], Body]:
    return lambda: resource(
        path,
        "Processor.v1_20_1.Processor",
        name=part.slot,
        ProcessorType="GPU",
        Model=part.model,
        SerialNumber=part.serial,
        UUID=part.uuid,
        FirmwareVersion=part.firmware,
        MemorySummary={"TotalMemorySizeMiB": part.memory_gib * 1024},
        ProcessorMemory=[
            {"MemoryType": "HBM3", "IntegratedMemory": True, "CapacityMiB": part.memory_gib * 1024}
        ],
        Location=_location(part.slot, "Slot"),
        Status=ENABLED,
    )


def _location(slot: str, kind: str) -> Body:
    return {"PartLocation": {"ServiceLabel": slot, "LocationType": kind}}


def _memory(bmc: SimulatedBmc) -> dict[str, Callable[[], Body]]:
    path = f"{SYSTEM}/Memory"
    populated = {part.slot: part for part in hardware.memory_modules(bmc.host.plan)}
    names = [f"DIMM{n}" for n in range(bmc.host.plan.host_type.memory.modules)]
    return {
        path: lambda: collection(path, "MemoryCollection", name="Memory", members=names),
        **{
            f"{path}/{name}": _memory_builder(f"{path}/{name}", name, populated.get(name))
            for name in names
        },
    }


def _memory_builder(path: str, slot: str, part: MemoryModuleFact | None) -> Callable[[], Body]:
    kind = "Memory.v1_21_0.Memory"
    if part is None:
        # Real BMCs list their empty slots; a client that counts members counts wrong.
        return lambda: resource(
            path, kind, name=slot, Location=_location(slot, "Slot"), Status=ABSENT
        )
    return lambda: resource(
        path,
        kind,
        name=slot,
        MemoryType="DRAM",
        MemoryDeviceType="DDR5",
        CapacityMiB=part.capacity_gib * 1024,
        PartNumber=part.part_number,
        SerialNumber=part.serial,
        Location=_location(slot, "Slot"),
        Status=ENABLED,
    )


def _storage(bmc: SimulatedBmc) -> dict[str, Callable[[], Body]]:
    path = f"{SYSTEM}/Storage"
    found = hardware.drives(bmc.host.plan)
    return {
        path: lambda: collection(path, "StorageCollection", name="Storage", members=["1"]),
        STORAGE: lambda: resource(
            STORAGE,
            "Storage.v1_17_0.Storage",
            name="Local Storage",
            Status=ENABLED,
            Drives=links(f"{STORAGE}/Drives/{drive.slot}" for drive in found),
            **{"Drives@odata.count": len(found)},
        ),
        **{
            f"{STORAGE}/Drives/{drive.slot}": _drive_builder(
                f"{STORAGE}/Drives/{drive.slot}", drive
            )
            for drive in found
        },
    }


def _drive_builder(path: str, drive: DriveFact) -> Callable[[], Body]:
    return lambda: resource(
        path,
        "Drive.v1_20_1.Drive",
        name=drive.slot,
        Model=drive.model,
        SerialNumber=drive.serial,
        CapacityBytes=drive.capacity_gib * GIB,
        Protocol=drive.protocol,
        MediaType="SSD",
        PhysicalLocation=_location(drive.slot, "Bay"),
        Status=ENABLED,
    )


def _interfaces(bmc: SimulatedBmc) -> dict[str, Callable[[], Body]]:
    path = f"{SYSTEM}/EthernetInterfaces"
    plan = bmc.host.plan
    names = [nic.slot for nic in hardware.nics(plan, powered=False)]

    def builder(index: int) -> Callable[[], Body]:
        def interface() -> Body:
            nic = hardware.nics(plan, powered=bmc.host.state.power == "On")[index]
            return _interface(f"{path}/{nic.slot}", nic)

        return interface

    return {
        path: lambda: collection(
            path, "EthernetInterfaceCollection", name="Ethernet Interfaces", members=names
        ),
        **{f"{path}/{name}": builder(index) for index, name in enumerate(names)},
    }


def _interface(path: str, nic: NicFact) -> Body:
    return resource(
        path,
        "EthernetInterface.v1_12_2.EthernetInterface",
        name=nic.slot,
        MACAddress=nic.mac,
        PermanentMACAddress=nic.mac,
        SpeedMbps=(nic.speed_gbps or 0) * 1000,
        LinkStatus="LinkUp" if nic.link_up else "LinkDown",
        InterfaceEnabled=True,
        Status=ENABLED,
    )
