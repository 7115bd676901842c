"""Metric reports: what a BMC gathers by itself of all its sensors, in one reply.

A report holds values and the addresses of what they are of, and neither their kind nor their unit.
So the first look reads the sensors behind one, chassis by chassis, and remembers what each is; from
then on a round is one request, and knows the accelerators' sensors too, which stand in chassis of
their own. A report that says the same moment again and again is a gatherer that died: it is not
believed any more, and the sensors themselves are asked.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from provisioning.drivers.capabilities import SensorReading
from provisioning.drivers.redfish.answers import Json, items, number, reference, text
from provisioning.drivers.redfish.parts import is_absent, path
from provisioning.drivers.redfish.resources import Resources, together
from provisioning.drivers.redfish.sensors import sensor

REPORTS_MAX = 8
"""Looked at; services have two to six."""
CHASSIS_MAX = 48
"""Whose sensors are looked at, once: an eight-GPU baseboard has some 30 that have any."""
VALUES_MAX = 4096
STALE_AFTER = 4
"""Readings of one and the same moment: reports are renewed every second to every minute."""


@dataclass(frozen=True, slots=True)
class Report:
    """One that is worth reading, and what its values are of."""

    path: str
    sensors: Mapping[str, SensorReading]
    """By the sensor's address; the readings are those of the first look."""
    is_whole: bool
    """It tells all that the host's own chassis tells, so that need not be read besides."""


class Reports:
    """Reads the one report that tells most."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._moment = ""
        self._same = 0

    async def find(self, known: Iterable[Json]) -> Report | None:
        """The report that tells most; None where it tells nothing beside the `known` sensors."""
        root = await self._resources.session.root()
        service = await self._resources.optional_body(reference(root, "TelemetryService"))
        listed = await self._resources.optional_body(reference(service, "MetricReports"))
        paths = [found for one in items(listed.get("Members")) if (found := reference(one))]
        bodies = await together(self._resources.optional_body(one) for one in paths[:REPORTS_MAX])
        own = {path(one): sensor(one) for one in known if not is_absent(one)}
        best = max(bodies, key=lambda one: len(_values(one)), default={})
        told = _values(best)
        added = await self._behind(told.keys() - own.keys())
        sensors = {one: found for one, found in (own | added).items() if one in told}
        if not sensors.keys() - own.keys():
            return None
        telling = {place for place, one in own.items() if one.value is not None}
        return Report(path(best), sensors, is_whole=telling <= sensors.keys())

    async def read(self, report: Report) -> list[SensorReading]:
        """What it says now; nothing when it is stale or gone."""
        body = await self._resources.optional_body(report.path)
        if not self._is_fresh(body):
            return []
        return [
            report.sensors[place].model_copy(update={"value": value})
            for place, value in _values(body).items()
            if place in report.sensors
        ]

    async def _behind(self, places: Iterable[str]) -> dict[str, SensorReading]:
        """The sensors at these addresses, one collection in one reply where the service expands."""
        listed = sorted({place.rpartition("/")[0] for place in places})
        told = await together(self._resources.members(one) for one in listed[:CHASSIS_MAX])
        return {path(one): sensor(one) for several in told for one in several}

    def _is_fresh(self, body: Json) -> bool:
        moments = [text(one.get("Timestamp")) for one in items(body.get("MetricValues"))]
        moment = max(filter(None, [text(body.get("Timestamp")), *moments]), default="")
        self._same = self._same + 1 if moment and moment == self._moment else 0
        self._moment = moment
        return self._same < STALE_AFTER


def _values(report: Json) -> dict[str, float]:
    """Address of a sensor to its value: the last one where a report tells several."""
    found: dict[str, float] = {}
    for one in items(report.get("MetricValues"))[:VALUES_MAX]:
        said = text(one.get("MetricProperty"))
        place = said.partition("#")[0].removesuffix("/Reading").rstrip("/")
        value = _number(one.get("MetricValue"))
        if "/Sensors/" in place and value is not None:
            found[place] = value
    return found


def _number(said: object) -> float | None:
    """Values are text in the standard: `35.5`, and on some BMCs `nan`."""
    if not isinstance(said, str):
        return number(said)
    try:
        value = float(said)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
