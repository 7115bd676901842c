"""What a bring-up will do, before anything is powered: waves, acts, and the watts over time.

The plan is pure and deterministic: the same spec and the same known facts give the same plan with
the same digest, so it can be shown, approved, compared and held against the hall's journal.

Order on a feed is by falling (inrush - nameplate): whoever needs most room above its lasting draw
starts while most room is left. For hosts started one after another this order is the best there
is (an exchange argument), and waves never let a host overtake another of its feed; so when the
planner finds no way, there is none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from pods.canonical import digest_of
from pods.differences import Change, changes
from pods.errors import PlanError, shown
from pods.facts import HardwareFacts
from pods.firmware import bios_differences, firmware_behind
from pods.match import critical, match
from pods.power import PowerPhase, fits, reserved_watts
from pods.spec import HostType, PodSpec

TRIAL_SHARE = 0.1
"""After the canaries a tenth of the hosts: what fails one host in ten shows before the rest."""

Stage = Literal["canary", "trial", "rest"]

ActKind = Literal["power_on", "firmware_update", "bios_change", "boot", "configure", "accept"]


@dataclass(frozen=True, slots=True)
class PlannedHost:
    """A host in a slot, with what is known of it. Without facts only its type is assumed."""

    name: str
    slot: str
    facts: HardwareFacts | None = None
    powered: bool = False


class Planned(BaseModel):
    """The base of a plan's parts: frozen, and readable back from a stored JSON value."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Act(Planned):
    """One thing done to one host. The destructive ones are those the journal must match."""

    host: str
    kind: ActKind
    destructive: bool = False
    component: str = ""
    from_version: str = ""
    to_version: str = ""

    def __str__(self) -> str:
        change = f" {self.component} {self.from_version} → {self.to_version}"
        return f"{self.host}: {self.kind}{change if self.component else ''}"


class Wave(Planned):
    """Hosts that are started together; a stage must succeed before the next stage begins."""

    number: int
    stage: Stage
    hosts: tuple[str, ...]
    acts: tuple[Act, ...]

    @property
    def canary(self) -> bool:
        """Whether these hosts prove the design for the others."""
        return self.stage == "canary"


class EnvelopeStep(Planned):
    """The watts reserved on a feed during one step. Wave 0 is before anything is started."""

    wave: int
    phase: Literal["standby", "starting", "running"]
    watts: float


class FeedEnvelope(Planned):
    """One feed's reserved watts over the whole bring-up, never above its budget."""

    feed: str
    budget_watts: float
    peak_watts: float
    steps: tuple[EnvelopeStep, ...]


class ParkedHost(Planned):
    """A host that will not be started: its facts show a critical mismatch already."""

    host: str
    reason: str
    remedy: str


class Plan(Planned):
    """An immutable plan. Its digest covers everything else in it."""

    pod: str
    spec: str
    spec_digest: str
    waves: tuple[Wave, ...]
    parked: tuple[ParkedHost, ...]
    feeds: tuple[FeedEnvelope, ...]
    peak_watts: float
    """Highest sum over all feeds at one step."""
    budget_watts: float
    """Sum of the feeds' budgets."""
    unknown_hosts: tuple[str, ...]
    """Hosts planned without facts: their firmware and BIOS acts show only after inspection."""
    digest: str

    @model_validator(mode="after")
    def _digest_is_its_own(self) -> Self:
        if self.digest != digest_of(self.model_dump(mode="json", exclude={"digest"})):
            raise ValueError("the plan's digest is not that of its content: it was changed")
        return self

    def acts(self) -> tuple[Act, ...]:
        """Every act, in the order of the waves."""
        return tuple(act for wave in self.waves for act in wave.acts)

    def destructive_acts(self) -> tuple[Act, ...]:
        """The acts that change a host for good."""
        return tuple(act for act in self.acts() if act.destructive)


@dataclass(frozen=True, slots=True)
class _Placed:
    """A planned host with what the spec says of its slot."""

    host: PlannedHost
    position: int
    type_name: str
    host_type: HostType
    feed: str

    @property
    def before_watts(self) -> float:
        phase = PowerPhase.RUNNING if self.host.powered else PowerPhase.STANDBY
        return reserved_watts(self.host_type.power, phase)

    @property
    def starting_watts(self) -> float:
        return reserved_watts(self.host_type.power, PowerPhase.STARTING)

    @property
    def running_watts(self) -> float:
        return reserved_watts(self.host_type.power, PowerPhase.RUNNING)


@dataclass(slots=True)
class _Envelope:
    """Watts per feed as the planner walks through time. Never leaves this module."""

    budgets: Mapping[str, float]
    now: dict[str, float]
    steps: dict[str, list[EnvelopeStep]] = field(default_factory=dict)

    def record(self, wave: int, phase: Literal["standby", "starting", "running"]) -> None:
        for feed, watts in self.now.items():
            step = EnvelopeStep(wave=wave, phase=phase, watts=watts)
            self.steps.setdefault(feed, []).append(step)

    def start(self, wave: int, group: Sequence[_Placed]) -> None:
        """Take these hosts from rest through their inrush to their nameplate."""
        for host in group:
            self.now[host.feed] += host.starting_watts - host.before_watts
        self.record(wave, "starting")
        for host in group:
            self.now[host.feed] += host.running_watts - host.starting_watts
        self.record(wave, "running")


def plan_bring_up(spec: PodSpec, *, pod: str, hosts: Sequence[PlannedHost]) -> Plan:
    """The plan for these hosts, or `PlanError` when a feed can never carry them."""
    placed = _placed(spec, hosts)
    parked = tuple(parking for host in placed if (parking := _parking(host)))
    stays = {parking.host for parking in parked}
    starting = [host for host in placed if host.host.name not in stays]
    envelope = _at_rest(spec, placed)
    groups = list(_groups(starting, envelope, canary=spec.bring_up.canary))
    waves = tuple(
        Wave(
            number=number,
            stage=stage,
            hosts=tuple(host.host.name for host in group),
            acts=tuple(act for host in group for act in _acts(spec, host)),
        )
        for number, (stage, group) in enumerate(groups, start=1)
    )
    body: dict[str, Any] = {
        "pod": pod,
        "spec": spec.identity,
        "spec_digest": spec.digest(),
        "waves": waves,
        "parked": parked,
        "unknown_hosts": tuple(host.host.name for host in placed if host.host.facts is None),
        **_totals(envelope),
    }
    unsealed = Plan.model_construct(**body, digest="")
    return Plan(**body, digest=digest_of(unsealed.model_dump(mode="json", exclude={"digest"})))


def _placed(spec: PodSpec, hosts: Sequence[PlannedHost]) -> list[_Placed]:
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
        placed.append(_Placed(host, index, slot.host_type, host_type, slot.feed))
    return sorted(placed, key=lambda one: one.position)


def _parking(placed: _Placed) -> ParkedHost | None:
    if placed.host.facts is None:
        return None
    found = critical(match(placed.host_type, placed.host.facts))
    if not found:
        return None
    reason = "; ".join(str(mismatch) for mismatch in found)
    return ParkedHost(host=placed.host.name, reason=reason, remedy=found[0].remedy)


def _at_rest(spec: PodSpec, placed: Sequence[_Placed]) -> _Envelope:
    budgets = {name: feed.budget_watts for name, feed in sorted(spec.feeds.items())}
    now = dict.fromkeys(budgets, 0.0)
    for host in placed:
        now[host.feed] += host.before_watts
    envelope = _Envelope(budgets=budgets, now=now)
    for feed, watts in now.items():
        if not fits(watts, budget_watts=budgets[feed]):
            raise PlanError(
                f"feed {feed} carries {watts:.0f} W before anything is started, "
                f"more than its {budgets[feed]:.0f} W",
                hint=f"switch hosts on feed {feed} off, or move some to another feed",
            )
    envelope.record(0, "standby")
    return envelope


def _groups(
    hosts: Sequence[_Placed], envelope: _Envelope, *, canary: int
) -> Iterator[tuple[Stage, list[_Placed]]]:
    """The waves' hosts, in order, moving the envelope along."""
    waiting = sorted(hosts, key=lambda h: (h.running_watts - h.starting_watts, h.position))
    trial = max(2 * canary, math.ceil(TRIAL_SHARE * len(hosts)))
    number = 0
    stages: tuple[tuple[Stage, int], ...]
    stages = (("canary", canary), ("trial", trial), ("rest", len(waiting)))
    for stage, size in stages:
        left = min(size, len(waiting))
        while left:
            number += 1
            group = _together(waiting, envelope, most=left)
            if not group:
                raise _cannot_start(waiting[0], envelope)
            left -= len(group)
            chosen = {host.host.name for host in group}
            waiting = [host for host in waiting if host.host.name not in chosen]
            envelope.start(number, group)
            yield stage, group


def _together(waiting: Sequence[_Placed], envelope: _Envelope, *, most: int) -> list[_Placed]:
    """The next hosts in order that may start at once; on a feed nobody overtakes."""
    group: list[_Placed] = []
    added = dict.fromkeys(envelope.now, 0.0)
    full: set[str] = set()
    for host in waiting:
        if len(group) == most or len(full) == len(envelope.now):
            break
        more = host.starting_watts - host.before_watts
        total = envelope.now[host.feed] + added[host.feed] + more
        if host.feed in full or not fits(total, budget_watts=envelope.budgets[host.feed]):
            full.add(host.feed)
            continue
        added[host.feed] += more
        group.append(host)
    return group


def _cannot_start(host: _Placed, envelope: _Envelope) -> PlanError:
    needed = envelope.now[host.feed] - host.before_watts + host.starting_watts
    budget = envelope.budgets[host.feed]
    return PlanError(
        f"host {host.host.name} can never start on feed {host.feed}: with the others running that "
        f"takes {needed:.0f} W, {needed - budget:.0f} W more than its budget of {budget:.0f} W",
        hint=f"move {host.host.slot} or another slot of feed {host.feed} to another feed, "
        "or give the feed's true rated_amps",
    )


def _acts(spec: PodSpec, placed: _Placed) -> Iterator[Act]:
    name, facts = placed.host.name, placed.host.facts
    if facts is not None:
        for item in firmware_behind(spec.firmware.get(placed.type_name, ()), facts.firmware):
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


def _totals(envelope: _Envelope) -> dict[str, Any]:
    feeds = tuple(
        FeedEnvelope(
            feed=feed,
            budget_watts=envelope.budgets[feed],
            peak_watts=max(step.watts for step in steps),
            steps=tuple(steps),
        )
        for feed, steps in envelope.steps.items()
    )
    sums = [sum(watts) for watts in zip(*([s.watts for s in f.steps] for f in feeds), strict=True)]
    return {
        "feeds": feeds,
        "peak_watts": max(sums, default=0.0),
        "budget_watts": sum(envelope.budgets.values()),
    }


def diff(a: Plan, b: Plan) -> tuple[Change, ...]:
    """What changed from plan `a` to plan `b`; empty exactly when their digests are the same."""
    return changes(a.model_dump(mode="json"), b.model_dump(mode="json"))
