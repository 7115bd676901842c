"""The judge of a real bench: the hall's journal and the hosts' own state, and nothing else.

The service's records say who is called ready and when; whether that is so, they are not asked.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pods.firmware import bios_differences, firmware_behind
from pods.power import fits
from pods.spec import PodSpec
from provisioning.simulator.journal import Entry, feed_peaks, repeated_acts

EXAMPLES_MAX = 5
UP, DOWN = "boot", "power.off"


@dataclass(slots=True)
class Verdict:
    """What was found."""

    double_destructive: int = 0
    false_ready: int = 0
    over_budget: int = 0
    bugs: int = 0
    flashes: int = 0
    lines: int = 0
    findings: list[str] = field(default_factory=list)
    """The first few, in words."""

    def find(self, what: str) -> None:
        """Another one."""
        if len(self.findings) < EXAMPLES_MAX:
            self.findings.append(what)


def judge(
    journal: Sequence[Entry],
    *,
    budgets: Mapping[str, float],
    ready_at: Mapping[str, Sequence[float]],
    incurable: Mapping[str, Sequence[str]],
) -> Verdict:
    """Every line of the journal against what the service said. `ready_at`: in unix seconds."""
    done = Counter(entry["what"] for entry in journal)
    found = Verdict(
        bugs=done["simulator.bug"], flashes=done["firmware.update.start"], lines=len(journal)
    )
    for act in repeated_acts(journal):
        found.double_destructive += 1
        found.find(f"{act.host}: {act.component} {act.new} was written twice")
    for feed, watts in feed_peaks(journal).items():
        if not fits(watts, budget_watts=budgets[feed]):
            found.over_budget += 1
            found.find(f"feed {feed} carried {watts:.0f} W of {budgets[feed]:.0f} W")
    lives = _lives(journal)
    for host, moments in ready_at.items():
        for wrong in _wrong(moments, lives[host], incurable.get(host, ())):
            found.false_ready += 1
            found.find(f"{host} is called ready: {wrong}")
    return found


def _wrong(
    moments: Iterable[float], life: list[tuple[float, bool]], incurable: Sequence[str]
) -> Iterable[str]:
    if incurable:
        yield f"it has {', '.join(incurable)}"
    for moment in moments:
        place = bisect_right(life, (moment, True))
        if not place or not life[place - 1][1]:
            yield f"at {moment:.1f} it was not up"


def _lives(journal: Sequence[Entry]) -> dict[str, list[tuple[float, bool]]]:
    """When each host's operating system began and ended."""
    found: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for entry in journal:
        if entry["what"] in {UP, DOWN}:
            found[entry["host"]].append((float(entry["at"]), entry["what"] == UP))
    return found


def unlike_its_spec(directory: Path, host: str, spec: PodSpec) -> list[str]:
    """What a host's own state says against the spec that it is called ready under."""
    state: dict[str, Any] = json.loads((directory / "hosts" / host / "state.json").read_text())
    kind = next(iter(spec.host_types))
    behind = firmware_behind(spec.firmware.get(kind, ()), state["firmware"])
    differing = bios_differences(spec.bios[kind], state["bios"])
    return [
        *([] if state["power"] == "On" and state["booted"] else ["it is not on"]),
        *(f"{item.component} is behind" for item in behind),
        *(f"BIOS {one.attribute}" for one in differing),
    ]
