"""The sensors of the host's own chassis: draw, energy, and where no `Thermal` tells them, air."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.redfish.resource import ENABLED, Body, Builders, collection, resource
from provisioning.simulator.redfish.thermal import INTAKE_CELSIUS

RISE_KELVIN = 15.0
"""Of the air through a host that draws its nameplate: between the 10 and 20 K of usual servers."""


def fixed(bmc: SimulatedBmc, path: str) -> Builders:
    """Those that this model has. Its older schema tells the temperature of the air elsewhere."""
    found: dict[str, tuple[str, str, str, Callable[[], float]]] = {
        "TotalPower": ("Total Power", "Power", "W", lambda: bmc.host.watts),
        "Energy": ("Energy", "EnergykWh", "kW.h", lambda: kwh(bmc)),
    }
    if bmc.model.schema == "newer":
        found["Intake"] = ("Intake", "Temperature", "Cel", lambda: INTAKE_CELSIUS)
        found["Exhaust"] = ("Exhaust", "Temperature", "Cel", lambda: exhaust_celsius(bmc))
    return {
        path: lambda: collection(path, "SensorCollection", name="Sensors", members=found),
        **{
            f"{path}/{name}": partial(_sensor, f"{path}/{name}", *told)
            for name, told in found.items()
        },
    }


def kwh(bmc: SimulatedBmc) -> float:
    """What the host ever drew."""
    return round(bmc.host.kwh, 6)


def exhaust_celsius(bmc: SimulatedBmc) -> float:
    """The air warms by what is drawn, whatever the BMC says of that."""
    share = bmc.host.state.watts / bmc.host.plan.host_type.power.nameplate_watts
    return round(INTAKE_CELSIUS + RISE_KELVIN * share, 1)


def _sensor(path: str, name: str, kind: str, units: str, reading: Callable[[], float]) -> Body:
    return resource(
        path,
        "Sensor.v1_10_0.Sensor",
        name=name,
        ReadingType=kind,
        Reading=reading(),
        ReadingUnits=units,
        Status=ENABLED,
    )
