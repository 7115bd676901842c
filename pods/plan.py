"""What a bring-up will do, before anything is powered: waves, acts, and the watts over time.

The plan is pure and deterministic: the same spec and the same known facts give the same plan with
the same digest, so it can be shown, approved, compared and held against the hall's journal.

`sequence.py` finds the steps in which hosts may start; here they become waves with stages. A stage
(canary, trial, rest) must succeed before the next begins, so a step that two stages share is cut
in two, which never breaks a budget: each half needs less room than the whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pods.canonical import digest_of
from pods.cooling import gates_of
from pods.differences import Change, changes
from pods.errors import PlanError, shown
from pods.expectation import Expectation, Past, bases, expectations, expected_s
from pods.facts import HardwareFacts
from pods.firmware import bios_differences, firmware_behind
from pods.gate_proof import PlacedFacts, Proven, prove
from pods.match import critical, match
from pods.planned import Act, ParkedHost, Plan, Stage, Wave
from pods.power import PowerPhase, fits, reserved_watts
from pods.sequence import NoOrder, Start, shares, steps
from pods.spec import FirmwareItem, HostType, PodSpec, PowerSpec, SlotSpec
from pods.watts import EnvelopeStep, FeedEnvelope, FeedWatts

__all__ = [
    "Act",
    "EnvelopeStep",
    "FeedEnvelope",
    "ParkedHost",
    "Plan",
    "PlannedHost",
    "Wave",
    "diff",
    "equipment",
    "plan_bring_up",
]

TRIAL_SHARE = 0.1
"""After the canaries a tenth of the hosts: what fails one host in ten shows before the rest."""


@dataclass(frozen=True, slots=True)
class PlannedHost:
    """A host in a slot, with what is known of it. Without facts only its type is assumed."""

    name: str
    slot: str
    facts: HardwareFacts | None = None
    powered: bool = False


@dataclass(frozen=True, slots=True)
class _Placed:
    """A planned host with what the spec says of its slot."""

    host: PlannedHost
    position: int
    type_name: str
    host_type: HostType
    start: Start
    expected_s: float
    bases: frozenset[str]


def plan_bring_up(
    spec: PodSpec,
    *,
    pod: str,
    hosts: Sequence[PlannedHost],
    past: Past | None = None,
) -> Plan:
    """The plan for these hosts, or `PlanError` when a feed can never carry them."""
    known = {
        name: expectations(name, host_type, past or {})
        for name, host_type in spec.host_types.items()
    }
    placed = _placed(spec, hosts, known)
    proven = _proven(spec, placed)
    parked = tuple(p for host in placed if (p := _parking(host, proven.kept_off)))
    stays = {parking.host for parking in parked}
    watts = _at_rest(spec, placed)
    starting = {h.host.name: h for h in placed if h.host.name not in stays}
    groups = list(_groups(starting, watts, canary=spec.bring_up.canary))
    waves = tuple(_waves(spec, groups, gates=(gates := gates_of(spec))))
    body: dict[str, Any] = {
        "pod": pod,
        "spec": spec.identity,
        "spec_digest": spec.digest(),
        "waves": waves,
        "parked": parked,
        "unknown_hosts": tuple(host.host.name for host in placed if host.host.facts is None),
        "gates": gates if waves else (),
        "proofs": proven.proofs,
        "expectations": tuple(
            one
            for name in dict.fromkeys(h.type_name for h in starting.values())
            for one in known[name]
        ),
        "expected_s": max((wave.starts_s + wave.expected_s for wave in waves), default=0.0),
        **_totals(watts),
    }
    unsealed = Plan.model_construct(**body, digest="")
    return Plan(**body, digest=digest_of(unsealed.sealed()))


def _placed(
    spec: PodSpec, hosts: Sequence[PlannedHost], known: Mapping[str, Sequence[Expectation]]
) -> list[_Placed]:
    slots = {slot.slot: (index, slot) for index, (_, slot) in enumerate(spec.slots())}
    placed: list[_Placed] = []
    taken: dict[str, str] = {}
    seen: set[str] = set()
    for host in hosts:
        if host.slot not in slots:
            raise PlanError(
                f"host {host.name} is in slot {shown(host.slot)}, which {spec.identity} lacks",
                hint="move the host to a slot that `podyard spec show` lists",
            )
        if host.slot in taken:
            raise PlanError(
                f"slot {host.slot} holds both {taken[host.slot]} and {host.name}",
                hint="correct the slot of one of the two hosts",
            )
        if host.name in seen:
            raise PlanError(f"host {host.name} is planned in two slots", hint="name each host once")
        taken[host.slot] = host.name
        seen.add(host.name)
        index, slot = slots[host.slot]
        host_type = spec.host_types[slot.host_type]
        updates = len(_behind(spec, slot.host_type, host))
        placed.append(
            _Placed(
                host=host,
                position=index,
                type_name=slot.host_type,
                host_type=host_type,
                start=_start(host, index, host_type.power, slot),
                expected_s=expected_s(known[slot.host_type], updates=updates),
                bases=bases(known[slot.host_type], updates=updates),
            )
        )
    return sorted(placed, key=lambda one: one.position)


def _proven(spec: PodSpec, placed: Sequence[_Placed]) -> Proven:
    racks = {slot.slot: rack.name for rack, slot in spec.slots()}
    known = [
        PlacedFacts(one.host.name, racks[one.host.slot], one.host_type, one.host.facts)
        for one in placed
    ]
    return prove(spec, known)


def _parking(placed: _Placed, kept_off: Mapping[str, str]) -> ParkedHost | None:
    name, facts = placed.host.name, placed.host.facts
    found = critical(match(placed.host_type, facts)) if facts else ()
    if found:
        reason = "; ".join(str(mismatch) for mismatch in found)
        return ParkedHost(host=name, reason=reason, remedy=found[0].remedy)
    if name not in kept_off:
        return None
    remedy = f"make it safe on site, then inspect again: podyard host retry {name}"
    return ParkedHost(host=name, reason=kept_off[name], remedy=remedy)


def _start(host: PlannedHost, position: int, power: PowerSpec, slot: SlotSpec) -> Start:
    before = PowerPhase.RUNNING if host.powered else PowerPhase.STANDBY
    second = slot.feed_b if slot.feed_b and slot.feed_b != slot.feed else None
    return Start(
        name=host.name,
        position=position,
        feeds=(slot.feed, second) if second else (slot.feed,),
        before_watts=reserved_watts(power, before),
        starting_watts=reserved_watts(power, PowerPhase.STARTING),
        running_watts=reserved_watts(power, PowerPhase.RUNNING),
        settle_s=power.inrush_s,
    )


def equipment(spec: PodSpec) -> Iterator[Start]:
    """Switches and shelves draw from a rack's feeds all the time, before and after any start."""
    for index, rack in enumerate(spec.racks):
        rack_type = spec.type_of(rack)
        draw = sum(e.draw_watts or 0 for e in rack_type.equipment) if rack_type else 0
        if rack.feed is not None and draw:
            second = rack.feed_b if rack.feed_b != rack.feed else None
            feeds = (rack.feed, second) if second else (rack.feed,)
            # A host's name has no space, so the two cannot be confused.
            yield Start(f"rack {rack.name}", -1 - index, feeds, draw, draw, draw, 0.0)


def _at_rest(spec: PodSpec, placed: Sequence[_Placed]) -> FeedWatts:
    budgets = {name: feed.budget_watts for name, feed in sorted(spec.feeds.items())}
    drawing = [*(host.start for host in placed), *equipment(spec)]
    on = shares((start.name, start.feeds) for start in drawing)
    watts = FeedWatts(budgets=budgets, on=on, now=dict.fromkeys(budgets, 0.0))
    for start in drawing:
        watts.add(start, start.before_watts)
    lost = watts.lost()
    for feed, normal in watts.now.items():
        total = max(normal, lost.get(feed, 0.0))
        if not fits(total, budget_watts=budgets[feed]):
            when = " when its hosts' other feed dies" if total > normal else ""
            raise PlanError(
                f"feed {feed} carries {total:.0f} W before anything is started{when}, "
                f"more than its {budgets[feed]:.0f} W",
                hint=f"switch hosts on feed {feed} off, or move some to another feed",
            )
    watts.record(0, "standby")
    return watts


def _groups(
    starting: Mapping[str, _Placed], watts: FeedWatts, *, canary: int
) -> Iterator[tuple[Stage, list[_Placed]]]:
    """The waves' hosts, in order, moving the watts along."""
    starts = [host.start for host in starting.values()]
    try:
        found = steps(starts, watts.on, watts.room_for(starts))
    except NoOrder as no:
        raise _cannot_start(starting[no.start.name], no, watts.budgets) from None
    trial = max(2 * canary, math.ceil(TRIAL_SHARE * len(starting)))
    for number, (stage, group) in enumerate(_staged(found, canary=canary, trial=trial), start=1):
        watts.start(number, group)
        yield stage, [starting[start.name] for start in group]


def _staged(
    found: Sequence[Sequence[Start]], *, canary: int, trial: int
) -> Iterator[tuple[Stage, Sequence[Start]]]:
    """The steps, cut where one stage ends and the next begins."""
    stages: list[tuple[Stage, int]] = [("canary", canary), ("trial", trial)]
    for step in found:
        begun = 0
        while begun < len(step):
            stage, left = stages[0] if stages else ("rest", len(step))
            group = step[begun : begun + left]
            begun += len(group)
            yield stage, group
            if stages:
                stages[0] = (stage, left - len(group))
                if stages[0][1] == 0:
                    stages.pop(0)


def _waves(
    spec: PodSpec, groups: Sequence[tuple[Stage, list[_Placed]]], *, gates: Sequence[str]
) -> Iterator[Wave]:
    """The groups as waves: a stage waits for the one before it, a wave for its inrush to pass."""
    starts_s, stage_ends_s = 0.0, 0.0
    before: Wave | None = None
    for number, (stage, group) in enumerate(groups, start=1):
        if before is not None:
            same = before.stage == stage
            starts_s = before.starts_s + before.settle_s if same else stage_ends_s
        before = Wave(
            number=number,
            stage=stage,
            hosts=tuple(host.host.name for host in group),
            acts=tuple(act for host in group for act in _acts(spec, host)),
            starts_when=_starts_when(before, stage, gates),
            starts_s=starts_s,
            settle_s=max(host.start.settle_s for host in group),
            expected_s=max(host.expected_s for host in group),
            expected_basis=_basis(group),
        )
        stage_ends_s = max(stage_ends_s, starts_s + before.expected_s)
        yield before


def _starts_when(before: Wave | None, stage: Stage, gates: Sequence[str]) -> str:
    if before is None:
        return f"the plan is approved and these gates have passed: {', '.join(gates)}"
    if before.stage != stage and before.stage == "trial":
        return "the trial stage is through: more than half of each of its kinds of change are ready"
    if before.stage != stage:
        return f"every host of the {before.stage} stage is ready"
    return f"the inrush of wave {before.number} has passed, {before.settle_s:g} s after its start"


def _basis(group: Sequence[_Placed]) -> Literal["past", "spec", "past and spec"]:
    found = frozenset().union(*(host.bases for host in group))
    if len(found) > 1:
        return "past and spec"
    return "past" if "past" in found else "spec"


def _cannot_start(host: _Placed, no: NoOrder, budgets: Mapping[str, float]) -> PlanError:
    feed, budget = no.line.feed, budgets[no.line.feed]
    dead = f" and feed {no.line.lost} dead" if no.line.lost else ""
    return PlanError(
        f"host {host.host.name} can never start on feed {feed}: with the others running{dead} that "
        f"takes {budget + no.missing_watts:.0f} W, {no.missing_watts:.0f} W more than its budget "
        f"of {budget:.0f} W",
        hint=f"move {host.host.slot} or another slot of feed {feed} to another feed, "
        "or give the feed's true rated_amps",
    )


def _acts(spec: PodSpec, placed: _Placed) -> Iterator[Act]:
    name, facts = placed.host.name, placed.host.facts
    if facts is not None:
        for item in _behind(spec, placed.type_name, placed.host):
            yield Act(
                host=name,
                kind="firmware_update",
                destructive=True,
                component=item.component,
                from_version=facts.firmware[item.component],
                to_version=item.version,
            )
        for difference in bios_differences(spec.bios.get(placed.type_name, {}), facts.bios):
            yield Act(
                host=name,
                kind="bios_change",
                component=difference.attribute,
                from_version="absent" if difference.found is None else str(difference.found),
                to_version=str(difference.wanted),
            )
    if not placed.host.powered:
        yield Act(host=name, kind="power_on")
    yield Act(host=name, kind="boot")
    yield Act(host=name, kind="configure")
    yield Act(host=name, kind="accept")


def _behind(spec: PodSpec, type_name: str, host: PlannedHost) -> tuple[FirmwareItem, ...]:
    if host.facts is None:
        return ()
    return tuple(firmware_behind(spec.firmware.get(type_name, ()), host.facts.firmware))


def _totals(watts: FeedWatts) -> dict[str, Any]:
    feeds = watts.envelopes()
    sums = [sum(at) for at in zip(*([s.watts for s in f.steps] for f in feeds), strict=True)]
    return {
        "feeds": feeds,
        "peak_watts": max(sums, default=0.0),
        "budget_watts": sum(watts.budgets.values()),
    }


def diff(a: Plan, b: Plan) -> tuple[Change, ...]:
    """What changed from plan `a` to plan `b`; empty exactly when their digests are the same."""
    return changes(a.model_dump(mode="json"), b.model_dump(mode="json"))
