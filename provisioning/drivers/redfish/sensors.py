"""Sensors: of the newer schema one by one, of the older `Thermal` and `Power` in two replies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provisioning.drivers.capabilities import Capability, SensorKind, SensorReading, lacking
from provisioning.drivers.redfish.answers import Json, items, number, reference, text
from provisioning.drivers.redfish.parts import health, is_absent
from provisioning.drivers.redfish.resources import Resources

_UNITS = {
    SensorKind.TEMPERATURE: "Cel",
    SensorKind.POWER: "W",
    SensorKind.VOLTAGE: "V",
    SensorKind.FAN: "RPM",
}
_OLDER = (
    ("Temperatures", SensorKind.TEMPERATURE, "ReadingCelsius"),
    ("Fans", SensorKind.FAN, "Reading"),
    ("Voltages", SensorKind.VOLTAGE, "ReadingVolts"),
    ("PowerControl", SensorKind.POWER, "PowerConsumedWatts"),
)
_SPELLINGS = {"Rotational": SensorKind.FAN, "LiquidFlow": SensorKind.FLOW}


async def sensors(resources: Resources) -> tuple[SensorReading, ...]:
    """Every sensor of the host's chassis."""
    chassis = await resources.chassis((await resources.system()).body)
    listed = reference(chassis, "Sensors")
    newer = [one for one in await resources.members(listed) if not is_absent(one)]
    if newer:
        return tuple(sensor(one) for one in newer)
    older = [
        await resources.optional_body(reference(chassis, name)) for name in ("Thermal", "Power")
    ]
    found = tuple(readings_of(older))
    if not found and listed is None and not any(older):
        raise lacking(Capability.SENSORS, where=resources.session.label)
    return found


def sensor(found: Json) -> SensorReading:
    """One of the newer schema."""
    return SensorReading(
        name=text(found.get("Name")) or text(found.get("Id")),
        kind=_kind(text(found.get("ReadingType"))),
        value=number(found.get("Reading")),
        unit=text(found.get("ReadingUnits")),
        health=health(found),
    )


def _kind(said: str) -> SensorKind:
    if said in set(SensorKind):
        return SensorKind(said)
    return _SPELLINGS.get(said, SensorKind.OTHER)


def readings_of(bodies: Iterable[Json]) -> Iterator[SensorReading]:
    """Those in `Thermal` and `Power`."""
    for body in bodies:
        for where, kind, field in _OLDER:
            for one in items(body.get(where)):
                if not is_absent(one):
                    yield SensorReading(
                        name=text(one.get("Name")) or text(one.get("FanName")),
                        kind=kind,
                        value=number(one.get(field)),
                        unit=text(one.get("ReadingUnits")) or _UNITS[kind],
                        health=health(one),
                    )
