"""Fans, coolant and leak detectors, in the older schema or the newer one, as the model has them."""

from __future__ import annotations

from functools import partial

from pods.facts import CoolantConnectorFact, CoolingPartFact, LeakDetectorFact
from provisioning.simulator import surroundings
from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.redfish.resource import (
    ENABLED,
    Body,
    Builders,
    collection,
    link,
    located,
    resource,
)

INTAKE_CELSIUS = 24.0
"""Between the 18 and 27 degrees that ASHRAE recommends for intake air."""
FAN_PERCENT = 40.0


def is_cooled(bmc: SimulatedBmc) -> bool:
    """Whether the host type says how; a hall invents nothing."""
    return bmc.host.plan.host_type.cooling is not None


def fixed(bmc: SimulatedBmc) -> Builders:
    """Thermal, or ThermalSubsystem with its parts."""
    if not is_cooled(bmc):
        return {}
    if bmc.model.schema == "older":
        return {f"{bmc.paths.box}/Thermal": lambda: thermal(bmc)}
    path = f"{bmc.paths.box}/ThermalSubsystem"
    fans = f"{path}/Fans"
    found: Builders = {
        path: lambda: thermal_subsystem(bmc),
        fans: partial(
            collection,
            fans,
            "FanCollection",
            name="Fans",
            members=[part.slot for part in bmc.parts.cooling],
        ),
        **{
            f"{fans}/{part.slot}": partial(_fan, f"{fans}/{part.slot}", part)
            for part in bmc.parts.cooling
        },
    }
    return found | _coolant(bmc, path) | _leaks(bmc, path)


def thermal(bmc: SimulatedBmc) -> Body:
    """Fans and temperatures in one reply."""
    path = f"{bmc.paths.box}/Thermal"
    fans = [
        {
            "@odata.id": f"{path}#/Fans/{index}",
            "MemberId": str(index),
            "Name": part.slot,
            "Reading": round(FAN_PERCENT),
            "ReadingUnits": "Percent",
            "Status": {"State": "Enabled", "Health": part.health},
        }
        for index, part in enumerate(bmc.parts.cooling)
    ]
    intake = {
        "@odata.id": f"{path}#/Temperatures/0",
        "MemberId": "0",
        "Name": "Intake",
        "ReadingCelsius": INTAKE_CELSIUS,
        "PhysicalContext": "Intake",
        "Status": ENABLED,
    }
    counts = {"Fans@odata.count": len(fans), "Temperatures@odata.count": 1}
    parts: Body = {"Fans": fans, "Temperatures": [intake], **counts}
    return resource(path, "Thermal.v1_7_3.Thermal", name="Thermal", **parts)


def thermal_subsystem(bmc: SimulatedBmc) -> Body:
    """Where fans, coolant and leak detectors are listed."""
    path = f"{bmc.paths.box}/ThermalSubsystem"
    wet: Body = {
        "CoolantConnectors": link(f"{path}/CoolantConnectors"),
        "LeakDetection": link(f"{path}/LeakDetection"),
    }
    return resource(
        path,
        "ThermalSubsystem.v1_3_2.ThermalSubsystem",
        name="Thermal Subsystem",
        Fans=link(f"{path}/Fans"),
        Status=ENABLED,
        **(wet if bmc.parts.leak_detectors else {}),
    )


def _fan(path: str, part: CoolingPartFact) -> Body:
    return resource(
        path,
        "Fan.v1_5_2.Fan",
        name=part.slot,
        PhysicalContext="Chassis",
        SpeedPercent={"Reading": FAN_PERCENT},
        Location=located(part.slot, "Bay"),
        Status={"State": "Enabled", "Health": part.health},
    )


def _coolant(bmc: SimulatedBmc, parent: str) -> Builders:
    path = f"{parent}/CoolantConnectors"
    slots = [part.slot for part in surroundings.coolant(bmc.host.plan, powered=False)]
    if not slots:
        return {}

    def connector(index: int) -> Body:
        share = bmc.host.world.inputs.coolant_share(bmc.host.plan.name)
        found = surroundings.coolant(bmc.host.plan, powered=bmc.on, flow_share=share)
        return _connector(path, found[index])

    return {
        path: partial(
            collection, path, "CoolantConnectorCollection", name="Coolant", members=slots
        ),
        **{f"{path}/{slot}": partial(connector, index) for index, slot in enumerate(slots)},
    }


def _connector(parent: str, part: CoolantConnectorFact) -> Body:
    readings = {
        "FlowLitersPerMinute": part.flow_lpm,
        "SupplyTemperatureCelsius": part.supply_celsius,
        "ReturnTemperatureCelsius": part.return_celsius,
    }
    told = {name: {"Reading": value} for name, value in readings.items() if value is not None}
    rated = part.rated_flow_lpm
    return resource(
        f"{parent}/{part.slot}",
        "CoolantConnector.v1_1_0.CoolantConnector",
        name=part.slot,
        CoolantConnectorType="Pair",
        Status=ENABLED,
        **({"RatedFlowLitersPerMinute": rated} if rated else {}),
        **told,
    )


def _leaks(bmc: SimulatedBmc, parent: str) -> Builders:
    detectors = bmc.parts.leak_detectors
    if not detectors:
        return {}
    path = f"{parent}/LeakDetection"
    listed = f"{path}/LeakDetectors"
    return {
        path: lambda: resource(
            path,
            "LeakDetection.v1_0_1.LeakDetection",
            name="Leak Detection",
            LeakDetectors=link(listed),
            Status=ENABLED,
        ),
        listed: partial(
            collection,
            listed,
            "LeakDetectorCollection",
            name="Leak Detectors",
            members=[part.slot for part in detectors],
        ),
        **{
            f"{listed}/{part.slot}": partial(_detector, f"{listed}/{part.slot}", part)
            for part in detectors
        },
    }


def _detector(path: str, part: LeakDetectorFact) -> Body:
    seen = part.state in {"OK", "Warning", "Critical"}
    return resource(
        path,
        "LeakDetector.v1_6_0.LeakDetector",
        name=part.slot,
        LeakDetectorType="Moisture",
        DetectorState=part.state,
        CriticalReactionType=part.critical_reaction,
        Location=located(part.slot, "Embedded"),
        Status={
            "State": "Enabled" if seen else "UnavailableOffline",
            **({"Health": part.state} if seen else {}),
        },
    )
