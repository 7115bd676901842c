"""Coolant for a pod's heat, and the gates that stand between a cold rack and a loaded one.

A liquid-cooled rack that is powered before its coolant flows is damaged in seconds, so the order
is fixed and is data: each gate names what must be proven and how, and none opens before the one in
front of it. Pure: what was observed comes in, which gate is next and why comes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pods.spec import PodSpec

SECONDS_PER_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Coolant:
    """A fluid's heat capacity and density near 30 °C."""

    name: str
    kilojoules_per_kg_kelvin: float
    kg_per_litre: float


WATER = Coolant("water", 4.18, 0.995)
PG25 = Coolant("PG25", 3.87, 1.02)
"""A quarter propylene glycol, the usual fluid of a rack's own loop."""


def flow_lpm(heat_watts: float, *, rise_kelvin: float, coolant: Coolant = PG25) -> float:
    """Litres a minute that carry this heat away at this rise: P / (density·capacity·rise)."""
    if rise_kelvin <= 0:
        raise ValueError(f"a rise of {rise_kelvin} K carries no heat")
    joules_per_litre = coolant.kg_per_litre * coolant.kilojoules_per_kg_kelvin * 1000 * rise_kelvin
    return heat_watts / joules_per_litre * SECONDS_PER_MINUTE


def rise_kelvin(heat_watts: float, *, flow_lpm: float, coolant: Coolant = PG25) -> float:
    """By how much this flow warms up when it carries this heat away."""
    if flow_lpm <= 0:
        raise ValueError(f"a flow of {flow_lpm} L/min carries no heat")
    kg_per_s = flow_lpm / SECONDS_PER_MINUTE * coolant.kg_per_litre
    return heat_watts / (kg_per_s * coolant.kilojoules_per_kg_kelvin * 1000)


GateName = Literal[
    "coolant-flow", "leak-detectors", "busbar", "bmc-standby", "hosts-staged", "load"
]


@dataclass(frozen=True, slots=True)
class Gate:
    """One thing to prove before the next may happen."""

    name: GateName
    opens: str
    """What may be done once it has passed."""
    proof: str
    """What must be seen, and where in Redfish it is read."""
    liquid_only: bool = False


GATES: tuple[Gate, ...] = (
    Gate(
        name="coolant-flow",
        opens="leak detectors may be tested under pressure",
        proof="the CDU runs and every rack's CoolantConnector reads its designed flow",
        liquid_only=True,
    ),
    Gate(
        name="leak-detectors",
        opens="the rack may be energised",
        proof="every LeakDetector answers OK and its reaction to a critical leak is set",
        liquid_only=True,
    ),
    Gate(
        name="busbar",
        opens="BMCs may come up",
        proof="shelves or PDUs are energised on every feed, and no breaker is open",
    ),
    Gate(
        name="bmc-standby",
        opens="hosts may be powered, wave by wave",
        proof="every BMC of the wave answers and reads its supplies' inputs as present",
    ),
    Gate(
        name="hosts-staged",
        opens="load may be put on",
        proof="every host of the wave is on, and its feed carries what the plan says",
    ),
    Gate(
        name="load",
        opens="hosts may be accepted",
        proof="under load, temperatures and flow stay within their bands",
    ),
)
"""In order. After DMTF's schemas and commissioning practice (docs/concepts/cooling.md)."""

BEFORE_POWER: frozenset[GateName] = frozenset(
    {"coolant-flow", "leak-detectors", "busbar", "bmc-standby"}
)
"""The gates that a plan's first wave waits for."""

Seen = Literal["passed", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """How far a rack may go: `gate` is the first that has not passed, none when all have."""

    passed: tuple[GateName, ...]
    gate: GateName | None
    reason: str

    def may(self, name: GateName) -> bool:
        """Whether what this gate opens may be done."""
        return name in self.passed


def is_liquid(spec: PodSpec) -> bool:
    """Whether any host or rack of the pod gives heat to a liquid."""
    cooling = [host_type.cooling for host_type in spec.host_types.values()]
    cooling += [rack_type.cooling for rack_type in spec.rack_types.values()]
    return any(one is not None and one.kind != "air" for one in cooling)


def gates(*, liquid: bool) -> tuple[Gate, ...]:
    """The gates that a rack passes, in order; an air-cooled one has no coolant to prove."""
    return tuple(gate for gate in GATES if liquid or not gate.liquid_only)


def gates_of(spec: PodSpec) -> tuple[GateName, ...]:
    """The names of the gates before a pod's first wave."""
    return tuple(g.name for g in gates(liquid=is_liquid(spec)) if g.name in BEFORE_POWER)


def check_gates(seen: Mapping[str, Seen], *, liquid: bool) -> GateAnswer:
    """Which gate is next. Unknown is not passed, and a gate behind a closed one does not count."""
    passed: list[GateName] = []
    for gate in gates(liquid=liquid):
        state = seen.get(gate.name, "unknown")
        if state != "passed":
            word = "has failed" if state == "failed" else "is not proven yet"
            return GateAnswer(tuple(passed), gate.name, f"{gate.name} {word}: {gate.proof}")
        passed.append(gate.name)
    return GateAnswer(tuple(passed), None, "every gate has passed")


FLOW_SHARE_MIN = 0.9
"""Leaves room for a meter's error of some per cent and for a filter that is not new."""


def coolant_flow_proven(
    flows_lpm: Sequence[float | None], *, designed_lpm: float, share: float = FLOW_SHARE_MIN
) -> Seen:
    """Whether every branch has its flow: the worst one decides, not the sum."""
    if not flows_lpm or any(flow is None for flow in flows_lpm):
        return "unknown"
    lowest = min(flow for flow in flows_lpm if flow is not None)
    return "passed" if lowest >= share * designed_lpm else "failed"
