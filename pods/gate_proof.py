"""What proves each gate before a pod is powered: the readings there are, else a person.

Facts of the hosts tell some of it: coolant connectors their flow, leak detectors their state and
reaction, supplies their input, and a BMC that it answers by having answered. What no BMC tells (the
CDU, a rack's own detectors, breakers, a busbar) a person goes and sees; whoever approves the plan
by its digest confirms just that, and the approval is recorded. A reading that shows a gate failed
is no matter of opinion: the hosts behind it stay out of the plan until a new inspection shows else.

Pure: facts by rack come in, proofs and the hosts that stay out come out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pods.cooling import FLOW_SHARE_MIN, Gate, GateName, Seen, coolant_flow_proven, gates, is_liquid
from pods.facts import CoolantConnectorFact, HardwareFacts
from pods.hosttype import HostType
from pods.racktype import RackType
from pods.spec import PodSpec
from pods.watts import Planned

NAMED_MAX = 3
"""So many hosts are named; the others are counted."""

WET = frozenset({"liquid", "hybrid"})
LEAKING = frozenset({"Warning", "Critical"})
"""A little liquid and much: neither is a person's to wave through."""
DEAD_INPUTS = frozenset({"LossOfInput", "OutOfRange"})


class GateProof(Planned):
    """One gate of a plan: what must be seen, what was read, and who vouches for the rest."""

    gate: GateName
    proof: str
    """What must be seen."""
    reading: str
    """Where it is read; empty where no hardware tells it."""
    state: Literal["passed", "failed", "unknown", "later"]
    """`later`: proven wave by wave, after power-on."""
    found: str
    confirmed_by: Literal["readings", "approver", "controller"]
    """`approver`: whoever approves this plan confirms it, and that is recorded as `pod.up`."""


@dataclass(frozen=True, slots=True)
class PlacedFacts:
    """What is known of one host, and the rack that it stands in."""

    host: str
    rack: str
    host_type: HostType
    facts: HardwareFacts | None


@dataclass(frozen=True, slots=True)
class Proven:
    """Every gate's proof, and which hosts a failed one keeps off."""

    proofs: tuple[GateProof, ...]
    kept_off: Mapping[str, str]
    """Host to why."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """A gate as the readings show it."""

    state: Seen
    found: str
    kept_off: Mapping[str, str]


def prove(spec: PodSpec, hosts: Sequence[PlacedFacts]) -> Proven:
    """Hold what is known of the hosts against each gate, in order."""
    proofs: list[GateProof] = []
    kept_off: dict[str, str] = {}
    for gate in gates(liquid=is_liquid(spec)):
        how = _READ.get(gate.name)
        if how is None:
            proofs.append(_later(gate))
            continue
        reading, read = how
        seen = read(spec, hosts)
        kept_off = {**seen.kept_off, **kept_off}
        proofs.append(
            GateProof(
                gate=gate.name,
                proof=gate.proof,
                reading=reading,
                state=seen.state,
                found=seen.found,
                confirmed_by="approver" if seen.state == "unknown" else "readings",
            )
        )
    return Proven(tuple(proofs), kept_off)


def _later(gate: Gate) -> GateProof:
    return GateProof(
        gate=gate.name,
        proof=gate.proof,
        reading=_LATER[gate.name],
        state="later",
        found="read wave by wave, once hosts are on",
        confirmed_by="controller",
    )


_LATER: Mapping[GateName, str] = {
    "hosts-staged": "ComputerSystem.PowerState and the agent's first report of each host",
    "load": "the acceptance ladder's measurements under load",
}


def _flow(_spec: PodSpec, hosts: Sequence[PlacedFacts]) -> _Reading:
    """Each connector of each host is a branch: the worst decides, and a low one keeps it off."""
    states: dict[str, Seen] = {}
    low: dict[str, str] = {}
    for host in hosts:
        if not _is_wet(host.host_type):
            continue
        seen = list(_branches(host))
        states[host.host] = _worst([state for _, state in seen])
        blocked = [why for why, state in seen if state == "failed"]
        if blocked:
            low[host.host] = f"gate coolant-flow: {'; '.join(blocked)}"
    return _told(states, "read their designed flow", kept_off=low)


def _branches(host: PlacedFacts) -> Iterator[tuple[str, Seen]]:
    """What each connector of a host reads, held against its own share of the design."""
    connectors = host.facts.coolant if host.facts else ()
    for one, designed in zip(connectors, _designed(host, connectors), strict=True):
        if not designed or one.flow_lpm is None:
            yield "", "unknown"
            continue
        low = (
            f"{one.slot}: {one.flow_lpm:.3g} L/min, below {FLOW_SHARE_MIN:.0%} of the designed "
            f"{designed:.3g}"
        )
        yield low, coolant_flow_proven([one.flow_lpm], designed_lpm=designed)


def _designed(host: PlacedFacts, connectors: Sequence[CoolantConnectorFact]) -> list[float | None]:
    """Each connector's flow by design: a host's own is shared as they are rated, else evenly."""
    rated = [one.rated_flow_lpm for one in connectors]
    cooling = host.host_type.cooling
    whole = cooling.flow_lpm if cooling else None
    if not whole:
        return rated
    if all(rated):
        return [whole * (one or 0.0) / sum(one or 0.0 for one in rated) for one in rated]
    return [whole / len(connectors) for _ in connectors]


def _worst(states: Sequence[Seen]) -> Seen:
    """A failure before anything unknown, and nothing read is unknown."""
    if "failed" in states:
        return "failed"
    return "unknown" if "unknown" in states or not states else "passed"


def _leaks(spec: PodSpec, hosts: Sequence[PlacedFacts]) -> _Reading:
    """Liquid that is seen keeps a whole rack off: nothing in it may be energised."""
    states: dict[str, Seen] = {}
    leaking: dict[str, str] = {}
    for host in hosts:
        if not _is_wet(host.host_type):
            continue
        detectors = host.facts.leak_detectors if host.facts else ()
        for one in detectors:
            if one.state in LEAKING:
                leaking[host.rack] = (
                    f"gate leak-detectors: {one.slot} of {host.host} sees liquid ({one.state})"
                )
        armed = detectors and all(
            one.state == "OK" and one.critical_reaction not in {"", "None"} for one in detectors
        )
        wet = any(one.state in LEAKING for one in detectors)
        states[host.host] = "failed" if wet else "passed" if armed else "unknown"
    own = [rack for rack in spec.racks if _has_own_detector(spec.type_of(rack))]
    for rack in own:
        states[f"rack {rack.name}"] = "unknown"
    kept_off = {host.host: leaking[host.rack] for host in hosts if host.rack in leaking}
    return _told(states, "have armed detectors that answer OK", kept_off=kept_off)


def _has_own_detector(rack_type: RackType | None) -> bool:
    return rack_type is not None and any(not one.per_host for one in rack_type.leak_detectors)


def _busbar(_spec: PodSpec, hosts: Sequence[PlacedFacts]) -> _Reading:
    """Supplies tell whether their input lives; one that is lost is its host's affair."""
    states: dict[str, Seen] = {}
    for host in hosts:
        inputs = [one.input_status for one in host.facts.power_supplies] if host.facts else []
        live = bool(inputs) and all(one == "Normal" for one in inputs)
        states[host.host] = "passed" if live else "unknown"
    lost = [host.host for host in hosts if host.facts and _input_lost(host.facts)]
    found = _told(states, "have supplies whose inputs all live", kept_off={})
    if not lost:
        return found
    return _Reading(found.state, f"{found.found}; an input is lost in {_named(lost)}", {})


def _input_lost(facts: HardwareFacts) -> bool:
    return any(one.input_status in DEAD_INPUTS for one in facts.power_supplies)


def _standby(_spec: PodSpec, hosts: Sequence[PlacedFacts]) -> _Reading:
    """A BMC that told its host's facts answers."""
    states: dict[str, Seen] = {h.host: "passed" if h.facts else "unknown" for h in hosts}
    return _told(states, "have a BMC that answered", kept_off={})


def _told(states: Mapping[str, Seen], words: str, *, kept_off: Mapping[str, str]) -> _Reading:
    """One state for all: a failure before anything unknown, that before what passed."""
    failed = [name for name, state in states.items() if state == "failed"]
    unknown = [name for name, state in states.items() if state == "unknown"]
    passed = sum(state == "passed" for state in states.values())
    found = f"{passed} of {len(states)} {words}"
    if len(unknown) == len(states):
        return _Reading("unknown", "no reading tells it", kept_off)
    if failed:
        found += f"; failed: {_named(failed)}"
    if unknown:
        found += f"; nothing told by {_named(unknown)}"
    state: Seen = "failed" if failed else "unknown" if unknown or not states else "passed"
    return _Reading(state, found, kept_off)


def _named(names: Sequence[str]) -> str:
    left = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {left} more" if left > 0 else "")


def _is_wet(host_type: HostType) -> bool:
    return host_type.cooling is not None and host_type.cooling.kind in WET


def unproven(proofs: Sequence[GateProof]) -> Iterator[GateProof]:
    """What an approver confirms by approving."""
    return (proof for proof in proofs if proof.confirmed_by == "approver")


_Reader = Callable[[PodSpec, Sequence[PlacedFacts]], _Reading]

_READ: Mapping[GateName, tuple[str, _Reader]] = {
    "coolant-flow": ("CoolantConnector.FlowLitersPerMinute of each host", _flow),
    "leak-detectors": ("LeakDetector.DetectorState and CriticalReactionType of each host", _leaks),
    "busbar": ("PowerSupply.LineInputStatus of each host", _busbar),
    "bmc-standby": ("the inspection of each host", _standby),
}
"""Where each gate before power is read, and how."""
