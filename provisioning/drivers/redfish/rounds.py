"""One round of telemetry over Redfish: the fewest requests that this BMC needs, found out once.

A service that expands tells all its sensors in one reply, and some tell leak detectors and coolant
in one more. Older ones have `Thermal` and `Power`. Which of these a BMC has is found by a first
look that costs a few requests; from then on a round asks for exactly those. A BMC that gathers all
its sensors in a report tells them in one reply, the accelerators' among them. When one of them
fails (the BMC was restarted, its firmware is another one), the next round looks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from inventory.readings.series import series_name
from provisioning.drivers.capabilities import Capability, SensorKind, SensorReading, lacking
from provisioning.drivers.redfish.answers import Json, items, mapping, number, reference, text
from provisioning.drivers.redfish.parts import is_absent, slot
from provisioning.drivers.redfish.reports import Report, Reports
from provisioning.drivers.redfish.resources import Resources
from provisioning.drivers.redfish.sensors import readings_of, sensor
from provisioning.drivers.rounds import LEAKS, Round, named, trimmed

LEVELS = 3
"""From ThermalSubsystem down to one leak detector."""
_TOTALS = ("total", "system power", "chassis", "host power", "input")
"""How makers name the sensor of the whole host's draw, the surest first."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a round asks for."""

    sensors: str = ""
    """A collection, in one reply where the service expands."""
    wet: str = ""
    """ThermalSubsystem with what hangs below it."""
    leaks: str = ""
    coolant: str = ""
    thermal: str = ""
    power: str = ""
    environment: str = ""
    report: Report | None = None
    """Tells what the sensors tell, and more."""


class Rounds:
    """Reads rounds of one BMC."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._plan: _Plan | None = None
        self._reports = Reports(resources)
        self._gathers = True
        """Until its report was seen to be stale."""

    async def read(self) -> Round:
        """Everything that moves."""
        before = self._resources.session.exchanges
        plan = self._plan if self._plan is not None else await self._look()
        self._plan = None  # unless all of it was read
        values: dict[str, float] = {}
        counter: float | None = None
        told: list[SensorReading] = []
        if plan.report is not None:
            told = await self._reports.read(plan.report)
            self._gathers = bool(told)
        if plan.sensors and not (told and plan.report is not None and plan.report.is_whole):
            told += readings_of_sensors(await self._resources.members(plan.sensors))
        values |= _sensors(told)
        counter = _energy(told)
        if plan.thermal:
            values |= named(readings_of([await self._resources.optional_body(plan.thermal)]))
        if plan.power:
            body = await self._resources.optional_body(plan.power)
            values |= _power(body) | _feedless(body)
        if plan.environment:
            body = await self._resources.optional_body(plan.environment)
            values |= _excerpt(body, "PowerWatts", "power")
            counter = number(mapping(body.get("EnergykWh")).get("Reading"))
        values |= await self._wet(plan)
        if not values:
            raise lacking(Capability.SENSORS, where=self._resources.session.label)
        self._plan = plan if self._gathers else replace(plan, report=None)
        requests = self._resources.session.exchanges - before
        return Round(values=trimmed(values), counter_kwh=counter, requests=requests)

    async def _wet(self, plan: _Plan) -> dict[str, float]:
        found: dict[str, float] = {}
        parts: list[Json] = []
        if plan.wet:
            parts = await self._resources.deep(plan.wet, levels=LEVELS)
        for path in (plan.leaks, plan.coolant):
            if path:
                parts += await self._resources.members(path)
        for part in parts:
            found |= _leak(part) | _coupling(part)
        return found

    async def _look(self) -> _Plan:
        """What there is, and what tells it in the fewest requests."""
        chassis = await self._resources.chassis((await self._resources.system()).body)
        sensors = reference(chassis, "Sensors") or ""
        told = await self._resources.members(sensors) if sensors else []
        report = await self._reports.find(told) if self._gathers and told else None
        readings = readings_of_sensors(told)
        warm = SensorKind.TEMPERATURE in {one.kind for one in readings}
        drawing = "power" in _sensors(readings)
        environment = reference(chassis, "EnvironmentMetrics") or ""
        power = reference(chassis, "Power") or ""
        return _Plan(
            sensors=sensors if told else "",
            report=report,
            thermal="" if warm else reference(chassis, "Thermal") or "",
            environment="" if drawing else environment,
            power=power if not drawing and not environment else "",
            **await self._look_for_liquid(chassis),
        )

    async def _look_for_liquid(self, chassis: Json) -> dict[str, str]:
        subsystem = reference(chassis, "ThermalSubsystem")
        body = await self._resources.optional_body(subsystem)
        detection = reference(body, "LeakDetection")
        coolant = reference(body, "CoolantConnectors") or ""
        if subsystem is None or not (detection or coolant):
            return {}
        deep = await self._resources.deep(subsystem, levels=LEVELS)
        if any(_leak(one) for one in deep):
            return {"wet": subsystem}
        held = await self._resources.optional_body(detection)
        return {"leaks": reference(held, "LeakDetectors") or "", "coolant": coolant}


def _sensors(readings: Sequence[SensorReading]) -> dict[str, float]:
    """Every sensor as a series, and the one of the whole host's draw as `power`."""
    found = named(readings)
    draws = [one for one in readings if one.kind is SensorKind.POWER and one.value is not None]
    for word in _TOTALS:
        for one in draws:
            if word in one.name.lower() and one.value is not None and one.value >= 0:
                found.pop(series_name("power", one.name), None)
                return found | {"power": one.value}
    return found


def _energy(readings: Sequence[SensorReading]) -> float | None:
    """The counter of the whole host: the one that counted most, where parts have their own."""
    kept = [one.value for one in readings if one.kind is SensorKind.ENERGY]
    return max((one for one in kept if one is not None and one >= 0), default=None)


def _power(body: Json) -> dict[str, float]:
    """The older schema tells the whole draw in its first control."""
    for control in items(body.get("PowerControl")):
        watts = number(control.get("PowerConsumedWatts"))
        if watts is not None and watts >= 0:
            return {"power": watts}
    return {}


def _feedless(body: Json) -> dict[str, float]:
    supplies = [one for one in items(body.get("PowerSupplies")) if not is_absent(one)]
    volts = [number(one.get("LineInputVoltage")) for one in supplies]
    told = [one for one in volts if one is not None]
    return {"feedless": float(sum(1 for one in told if one == 0))} if told else {}


def _excerpt(body: Json, name: str, series: str) -> dict[str, float]:
    value = number(mapping(body.get(name)).get("Reading"))
    return {} if value is None or value < 0 else {series: value}


def _leak(part: Json) -> dict[str, float]:
    state = text(part.get("DetectorState"))
    if "LeakDetector" not in text(part.get("@odata.type")) or state not in LEAKS:
        return {}
    return {series_name("leak", slot(part)): LEAKS[state]}


def _coupling(part: Json) -> dict[str, float]:
    if "CoolantConnector." not in text(part.get("@odata.type")):
        return {}
    place = slot(part)
    return {
        **_excerpt(part, "FlowLitersPerMinute", series_name("flow", place)),
        **_excerpt(part, "SupplyTemperatureCelsius", series_name("temperature", f"{place} supply")),
        **_excerpt(part, "ReturnTemperatureCelsius", series_name("temperature", f"{place} return")),
    }


def readings_of_sensors(told: list[Json]) -> list[SensorReading]:
    """Those that are fitted."""
    return [sensor(one) for one in told if not is_absent(one)]
