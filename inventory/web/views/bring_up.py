"""A pod's bring-up: waves with their progress, and the plan's power curve beside what was held.

The plan says watts step by step, not minute by minute: the steps are the columns. What was held is
worked out from the events of power on and off with the spec's own watts, the same arithmetic as the
planner's; it is told as reserved, and beside it stands what the hosts' meters said.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory.model import Event, Pod
from inventory.web.views.hosts import HostLine
from inventory.web.views.looks import counted, watts
from inventory.web.views.measured import Measured, by_step, step_times
from inventory.web.views.overview import Share, shares
from pods.line_chart import ticks
from pods.plan import Plan, Wave
from pods.power import PowerPhase, reserved_watts
from pods.spec import PodSpec
from pods.watts import EnvelopeStep

PLOT_W, PLOT_H = 960, 300
LEFT, RIGHT, TOP, BOTTOM = 72, 944, 24, 252
LABELS_MAX = 16
"""Columns that can carry a label each without touching."""

ON, OFF = "host.power.on", "host.power.off"


@dataclass(frozen=True, slots=True)
class Mark:
    """Something written beside the plot."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Curve:
    """The plan's watts and those held, as paths."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    planned: str
    planned_area: str
    held: str
    measured: str
    """What meters said, broken where none was read; empty: none was."""
    measured_told: str
    budget_y: float
    budget_told: str
    ticks: tuple[Mark, ...]
    columns: tuple[Mark, ...]
    now: Mark | None
    told: str
    """All of it in one sentence, for those who do not see it."""


@dataclass(frozen=True, slots=True)
class WaveLine:
    """One wave and where its hosts are."""

    number: int
    stage: str
    starts_when: str
    acts: str
    destructive: tuple[str, ...]
    hosts: tuple[HostLine, ...]
    missing: tuple[str, ...]
    ready: int
    shares: tuple[Share, ...]
    state: str
    held_back: tuple[str, ...] = ()
    """Why hosts of it are not started now, each reason once."""


HELD_BACK = ("waiting for power", "stopped:", "its cooling loop leaks")
"""How a host begins to say that its start waits for watts, a brake or a cooling loop."""
REASONS_MAX = 3


def wave_lines(plan: Plan, hosts: Mapping[str, HostLine]) -> tuple[WaveLine, ...]:
    """Waves in their order."""
    return tuple(_wave_line(wave, hosts) for wave in plan.waves)


def _wave_line(wave: Wave, hosts: Mapping[str, HostLine]) -> WaveLine:
    found = tuple(hosts[name] for name in wave.hosts if name in hosts)
    ready = sum(host.look.tone == "good" for host in found)
    kinds: dict[str, int] = {}
    for act in wave.acts:
        kinds[act.kind] = kinds.get(act.kind, 0) + 1
    begun = any(host.look.tone != "rest" and host.state not in BEFORE for host in found)
    return WaveLine(
        number=wave.number,
        stage=wave.stage,
        starts_when=wave.starts_when,
        acts=", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in kinds.items()),
        destructive=tuple(str(act) for act in wave.acts if act.destructive),
        hosts=found,
        missing=tuple(name for name in wave.hosts if name not in hosts),
        ready=ready,
        shares=shares(found, width=160),
        state="done" if ready == len(wave.hosts) else "under way" if begun else "waiting",
        held_back=_held_back(found),
    )


def _held_back(hosts: Iterable[HostLine]) -> tuple[str, ...]:
    said = (host.now_doing for host in hosts if host.now_doing.startswith(HELD_BACK))
    return tuple(dict.fromkeys(said))[:REASONS_MAX]


BEFORE = frozenset({"enrolled", "registering", "inspecting", "matching"})
"""States in which nothing of the plan was done to a host yet."""


@dataclass(frozen=True, slots=True)
class PowerMark:
    """A host was switched on or off."""

    at: datetime
    host: str
    on: bool


def power_marks(events: Iterable[Event], hosts: Iterable[str]) -> list[PowerMark]:
    """What these events say about these hosts' power."""
    names = {f"host:{name}": name for name in hosts}
    return [
        PowerMark(at=event.at, host=names[event.subject], on=event.kind == ON)
        for event in events
        if event.kind in {ON, OFF} and event.subject in names
    ]


def curve(
    pod: Pod,
    plan: Plan,
    marks: Sequence[PowerMark],
    held_now: float,
    *,
    slots: Mapping[str, str],
    now: datetime,
    metered: Measured | None = None,
) -> Curve:
    """The picture: one column per step of the plan, as high as its watts.

    `slots` is the slot of each host by name: hosts of one pod may be of several types.
    """
    planned = _planned(plan)
    held = _held(pod, plan, marks, held_now, slots=slots, now=now)
    times = step_times(plan, _starts(plan, marks), now=now)[: len(planned)]
    drawn = by_step(metered, times) if metered is not None else []
    most = max((watts for watts in drawn if watts is not None), default=0.0)
    highest = max(plan.budget_watts, plan.peak_watts, held_now, most, 1.0)
    marked = ticks(0.0, highest)
    top_watts = highest * 1.12  # room for the budget's own words above its line
    step = (RIGHT - LEFT) / max(len(planned), 1)

    def y(value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * value / top_watts, 1)

    def x(column: int) -> float:
        return round(LEFT + step * column, 1)

    outline = " ".join(
        f"{'M' if n == 0 else 'L'}{x(n)} {y(w)} L{x(n + 1)} {y(w)}"
        for n, (_, w) in enumerate(planned)
    )
    path = " ".join(
        f"{'M' if n == 0 else 'L'}{x(n)} {y(w)} L{x(n + 1)} {y(w)}" for n, w in enumerate(held)
    )
    every = max(1, -(-len(planned) // LABELS_MAX))
    last = len(held) - 1
    return Curve(
        width=PLOT_W,
        height=PLOT_H,
        left=LEFT,
        right=RIGHT,
        top=TOP,
        bottom=BOTTOM,
        planned=outline,
        planned_area=f"{outline} L{RIGHT} {BOTTOM} L{LEFT} {BOTTOM} Z" if outline else "",
        held=path,
        measured=" ".join(
            f"{'M' if n == 0 or drawn[n - 1] is None else 'L'}{x(n)} {y(w)} L{x(n + 1)} {y(w)}"
            for n, w in enumerate(drawn)
            if w is not None
        ),
        measured_told=_metered_now(metered),
        budget_y=y(plan.budget_watts),
        budget_told=f"budget {watts(plan.budget_watts)}",
        ticks=tuple(Mark(LEFT - 8, y(value), watts(value)) for value in marked),
        columns=tuple(
            Mark(round(x(n) + step / 2, 1), BOTTOM + 18, label)
            for n, (label, _) in enumerate(planned)
            if n % every == 0
        ),
        now=Mark(x(last + 1), y(held[-1]), watts(held[-1])) if held else None,
        told=(
            f"The plan rises to {watts(plan.peak_watts)} of a budget of "
            f"{watts(plan.budget_watts)} in {len(plan.waves)} waves; "
            f"{watts(held_now)} are reserved now; "
            f"{_metered_now(metered) or 'nothing'} was measured."
        ),
    )


def _starts(plan: Plan, marks: Sequence[PowerMark]) -> dict[int, datetime]:
    """When the first host of each wave was switched on."""
    wave_of = {name: wave.number for wave in plan.waves for name in wave.hosts}
    starts: dict[int, datetime] = {}
    for mark in marks:
        if mark.on and mark.host in wave_of:
            starts.setdefault(wave_of[mark.host], mark.at)
    return starts


def _metered_now(metered: Measured | None) -> str:
    """The newest sum, and of how many meters it is."""
    told = (
        [pair for pair in zip(metered.watts, metered.hosts, strict=True) if pair[1]][-1:]
        if (metered is not None)
        else []
    )
    return f"{watts(told[0][0])} by {counted(told[0][1], 'meter')}" if told else ""


def _planned(plan: Plan) -> list[tuple[str, float]]:
    """(label, watts over all feeds) of every step."""
    if not plan.feeds:
        return []
    sums = [
        sum(step.watts for step in steps)
        for steps in zip(*(f.steps for f in plan.feeds), strict=True)
    ]
    labels = [_label(step) for step in plan.feeds[0].steps]
    return list(zip(labels, sums, strict=True))


def _label(step: EnvelopeStep) -> str:
    if step.wave == 0:
        return "at rest"
    return f"w{step.wave} {'start' if step.phase == 'starting' else 'run'}"


def _held(
    pod: Pod,
    plan: Plan,
    marks: Sequence[PowerMark],
    held_now: float,
    *,
    slots: Mapping[str, str],
    now: datetime,
) -> list[float]:
    """Watts held in every step that was reached: the highest while its wave started, then after."""
    planned = _planned(plan)
    if not planned:
        return []
    spec = PodSpec.model_validate_json(json.dumps(pod.spec_document))
    kinds = {slot.slot: spec.host_types[slot.host_type].power for _, slot in spec.slots()}
    wave_of = {name: wave.number for wave in plan.waves for name in wave.hosts}
    starts: dict[int, datetime] = {}
    deltas: list[tuple[datetime, float]] = []
    for mark in marks:
        power = kinds.get(slots.get(mark.host, ""))
        if power is None or mark.host not in wave_of:
            continue
        standby, starting, running = (
            reserved_watts(power, phase)
            for phase in (PowerPhase.STANDBY, PowerPhase.STARTING, PowerPhase.RUNNING)
        )
        if mark.on:
            starts.setdefault(wave_of[mark.host], mark.at)
            deltas.append((mark.at, starting - standby))
            deltas.append((mark.at + timedelta(seconds=power.inrush_s), running - starting))
        else:
            deltas.append((mark.at, standby - running))
    deltas.sort(key=lambda one: one[0])
    reached = [planned[0][1]]
    for wave in plan.waves:
        begun = starts.get(wave.number)
        if begun is None:
            break
        later = [at for number, at in starts.items() if number > wave.number]
        ends = min(later, default=now)
        base = reached[0] + sum(d for at, d in deltas if at < begun)
        peak = total = base
        for at, delta in deltas:
            if begun <= at < ends:
                total += delta
                peak = max(peak, total)
        reached.append(peak)
        settled = begun + timedelta(seconds=wave.settle_s)
        if settled <= now or later:
            reached.append(total if later else held_now)
    return reached
