"""What a series is called and how finely it is kept.

A name says what is measured, then where: `power`, `temperature.gpu-0`, `leak.detector-1`. The first
word decides the unit and the quantum, the smallest step that is kept: readings are stored as whole
numbers of quanta, so that adding them up is exact and a sensor that hardly moves costs hardly
anything. Each quantum is finer than any BMC's own sensor is right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

NAME_CHARS_MAX = 64
SERIES_MAX = 96
"""Of one host. A GB300 tray tells some 300 sensors; the rest of them are in its own BMC."""
QUANTA_MAX = 2**53
"""Beyond it a number is no longer one that a BMC measured."""
_STRANGE = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Sort:
    """All series whose name begins with one word."""

    word: str
    unit: str
    quantum: float
    meaning: str
    counts: bool = False
    """It only ever grows: what lies between two readings is their difference."""


SORTS: Mapping[str, Sort] = {
    one.word: one
    for one in (
        Sort("power", "W", 0.1, "watts drawn: by the host, or by one part of it"),
        Sort("energy", "kWh", 0.001, "energy drawn since podyard reads this host", counts=True),
        Sort("unmetered", "s", 1, "time for which nobody knows what was drawn", counts=True),
        Sort("temperature", "Cel", 0.1, "degrees Celsius of one sensor"),
        Sort("leak", "", 1, "a leak detector: 0 dry, 1 warning, 2 critical"),
        Sort("flow", "L/min", 0.01, "coolant through one coupling"),
        Sort("fan", "RPM", 1, "turns of one fan a minute"),
        Sort("speed", "%", 0.1, "speed of one fan as a share of its most"),
        Sort("voltage", "V", 0.001, "volts of one sensor"),
        Sort("current", "A", 0.01, "amperes of one sensor"),
        Sort("humidity", "%", 0.1, "relative humidity at one sensor"),
        Sort("feedless", "", 1, "power supplies that have no input"),
        Sort("links", "", 1, "links of one accelerator that are up"),
        Sort("remapped", "", 1, "memory rows of one accelerator that were remapped", counts=True),
        Sort("life", "%", 0.1, "life that one drive has left"),
        Sort("ecc", "", 1, "memory errors of one part that were corrected", counts=True),
        Sort("ecc-lost", "", 1, "memory errors of one part that were not", counts=True),
        Sort("pcie", "", 1, "PCIe errors of one part that were corrected", counts=True),
        Sort("pcie-lost", "", 1, "PCIe errors of one part that were not", counts=True),
        Sort("link-errors", "", 1, "errors that the links of one part counted", counts=True),
        Sort("link-downs", "", 1, "times that a link of one part went down", counts=True),
        Sort("drive-errors", "", 1, "reads and writes that one drive could not do", counts=True),
    )
}


def sort_of(name: str) -> Sort:
    """What a series measures; a KeyError for a name that no series of ours has."""
    return SORTS[name.partition(".")[0]]


def series_name(word: str, where: str = "") -> str:
    """`temperature`, and what a BMC calls the place in small letters, digits and hyphens."""
    place = _STRANGE.sub("-", where.lower()).strip("-")
    return f"{word}.{place}"[:NAME_CHARS_MAX].rstrip("-.") if place else word


def quanta(name: str, value: float) -> int | None:
    """A reading as it is kept; None for what no sensor can have read."""
    steps = value / sort_of(name).quantum
    return round(steps) if abs(steps) < QUANTA_MAX else None


def measure(name: str, steps: float) -> float:
    """A kept number as it was read."""
    quantum = sort_of(name).quantum
    # Divide, do not multiply: 213 * 0.1 is 21.3 and a little more.
    return steps / round(1 / quantum) if quantum < 1 else steps * quantum
