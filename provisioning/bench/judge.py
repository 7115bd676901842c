"""The judge of a bench: what was really done to the hardware, line by line, and nothing else.

It believes neither records nor logs of the controller. It hears the hall's journal as it is
written, adds up watts, counts flashes, and looks at a host's hardware in the moment in which
somebody calls it ready.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from pods.firmware import bios_differences, firmware_behind
from pods.power import fits
from pods.spec import PodSpec
from provisioning.bench.host import VirtualHost
from provisioning.simulator.journal import Entry

EXAMPLES_MAX = 5
KINDS = ("rack", "feed", "site")
_LINE = json.JSONEncoder(sort_keys=True)
FLASH_ENDS = frozenset({"firmware.update.done", "firmware.update.failed"})


@dataclass(frozen=True, slots=True)
class Limits:
    """How many hosts of one failure domain may be written to at once."""

    rack: int
    feed: int
    site: int


@dataclass(slots=True)
class Judge:
    """Hears everything, once."""

    budgets: Mapping[str, float]
    limits: Limits
    places: Mapping[str, tuple[str, str]]
    """Host to its rack and its feed."""
    over_limits: int = 0
    at_once: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    """Kind of failure domain to the most hosts of one that were ever written to at once."""
    double_destructive: int = 0
    false_ready: int = 0
    over_budget: int = 0
    peak_share: float = 0.0
    """The fullest that any feed ever was, of its budget."""
    lines: int = 0
    bugs: int = 0
    findings: list[str] = field(default_factory=list)
    """The first few of what should not have happened, in words."""
    done: Counter[str] = field(default_factory=Counter)
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    _draws: dict[str, float] = field(default_factory=dict)
    _feeds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    _flashed: set[tuple[str, str, str]] = field(default_factory=set)
    _written_to: set[tuple[str, int]] = field(default_factory=set)
    """Host and task of each flash that goes on."""
    _busy: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By kind and name of a failure domain."""

    @property
    def digest(self) -> str:
        """Of the whole journal so far."""
        return f"sha256:{self._digest.hexdigest()}"

    def hear(self, entry: Entry) -> None:
        """One line of the journal."""
        self.lines += 1
        self._digest.update(_LINE.encode(entry).encode() + b"\n")
        what = entry["what"]
        self.done[what] += 1
        if what == "draw":
            self._draw(entry)
        elif what == "firmware.update.start":
            self._flash(entry)
            self._begin(entry)
        elif what in FLASH_ENDS:
            self._end(entry)
        elif what == "simulator.bug":
            self.bugs += 1
            self._find(f"{entry['host']}: {entry['reason']}")

    def _draw(self, entry: Entry) -> None:
        host, feed, watts = entry["host"], entry["feed"], float(entry["watts"])
        self._feeds[feed] += watts - self._draws.get(host, 0.0)
        self._draws[host] = watts
        total, budget = self._feeds[feed], self.budgets[feed]
        self.peak_share = max(self.peak_share, total / budget)
        if not fits(total, budget_watts=budget):
            self.over_budget += 1
            self._find(f"feed {feed} carries {total:.0f} W of {budget:.0f} W at {entry['at']:.1f}")

    def _flash(self, entry: Entry) -> None:
        act = (entry["host"], entry["component"], entry["to"])
        if act in self._flashed:
            self.double_destructive += 1
            self._find(f"{act[0]}: {act[1]} {act[2]} was written twice")
        self._flashed.add(act)

    def person_said_retry(self, host: str) -> None:
        """What was written before is a person's to repeat: they were asked, and decided."""
        self._flashed = {act for act in self._flashed if act[0] != host}

    def _begin(self, entry: Entry) -> None:
        self._written_to.add((entry["host"], entry["task"]))
        for kind, name in self._domains(entry["host"]):
            self._busy[kind, name] += 1
            busy, most = self._busy[kind, name], getattr(self.limits, kind)
            self.at_once[kind] = max(self.at_once[kind], busy)
            if busy > most:
                self.over_limits += 1
                self._find(f"{kind} {name}: {busy} hosts in an update at once, {most} may be")

    def _end(self, entry: Entry) -> None:
        act = (entry["host"], entry["task"])
        if act in self._written_to:  # one that failed before it began was none
            self._written_to.remove(act)
            for domain in self._domains(entry["host"]):
                self._busy[domain] -= 1

    def _domains(self, host: str) -> tuple[tuple[str, str], ...]:
        rack, feed = self.places[host]
        return ("rack", rack), ("feed", feed), ("site", "")

    def called_ready(
        self, host: VirtualHost, spec: PodSpec, *, accepted: bool, broken: str
    ) -> None:
        """Somebody calls this host ready: is it?"""
        state, host_type = host.state, host.plan.host_type
        name = next(iter(spec.host_types))
        wrong = [
            *(["it is not on"] if state.power != "On" or not state.booted else []),
            *(
                f"{item.component} is behind"
                for item in firmware_behind(spec.firmware.get(name, ()), state.firmware)
            ),
            *(f"BIOS {one.attribute}" for one in bios_differences(spec.bios[name], state.bios)),
            *([f"it has {broken}"] if broken else []),
            *([] if accepted else ["nothing was measured in this life"]),
        ]
        if wrong:
            self.false_ready += 1
            self._find(f"{host.plan.name} ({host_type.model}) is called ready: {'; '.join(wrong)}")

    def _find(self, what: str) -> None:
        if len(self.findings) < EXAMPLES_MAX:
            self.findings.append(what)
