"""A coolant distribution unit: pumps, both loops' readings, a reservoir and leak detectors.

What flows is the pumps' doing; how much the coolant warms follows from what the rack's hosts draw.
The facility's side takes the same heat away at the same rise.
"""

from __future__ import annotations

from functools import partial

from pods.cooling import PG25, rise_kelvin
from provisioning.simulator.distribution import services
from provisioning.simulator.distribution.machine import FIRMWARE, Machine
from provisioning.simulator.distribution.plan import PUMPS, SUPPLY_CELSIUS
from provisioning.simulator.redfish.resource import (
    ENABLED,
    ROOT,
    Body,
    Builders,
    collection,
    link,
    located,
    resource,
)

EQUIPMENT = f"{ROOT}/ThermalEquipment"
LISTED = f"{EQUIPMENT}/CDUs"
OWN = f"{LISTED}/1"
DETECTORS = ("Drip", "Floor")
FACILITY_CELSIUS = 18.0
"""Below the loop's own supply, or no heat would pass."""
PUMP_PERCENT = 70.0
WARM_CELSIUS_MAX = 85.0
"""A loop whose pumps stand still is not told hotter than its hoses bear."""


def fixed(machine: Machine) -> Builders:
    """Path to builder."""
    detection = f"{OWN}/LeakDetection"
    detectors = f"{detection}/LeakDetectors"
    found: Builders = {
        EQUIPMENT: lambda: resource(
            EQUIPMENT,
            "ThermalEquipment.v1_2_0.ThermalEquipment",
            name="Thermal Equipment",
            CDUs=link(LISTED),
            Status=ENABLED,
        ),
        LISTED: lambda: collection(LISTED, "CoolingUnitCollection", name="CDUs", members=["1"]),
        OWN: lambda: _unit(machine),
        f"{OWN}/Pumps": lambda: collection(
            f"{OWN}/Pumps", "PumpCollection", name="Pumps", members=PUMPS
        ),
        **{f"{OWN}/Pumps/{name}": partial(_pump, machine, name) for name in PUMPS},
        f"{OWN}/Reservoirs": lambda: collection(
            f"{OWN}/Reservoirs", "ReservoirCollection", name="Reservoirs", members=["1"]
        ),
        f"{OWN}/Reservoirs/1": lambda: _reservoir(machine),
        detection: lambda: resource(
            detection,
            "LeakDetection.v1_0_1.LeakDetection",
            name="Leak Detection",
            LeakDetectors=link(detectors),
            Status=ENABLED,
        ),
        detectors: lambda: collection(
            detectors, "LeakDetectorCollection", name="Leak Detectors", members=DETECTORS
        ),
        **{f"{detectors}/{name}": partial(_detector, machine, name) for name in DETECTORS},
    }
    for side, told in (("Primary", _primary), ("Secondary", _secondary)):
        path = f"{OWN}/{side}CoolantConnectors"
        found[path] = partial(
            collection, path, "CoolantConnectorCollection", name=side, members=["1"]
        )
        found[f"{path}/1"] = partial(told, machine, f"{path}/1")
    return services.fixed(machine, offers={"ThermalEquipment": link(EQUIPMENT)}) | found


def _unit(machine: Machine) -> Body:
    leaking = machine.struck("loop-leak", DETECTORS)
    bad = leaking or machine.struck("pump-fails", PUMPS)
    return resource(
        OWN,
        "CoolingUnit.v1_5_0.CoolingUnit",
        name=machine.plan.name,
        EquipmentType="CDU",
        **services.identified(machine),
        FirmwareVersion=FIRMWARE,
        AssetTag=machine.label("AssetTag"),
        UserLabel=machine.label("UserLabel"),
        CoolingCapacityWatts=round(machine.plan.capacity_watts),
        Coolant=_coolant(),
        **services.placed(machine),
        Pumps=link(f"{OWN}/Pumps"),
        Reservoirs=link(f"{OWN}/Reservoirs"),
        PrimaryCoolantConnectors=link(f"{OWN}/PrimaryCoolantConnectors"),
        SecondaryCoolantConnectors=link(f"{OWN}/SecondaryCoolantConnectors"),
        LeakDetection=link(f"{OWN}/LeakDetection"),
        Status={"State": "Enabled", "Health": "Critical" if bad else "OK"},
        **services.managed(machine),
    )


def _coolant() -> Body:
    return {
        "CoolantType": "Water",
        "AdditiveName": "PropyleneGlycol",
        "AdditivePercent": 25,
        "SpecificHeatkJoulesPerKgK": PG25.kilojoules_per_kg_kelvin,
        "DensityKgPerCubicMeter": PG25.kg_per_litre * 1000,
    }


def _pump(machine: Machine, name: str) -> Body:
    stands = name in machine.struck("pump-fails", PUMPS)
    return resource(
        f"{OWN}/Pumps/{name}",
        "Pump.v1_2_0.Pump",
        name=name,
        PumpType="Liquid",
        PumpSpeedPercent={"Reading": 0.0 if stands else PUMP_PERCENT},
        Location=located(name, "Bay"),
        Status={"State": "Enabled", "Health": "Critical" if stands else "OK"},
    )


def _reservoir(machine: Machine) -> Body:
    low = bool(machine.struck("loop-leak", DETECTORS))
    return resource(
        f"{OWN}/Reservoirs/1",
        "Reservoir.v1_0_2.Reservoir",
        name="Reservoir",
        ReservoirType="Reserve",
        CapacityLiters=20.0,
        FluidLevelStatus="Warning" if low else "OK",
        FluidLevelPercent={"Reading": 30.0 if low else 90.0},
        Location=located("Reservoir", "Embedded"),
        Status={"State": "Enabled", "Health": "Warning" if low else "OK"},
    )


def _primary(machine: Machine, path: str) -> Body:
    """The facility's side, which no pump of ours moves."""
    flow = machine.plan.flow_lpm
    return _connector(machine, path, supply_celsius=FACILITY_CELSIUS, flow_lpm=flow)


def _secondary(machine: Machine, path: str) -> Body:
    """The side of the hosts."""
    warm = machine.planted("warm-supply")
    supply = SUPPLY_CELSIUS + (warm.number("kelvin") if warm else 0.0)
    flow = machine.plan.flow_lpm * machine.mains.flow_share(machine.plan)
    return _connector(machine, path, supply_celsius=supply, flow_lpm=flow)


def _connector(machine: Machine, path: str, *, supply_celsius: float, flow_lpm: float) -> Body:
    heat = machine.hosts_watts if flow_lpm else 0.0
    rise = rise_kelvin(heat, flow_lpm=flow_lpm) if flow_lpm else WARM_CELSIUS_MAX - supply_celsius
    back = min(WARM_CELSIUS_MAX, supply_celsius + rise)
    return resource(
        path,
        "CoolantConnector.v1_1_0.CoolantConnector",
        name=path.rsplit("/", 2)[-2],
        CoolantConnectorType="Pair",
        Coolant=_coolant(),
        RatedFlowLitersPerMinute=machine.plan.flow_lpm,
        FlowLitersPerMinute={"Reading": round(flow_lpm, 2)},
        SupplyTemperatureCelsius={"Reading": round(supply_celsius, 2)},
        ReturnTemperatureCelsius={"Reading": round(back, 2)},
        DeltaTemperatureCelsius={"Reading": round(back - supply_celsius, 2)},
        HeatRemovedkW={"Reading": round(heat / 1000, 3)},
        Status={"State": "Enabled", "Health": "OK" if flow_lpm else "Critical"},
    )


def _detector(machine: Machine, name: str) -> Body:
    leaking = machine.struck("loop-leak", DETECTORS)
    state = leaking[name].word("state") if name in leaking else "OK"
    seen = state in {"OK", "Warning", "Critical"}
    return resource(
        f"{OWN}/LeakDetection/LeakDetectors/{name}",
        "LeakDetector.v1_6_0.LeakDetector",
        name=name,
        LeakDetectorType="Moisture",
        DetectorState=state,
        CriticalReactionType="None",
        Location=located(name, "Embedded"),
        Status={
            "State": "Enabled" if seen else "UnavailableOffline",
            **({"Health": state} if seen else {}),
        },
    )
