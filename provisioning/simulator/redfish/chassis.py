"""The boxes of a host: its own with power readings, and those of its parts and cartridges."""

from __future__ import annotations

from functools import partial

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.hardware import part_serial
from provisioning.simulator.redfish import limiting, sensing, telemetry, thermal
from provisioning.simulator.redfish.resource import (
    ENABLED,
    ROOT,
    Body,
    Builders,
    collection,
    link,
    links,
    resource,
)

TYPE = "Chassis.v1_25_2.Chassis"
CARTRIDGES = 4
"""A compute tray of an NVL72 plugs into four cable cartridges."""
CARTRIDGE = "CBC_{}"
TRAY_FRU = "PDB_0"
"""The power distribution board, whose serial number is the tray's single identity."""
ACCELERATORS_OF_A_MODULE = 2


def fixed(bmc: SimulatedBmc) -> Builders:
    """The chassis, and what hangs below the host's own but power supplies, fans and adapters."""
    own = bmc.paths.box
    found: Builders = {own: lambda: chassis(bmc), **_others(bmc)}
    listed = list(found)
    return found | {
        f"{ROOT}/Chassis": lambda: collection(
            f"{ROOT}/Chassis", "ChassisCollection", name="Chassis", members=listed
        ),
        f"{own}/EnvironmentMetrics": lambda: environment(bmc),
        **sensing.fixed(bmc, f"{own}/Sensors"),
    }


def chassis(bmc: SimulatedBmc) -> Body:
    """The box, and where it stands if somebody typed that in."""
    plan, path, newer = bmc.host.plan, bmc.paths.box, bmc.model.schema == "newer"
    cooled = thermal.is_cooled(bmc)
    return resource(
        path,
        TYPE,
        name=f"{plan.name} chassis",
        ChassisType="RackMount",
        Manufacturer=plan.host_type.manufacturer,
        Model=plan.host_type.model,
        SerialNumber=bmc.host.serial,
        PowerState=bmc.host.power,
        Status=ENABLED,
        Power=link(f"{path}/Power"),
        EnvironmentMetrics=link(f"{path}/EnvironmentMetrics"),
        Sensors=link(f"{path}/Sensors"),
        NetworkAdapters=link(f"{path}/NetworkAdapters"),
        **({"PowerSubsystem": link(f"{path}/PowerSubsystem")} if newer else {}),
        **({"ThermalSubsystem": link(f"{path}/ThermalSubsystem")} if newer and cooled else {}),
        **({"Thermal": link(f"{path}/Thermal")} if cooled and not newer else {}),
        **_placement(bmc),
        Links={
            "ComputerSystems": links([bmc.paths.system]),
            "ManagedBy": links([bmc.paths.manager]),
        },
    )


def _placement(bmc: SimulatedBmc) -> Body:
    place = bmc.parts.position
    if not place.rack:
        return {}
    return {
        "Location": {
            "Placement": {
                "Rack": place.rack,
                "RackOffset": place.unit,
                "RackOffsetUnits": "EIA_310",
            }
        }
    }


def _others(bmc: SimulatedBmc) -> Builders:
    """Baseboard, modules, accelerators, and on a tray its cartridges and power board."""
    model, paths = bmc.model, bmc.paths
    found: Builders = {}
    if paths.baseboard_box:
        found[paths.baseboard_box] = partial(_part, bmc, paths.baseboard_box, "Zone", "")
    if model.module_box:
        for n in range(len(bmc.parts.processors)):
            path = f"{ROOT}/Chassis/{model.module_box.format(n)}"
            found[path] = partial(_part, bmc, path, "Module", "")
    if model.accelerator_box:
        for n, part in enumerate(bmc.parts.accelerator_slots, start=model.first_accelerator):
            path = f"{ROOT}/Chassis/{model.accelerator_box.format(n)}"
            found[path] = partial(_module, bmc, path, part, telemetry.sensors_of(bmc, n))
    if model.knows_tray:
        found[f"{ROOT}/Chassis/{TRAY_FRU}"] = partial(
            _part, bmc, f"{ROOT}/Chassis/{TRAY_FRU}", "Component", TRAY_FRU
        )
        for n in range(CARTRIDGES):
            path = f"{ROOT}/Chassis/{CARTRIDGE.format(n)}"
            found[path] = partial(_cartridge, bmc, path)
    return found


def _part(bmc: SimulatedBmc, path: str, kind: str, serial_of: str) -> Body:
    serial = part_serial(bmc.host.plan, serial_of) if serial_of else ""
    return resource(
        path,
        TYPE,
        name=path.rpartition("/")[2],
        ChassisType=kind,
        **({"SerialNumber": serial} if serial else {}),
        Status=ENABLED,
        Links={"ManagedBy": links([bmc.paths.baseboard_manager or bmc.paths.manager])},
    )


def _module(bmc: SimulatedBmc, path: str, slot: str, sensors: str) -> Body:
    """An accelerator's own box, with its sensors where the baseboard has any accelerator."""
    told = {"Sensors": link(sensors)} if telemetry.gathers(bmc) else {}
    return _part(bmc, path, "Module", slot) | told


def _cartridge(bmc: SimulatedBmc, path: str) -> Body:
    """How a tray knows by itself where it sits."""
    place = bmc.parts.position
    return _part(bmc, path, "Component", path.rpartition("/")[2]) | {
        "Oem": {
            bmc.model.vendor: {
                "@odata.type": "#NvidiaChassis.v1_4_0.NvidiaCBCChassis",
                "ChassisPhysicalSlotNumber": place.chassis_slot,
                "ComputeTrayIndex": place.tray_index,
                "RevisionId": 2,
                "TopologyId": int(place.topology),
            }
        }
    }


def environment(bmc: SimulatedBmc) -> Body:
    """The same reading where newer BMCs have it."""
    path = f"{bmc.paths.box}/EnvironmentMetrics"
    sensors = f"{bmc.paths.box}/Sensors"
    return resource(
        path,
        "EnvironmentMetrics.v1_3_2.EnvironmentMetrics",
        name="Environment Metrics",
        PowerWatts={"DataSourceUri": f"{sensors}/TotalPower", "Reading": bmc.host.watts},
        EnergykWh={"DataSourceUri": f"{sensors}/Energy", "Reading": sensing.kwh(bmc)},
        **({"PowerLimitWatts": limiting.newer(bmc)} if bmc.model.schema == "newer" else {}),
    )
