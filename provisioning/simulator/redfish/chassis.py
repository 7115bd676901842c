"""The resources around the host: its chassis with power readings, its BMC with virtual media."""

from __future__ import annotations

from collections.abc import Callable

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.hardware import part_uuid
from provisioning.simulator.redfish.resource import (
    CHASSIS,
    ENABLED,
    MANAGER,
    MEDIA,
    ROOT,
    SYSTEM,
    Body,
    collection,
    link,
    links,
    resource,
)
from provisioning.simulator.redfish.sessions import timestamp

SENSORS = f"{CHASSIS}/Sensors"
POWER_SENSOR = f"{SENSORS}/TotalPower"


def fixed(bmc: SimulatedBmc) -> dict[str, Callable[[], Body]]:
    """Path to builder, for every resource below Chassis and Managers."""
    return {
        f"{ROOT}/Chassis": lambda: collection(
            f"{ROOT}/Chassis", "ChassisCollection", name="Chassis", members=["1"]
        ),
        CHASSIS: lambda: chassis(bmc),
        f"{CHASSIS}/Power": lambda: power(bmc),
        f"{CHASSIS}/EnvironmentMetrics": lambda: environment(bmc),
        SENSORS: lambda: collection(
            SENSORS, "SensorCollection", name="Sensors", members=["TotalPower"]
        ),
        POWER_SENSOR: lambda: power_sensor(bmc),
        f"{ROOT}/Managers": lambda: collection(
            f"{ROOT}/Managers", "ManagerCollection", name="Managers", members=["BMC"]
        ),
        MANAGER: lambda: manager(bmc),
        f"{MANAGER}/VirtualMedia": lambda: collection(
            f"{MANAGER}/VirtualMedia",
            "VirtualMediaCollection",
            name="Virtual Media",
            members=["Cd"],
        ),
        MEDIA: lambda: virtual_media(bmc),
    }


def chassis(bmc: SimulatedBmc) -> Body:
    """The box, and where it stands."""
    plan = bmc.host.plan
    return resource(
        CHASSIS,
        "Chassis.v1_25_2.Chassis",
        name=f"{plan.name} chassis",
        ChassisType="RackMount",
        Manufacturer=plan.host_type.manufacturer,
        Model=plan.host_type.model,
        SerialNumber=plan.reported_serial,
        PowerState=bmc.host.power,
        Location={
            "Placement": {"Rack": plan.rack, "RackOffset": plan.unit, "RackOffsetUnits": "EIA_310"}
        },
        Status=ENABLED,
        Power=link(f"{CHASSIS}/Power"),
        EnvironmentMetrics=link(f"{CHASSIS}/EnvironmentMetrics"),
        Sensors=link(SENSORS),
        Links={"ComputerSystems": links([SYSTEM]), "ManagedBy": links([MANAGER])},
    )


def power(bmc: SimulatedBmc) -> Body:
    """The reading in the schema that most BMCs in the field still serve."""
    return resource(
        f"{CHASSIS}/Power",
        "Power.v1_7_3.Power",
        name="Power",
        PowerControl=[
            {
                "@odata.id": f"{CHASSIS}/Power#/PowerControl/0",
                "MemberId": "0",
                "Name": "System Power Control",
                "PowerConsumedWatts": bmc.host.state.watts,
                "PowerCapacityWatts": float(bmc.host.plan.host_type.power.nameplate_watts),
                "Status": ENABLED,
            }
        ],
        **{"PowerControl@odata.count": 1},
    )


def environment(bmc: SimulatedBmc) -> Body:
    """The same reading where newer BMCs have it."""
    return resource(
        f"{CHASSIS}/EnvironmentMetrics",
        "EnvironmentMetrics.v1_3_2.EnvironmentMetrics",
        name="Environment Metrics",
        PowerWatts={"DataSourceUri": POWER_SENSOR, "Reading": bmc.host.state.watts},
    )


def power_sensor(bmc: SimulatedBmc) -> Body:
    """The sensor behind it."""
    return resource(
        POWER_SENSOR,
        "Sensor.v1_10_0.Sensor",
        name="Total Power",
        ReadingType="Power",
        Reading=bmc.host.state.watts,
        ReadingUnits="W",
        Status=ENABLED,
    )


def manager(bmc: SimulatedBmc) -> Body:
    """The BMC."""
    return resource(
        MANAGER,
        "Manager.v1_19_2.Manager",
        name="BMC",
        ManagerType="BMC",
        Manufacturer=bmc.host.plan.host_type.manufacturer,
        Model="Simulated BMC",
        UUID=part_uuid(bmc.host.plan, "BMC"),
        FirmwareVersion=bmc.host.state.firmware["BMC"],
        DateTime=timestamp(bmc.host.world.clock.now()),
        DateTimeLocalOffset="+00:00",
        PowerState="On",
        Status=ENABLED,
        VirtualMedia=link(f"{MANAGER}/VirtualMedia"),
        Links={"ManagerForServers": links([SYSTEM]), "ManagerForChassis": links([CHASSIS])},
    )


def virtual_media(bmc: SimulatedBmc) -> Body:
    """The virtual CD drive."""
    state = bmc.host.state
    return resource(
        MEDIA,
        "VirtualMedia.v1_6_4.VirtualMedia",
        name="Virtual CD",
        MediaTypes=["CD", "DVD"],
        Image=state.media_image or None,
        ImageName=state.media_image.rsplit("/", 1)[-1] or None,
        Inserted=state.media_inserted,
        ConnectedVia="URI" if state.media_inserted else "NotConnected",
        WriteProtected=True,
        TransferProtocolType="HTTPS" if state.media_inserted else None,
        TransferMethod="Stream",
        Status=ENABLED,
        Actions={
            "#VirtualMedia.InsertMedia": {
                "target": f"{MEDIA}/Actions/VirtualMedia.InsertMedia",
                "TransferProtocolType@Redfish.AllowableValues": ["HTTPS"],
            },
            "#VirtualMedia.EjectMedia": {"target": f"{MEDIA}/Actions/VirtualMedia.EjectMedia"},
        },
    )
