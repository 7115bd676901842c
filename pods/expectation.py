"""How long a host's steps are expected to take: the median of the past, else what the spec allows.

The past is told by whoever keeps records, as seconds by host type and step. The spec knows one
figure only, from power-on to the agent's first report. A step of which neither tells anything
counts as nothing, which makes a plan's duration too short rather than invented.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Literal

from pods.hosttype import HostType
from pods.watts import Planned

Step = Literal["flashing", "preparing", "booting", "configuring", "accepting"]

STEPS: tuple[Step, ...] = ("flashing", "preparing", "booting", "configuring", "accepting")
"""In order. `flashing` is one firmware update, `preparing` what else is done before the boot."""

Past = Mapping[str, Mapping[Step, Sequence[float]]]
"""Host type to step to the seconds that it took earlier hosts of that type."""


class Expectation(Planned):
    """What one step of one host type is expected to take."""

    host_type: str
    step: Step
    expected_s: float
    basis: Literal["past", "spec"]
    samples: int = 0
    """Of how many past ones it is the median."""


def expectations(name: str, host_type: HostType, past: Past) -> tuple[Expectation, ...]:
    """Every step of which something is known, in order."""
    seen = past.get(name, {})
    found = [
        Expectation(
            host_type=name,
            step=step,
            expected_s=round(median(seen[step]), 1),
            basis="past",
            samples=len(seen[step]),
        )
        for step in STEPS
        if seen.get(step)
    ]
    if not seen.get("booting"):
        allowed_s = host_type.boot_allowed_s
        found.append(
            Expectation(host_type=name, step="booting", expected_s=allowed_s, basis="spec")
        )
    return tuple(sorted(found, key=lambda one: STEPS.index(one.step)))


def expected_s(known: Sequence[Expectation], *, updates: int) -> float:
    """One host's seconds from its start to ready, with so many firmware updates."""
    return sum(one.expected_s * (updates if one.step == "flashing" else 1) for one in known)


def bases(known: Sequence[Expectation], *, updates: int) -> frozenset[str]:
    """What that figure rests on."""
    return frozenset(one.basis for one in known if updates or one.step != "flashing")
