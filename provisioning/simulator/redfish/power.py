"""Power draw and power supplies, in the older schema or the newer one, as the model has them."""

from __future__ import annotations

from functools import partial

from pods.facts import PowerSupplyFact
from provisioning.simulator import surroundings
from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.redfish import limiting
from provisioning.simulator.redfish.resource import (
    ABSENT,
    ENABLED,
    Body,
    Builders,
    collection,
    link,
    links,
    located,
    resource,
)


def fixed(bmc: SimulatedBmc) -> Builders:
    """Power for every model; PowerSubsystem where the newer schemas are served."""
    found: Builders = {f"{bmc.paths.box}/Power": lambda: power(bmc)}
    if bmc.model.schema == "older":
        return found
    subsystem = f"{bmc.paths.box}/PowerSubsystem"
    found[subsystem] = lambda: power_subsystem(bmc)
    fitted = {part.slot: part for part in bmc.parts.supplies}
    slots = bmc.parts.supply_slots
    if slots:
        listed = f"{subsystem}/PowerSupplies"
        found[listed] = partial(
            collection, listed, "PowerSupplyCollection", name="Supplies", members=slots
        )
        for slot in slots:
            path = f"{listed}/{slot}"
            found[path] = partial(_supply, path, slot, fitted.get(slot))
    return found


def power(bmc: SimulatedBmc) -> Body:
    """The reading in the schema that most BMCs in the field still serve."""
    path = f"{bmc.paths.box}/Power"
    control = {
        "@odata.id": f"{path}#/PowerControl/0",
        "MemberId": "0",
        "Name": "System Power Control",
        "PowerConsumedWatts": bmc.host.watts,
        "PowerCapacityWatts": float(bmc.host.plan.host_type.power.nameplate_watts),
        "Status": ENABLED,
        **({"PowerLimit": limiting.older(bmc)} if bmc.model.schema == "older" else {}),
    }
    body = resource(path, "Power.v1_7_3.Power", name="Power", PowerControl=[control])
    body["PowerControl@odata.count"] = 1
    return body | (_older_supplies(bmc, path) if bmc.model.schema == "older" else {})


def _older_supplies(bmc: SimulatedBmc, path: str) -> Body:
    fitted = {part.slot: part for part in bmc.parts.supplies}
    supplies = [
        {
            "@odata.id": f"{path}#/PowerSupplies/{index}",
            "MemberId": str(index),
            "Name": slot,
            **(_older_supply(fitted[slot]) if slot in fitted else {"Status": ABSENT}),
        }
        for index, slot in enumerate(bmc.parts.supply_slots)
    ]
    needed = surroundings.redundancy(bmc.host.plan)
    if not supplies:
        return {}
    body: Body = {"PowerSupplies": supplies, "PowerSupplies@odata.count": len(supplies)}
    if needed is not None:
        body["Redundancy"] = [
            {
                "@odata.id": f"{path}#/Redundancy/0",
                "MemberId": "0",
                "Name": "Power Supply Redundancy",
                "Mode": "N+m",
                "MinNumNeeded": needed[0],
                "MaxNumSupported": needed[1],
                "RedundancySet": links(str(one["@odata.id"]) for one in supplies),
                "Status": ENABLED,
            }
        ]
        body["Redundancy@odata.count"] = 1
    return body


def _older_supply(part: PowerSupplyFact) -> Body:
    return {
        "Model": part.model,
        "SerialNumber": part.serial,
        "FirmwareVersion": part.firmware,
        "PowerSupplyType": "AC",
        "PowerCapacityWatts": part.capacity_watts,
        "LineInputVoltage": part.input_volts_max if part.input_status == "Normal" else 0,
        "InputRanges": [
            {
                "InputType": "AC",
                "OutputWattage": part.capacity_watts,
                **({"MinimumVoltage": part.input_volts_min} if part.input_volts_min else {}),
                **({"MaximumVoltage": part.input_volts_max} if part.input_volts_max else {}),
            }
        ],
        "Status": {"State": _state(part), "Health": part.health},
    }


def power_subsystem(bmc: SimulatedBmc) -> Body:
    """How many supplies must work, and where they are listed."""
    path = f"{bmc.paths.box}/PowerSubsystem"
    slots, needed = bmc.parts.supply_slots, surroundings.redundancy(bmc.host.plan)
    body = resource(
        path,
        "PowerSubsystem.v1_1_2.PowerSubsystem",
        name="Power Subsystem",
        CapacityWatts=float(bmc.host.plan.host_type.power.nameplate_watts),
        Status=ENABLED,
        **({"PowerSupplies": link(f"{path}/PowerSupplies")} if slots else {}),
    )
    if needed is not None:
        body["PowerSupplyRedundancy"] = [
            {
                "RedundancyType": "NPlusM",
                "MinNeededInGroup": needed[0],
                "MaxSupportedInGroup": needed[1],
                "RedundancyGroup": links(f"{path}/PowerSupplies/{slot}" for slot in slots),
                "Status": ENABLED,
            }
        ]
    return body


def _supply(path: str, slot: str, part: PowerSupplyFact | None) -> Body:
    kind = "PowerSupply.v1_6_0.PowerSupply"
    if part is None:
        return resource(path, kind, name=slot, Location=located(slot, "Bay"), Status=ABSENT)
    return resource(
        path,
        kind,
        name=slot,
        Model=part.model,
        SerialNumber=part.serial,
        FirmwareVersion=part.firmware,
        PowerSupplyType="AC",
        PowerCapacityWatts=part.capacity_watts,
        InputRanges=[
            {
                "CapacityWatts": part.capacity_watts,
                **({"NominalVoltageType": "AC200To240V"} if part.input_volts_min else {}),
            }
        ],
        LineInputStatus=part.input_status,
        Location=located(slot, "Bay"),
        Status={"State": _state(part), "Health": part.health},
    )


def _state(part: PowerSupplyFact) -> str:
    return "Enabled" if part.input_status == "Normal" else "UnavailableOffline"
