"""What one round of telemetry reads of a host, whatever its BMC calls it.

A round is read every minute of every host for years, so it is not put together from the verbs of
the port: a driver that can reads everything that moves in one request, and says how many it took.
The names are those of `inventory.readings.series`, made from what the BMC says; a BMC that says
more than anybody watches is cut short in an order that stays the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from inventory.readings.series import SERIES_MAX, series_name
from provisioning.drivers.capabilities import SensorKind, SensorReading

_COUNTERS = ("ecc", "ecc-lost", "pcie", "pcie-lost", "link-errors", "link-downs", "remapped")
MOST_OF_A_SORT = {
    "temperature": 40,
    "power": 16,
    "fan": 24,
    "speed": 24,
    "voltage": 12,
    # Sixteen accelerators, all modules together, and the eight modules that erred.
    **dict.fromkeys(_COUNTERS, 25),
}
"""Of one host; of any other sort a dozen."""
OTHERS_MOST = 12
_WORDS = {
    SensorKind.TEMPERATURE: "temperature",
    SensorKind.POWER: "power",
    SensorKind.VOLTAGE: "voltage",
    SensorKind.CURRENT: "current",
    SensorKind.FLOW: "flow",
    SensorKind.HUMIDITY: "humidity",
}
LEAKS = {"OK": 0.0, "Warning": 1.0, "Critical": 2.0}


@dataclass(frozen=True, slots=True)
class Round:
    """What was read."""

    values: Mapping[str, float] = field(default_factory=dict)
    """Series to its reading; `power` is the whole host's draw."""
    counter_kwh: float | None = None
    """The BMC's own counter of energy, where it has one."""
    requests: int = 0
    """How many it took."""

    @property
    def watts(self) -> float | None:
        """What the host draws."""
        return self.values.get("power")


@runtime_checkable
class RoundReader(Protocol):
    """A BMC that can be read in few requests."""

    async def round(self) -> Round:
        """Everything that moves. Raises the errors of `provisioning.errors`."""


@dataclass(frozen=True, slots=True)
class Wear:
    """Counters of errors and of wear, as the parts count them: a part that is reset begins anew."""

    values: Mapping[str, float] = field(default_factory=dict)
    requests: int = 0


@runtime_checkable
class WearReader(Protocol):
    """A BMC that tells what its parts count."""

    async def wear(self) -> Wear:
        """Links, memory and drives. Raises the errors of `provisioning.errors`."""


def named(readings: Iterable[SensorReading]) -> dict[str, float]:
    """Sensors as series. The whole host's draw is for the caller to say: names do not tell it."""
    found: dict[str, float] = {}
    for reading in readings:
        word = _word(reading)
        if word and reading.value is not None:
            found.setdefault(series_name(word, reading.name), reading.value)
    return found


def _word(reading: SensorReading) -> str:
    if reading.kind is SensorKind.FAN:
        return "speed" if reading.unit in {"%", "Percent"} else "fan"
    return _WORDS.get(reading.kind, "")


def trimmed(values: Mapping[str, float]) -> dict[str, float]:
    """As many of each sort as anybody watches, the first by name, so that they stay the same."""
    counts: dict[str, int] = {}
    found: dict[str, float] = {}
    for name in sorted(values):
        word, _, place = name.partition(".")
        if place:
            counts[word] = counts.get(word, 0) + 1
            if counts[word] > MOST_OF_A_SORT.get(word, OTHERS_MOST):
                continue
        if len(found) < SERIES_MAX:
            found[name] = values[name]
    return found
