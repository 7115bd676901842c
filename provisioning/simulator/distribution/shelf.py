"""A power shelf: rectifiers that carry a busbar, and through it every host of the rack.

The tree follows what is published of Lite-On's shelves for NVL72: chassis `powershelf`, six
rectifiers of 5.5 kW. All live shelves of a rack carry its busbar together, each the same share.
"""

from __future__ import annotations

from functools import partial

from provisioning.simulator.distribution import circuits, services
from provisioning.simulator.distribution.machine import FIRMWARE, Machine
from provisioning.simulator.redfish.resource import (
    ENABLED,
    ROOT,
    Body,
    Builders,
    collection,
    link,
    links,
    located,
    resource,
)

EQUIPMENT = f"{ROOT}/PowerEquipment"
LISTED = f"{EQUIPMENT}/PowerShelves"
OWN = f"{LISTED}/1"
SUPPLIES = f"{OWN}/PowerSupplies"
BUSBAR = "DC48V"


def slots(machine: Machine) -> tuple[str, ...]:
    """Its rectifiers."""
    return tuple(f"Rectifier{n}" for n in range(machine.plan.rectifiers))


def fixed(machine: Machine) -> Builders:
    """Path to builder."""
    names = slots(machine)
    found: Builders = {
        EQUIPMENT: lambda: resource(
            EQUIPMENT,
            "PowerEquipment.v1_2_3.PowerEquipment",
            name="Power Equipment",
            PowerShelves=link(LISTED),
            Status=ENABLED,
        ),
        LISTED: lambda: collection(
            LISTED, "PowerDistributionCollection", name="Power Shelves", members=["1"]
        ),
        OWN: lambda: _shelf(machine),
        f"{OWN}/Metrics": lambda: circuits.metrics(machine, f"{OWN}/Metrics"),
        **circuits.mains_of(machine, OWN),
        SUPPLIES: lambda: collection(
            SUPPLIES, "PowerSupplyCollection", name="Rectifiers", members=names
        ),
        **{f"{SUPPLIES}/{name}": partial(_rectifier, machine, name) for name in names},
    }
    return services.fixed(machine, offers={"PowerEquipment": link(EQUIPMENT)}) | found


def _shelf(machine: Machine) -> Body:
    failed = machine.struck("failed-rectifier", slots(machine))
    return resource(
        OWN,
        "PowerDistribution.v1_6_0.PowerDistribution",
        name=machine.plan.name,
        EquipmentType="PowerShelf",
        **services.identified(machine),
        UUID=machine.plan.uuid,
        FirmwareVersion=FIRMWARE,
        AssetTag=machine.label("AssetTag"),
        UserLabel=machine.label("UserLabel"),
        PowerCapacityVA=round(machine.plan.capacity_watts),
        **services.placed(machine),
        Mains=link(f"{OWN}/Mains"),
        PowerSupplies=link(SUPPLIES),
        PowerSupplyRedundancy=[
            {
                "RedundancyType": "NPlusM",
                "MinNeededInGroup": len(slots(machine)) - 1,
                "MaxSupportedInGroup": len(slots(machine)),
                "RedundancyGroup": links(f"{SUPPLIES}/{name}" for name in slots(machine)),
                "Status": {"State": "Enabled", "Health": "Warning" if failed else "OK"},
            }
        ],
        Metrics=link(f"{OWN}/Metrics"),
        Status={"State": "Enabled", "Health": "Warning" if failed else "OK"},
        **services.managed(machine),
    )


def _rectifier(machine: Machine, name: str) -> Body:
    failed = name in machine.struck("failed-rectifier", slots(machine))
    live = machine.mains.is_live(machine.plan.feed)
    return resource(
        f"{SUPPLIES}/{name}",
        "PowerSupply.v1_6_0.PowerSupply",
        name=name,
        Manufacturer=services.MAKER,
        Model="Lab Rectifier",
        SerialNumber=f"{machine.plan.serial}-{name[-1]}",
        FirmwareVersion=FIRMWARE,
        PowerSupplyType="AC",
        PowerCapacityWatts=machine.plan.capacity_watts / machine.plan.rectifiers,
        InputNominalVoltageType="AC200To277V",
        OutputNominalVoltageType=BUSBAR,
        LineInputStatus="Normal" if live else "LossOfInput",
        Location=located(name, "Bay"),
        Status={
            "State": "Enabled" if live and not failed else "UnavailableOffline",
            "Health": "Critical" if failed or not live else "OK",
        },
    )
