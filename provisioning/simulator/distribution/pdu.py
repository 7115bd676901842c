"""A rack PDU: one mains, and an outlet with switch and meter for every host that hangs on it."""

from __future__ import annotations

from functools import partial

from provisioning.simulator.distribution import circuits, services
from provisioning.simulator.distribution.machine import FIRMWARE, Machine
from provisioning.simulator.errors import ActionRefused
from provisioning.simulator.redfish import checks
from provisioning.simulator.redfish.answer import Answer
from provisioning.simulator.redfish.resource import (
    ENABLED,
    ROOT,
    Body,
    Builders,
    collection,
    link,
    resource,
)

EQUIPMENT = f"{ROOT}/PowerEquipment"
LISTED = f"{EQUIPMENT}/RackPDUs"
OWN = f"{LISTED}/1"
OUTLETS = f"{OWN}/Outlets"
CYCLE_S = 5.0
"""Between off and on of a power cycle."""
STATES = ("On", "Off", "PowerCycle")


def fixed(machine: Machine) -> Builders:
    """Path to builder."""
    found: Builders = {
        EQUIPMENT: lambda: resource(
            EQUIPMENT,
            "PowerEquipment.v1_2_3.PowerEquipment",
            name="Power Equipment",
            RackPDUs=link(LISTED),
            Status=ENABLED,
        ),
        LISTED: lambda: collection(
            LISTED, "PowerDistributionCollection", name="Rack PDUs", members=["1"]
        ),
        OWN: lambda: _pdu(machine),
        f"{OWN}/Metrics": lambda: circuits.metrics(machine, f"{OWN}/Metrics"),
        **circuits.mains_of(machine, OWN),
        OUTLETS: lambda: collection(
            OUTLETS,
            "OutletCollection",
            name="Outlets",
            members=(str(n) for n, _ in enumerate(machine.plan.hosts, start=1)),
        ),
    }
    for number, host in enumerate(machine.plan.hosts, start=1):
        path = f"{OUTLETS}/{number}"
        found[path] = partial(_outlet, machine, path, number, host)
    return services.fixed(machine, offers={"PowerEquipment": link(EQUIPMENT)}) | found


def _pdu(machine: Machine) -> Body:
    return resource(
        OWN,
        "PowerDistribution.v1_6_0.PowerDistribution",
        name=machine.plan.name,
        EquipmentType="RackPDU",
        **services.identified(machine),
        UUID=machine.plan.uuid,
        FirmwareVersion=FIRMWARE,
        AssetTag=machine.label("AssetTag"),
        UserLabel=machine.label("UserLabel"),
        PowerCapacityVA=round(circuits.capacity_watts(machine)),
        **services.placed(machine),
        Mains=link(f"{OWN}/Mains"),
        Outlets=link(OUTLETS),
        Metrics=link(f"{OWN}/Metrics"),
        Status=ENABLED,
        **services.managed(machine),
    )


def _outlet(machine: Machine, path: str, number: int, host: str) -> Body:
    mains, feed = machine.mains, machine.plan.feed
    spec = mains.plan.feeds[feed].spec
    live, watts = mains.reaches(host, feed), mains.share(host, feed)
    return resource(
        path,
        "Outlet.v1_4_4.Outlet",
        name=f"Outlet {number}",
        ElectricalConsumerNames=[host],
        UserLabel=host,
        OutletType="IEC_60320_C19",
        PhaseWiringType="OnePhase3Wire",
        VoltageType="AC",
        NominalVoltage=circuits.nominal(spec.volts / spec.phases**0.5),
        PowerState="Off" if mains.is_off(machine.plan.name, host) else "On",
        PowerEnabled=True,
        PowerOnDelaySeconds=0,
        PowerOffDelaySeconds=0,
        PowerCycleDelaySeconds=CYCLE_S,
        PowerRestoreDelaySeconds=0,
        PowerRestorePolicy="LastState",
        PowerWatts={"Reading": round(watts, 1)},
        CurrentAmps={"Reading": round(watts / (spec.volts / spec.phases**0.5), 3)},
        Voltage={"Reading": round(spec.volts / spec.phases**0.5, 1) if live else 0.0},
        EnergykWh={"Reading": round(mains.kwh(host, feed), 6)},
        Status={"State": "Enabled" if live else "UnavailableOffline", "Health": "OK"},
        Actions={
            "#Outlet.PowerControl": {
                "target": f"{path}/Actions/Outlet.PowerControl",
                "PowerState@Redfish.AllowableValues": list(STATES),
            }
        },
    )


async def switch(machine: Machine, host: str, body: Body) -> Answer:
    """Outlet.PowerControl."""
    action = "Outlet.PowerControl"
    checks.parameters(body, action=action, known={"PowerState": str})
    wanted = str(checks.required(body, "PowerState", action=action))
    if wanted not in STATES:
        raise ActionRefused(400, "ActionParameterNotSupported", "PowerState", action)
    mains, name = machine.mains, machine.plan.name
    if wanted != "On":
        await mains.switch(name, [host], on=False)
    if wanted == "PowerCycle":
        await machine.clock.sleep(CYCLE_S)
    if wanted != "Off":
        await mains.switch(name, [host], on=True)
    return Answer()
