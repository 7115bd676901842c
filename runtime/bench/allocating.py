"""A run of the allocator on a site of one seed: fill it, then let asks come and claims end.

The load swings between seven tenths and nineteen twentieths of what can be held. A decision is one
claim placed, or refused with its reasons, with everything that changes by it; an end counts with
the claims that it let in. The judge looks at every answer beside the stopwatch, not under it.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Any

from runtime.allocation.allocator import Allocator
from runtime.allocation.answer import Placed, Refused
from runtime.allocation.ask import Ask
from runtime.allocation.unit import Constraint
from runtime.bench.asks import Asking, quotas_of
from runtime.bench.judge import Judge
from runtime.bench.site import units_of

START = datetime(2026, 1, 1, tzinfo=UTC)
LOAD_MIN, LOAD_MAX = 0.70, 0.95
STEP = timedelta(seconds=1)
SWING = 4000
"""Steps from one ebb to the next."""

WAITING_MAX = 2000
"""Asks that are let wait: the one that came first gives up then, as people do."""

FOR_WANT_OF_UNITS = frozenset({Constraint.CLASS, Constraint.HELD, Constraint.RESERVED})

Clock = Callable[[], float]
"""Seconds since whenever."""


@dataclass(slots=True)
class Run:
    """One run, and what it showed."""

    allocator: Allocator
    judge: Judge
    asking: Asking
    wall: Clock
    cpu: Clock
    now: datetime = START
    asks: dict[str, Ask] = field(default_factory=dict)
    ends: list[tuple[datetime, str]] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    decisions: int = 0
    placed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    preempted: int = 0
    full: list[float] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)

    def step(self, target: float) -> None:
        """An ask comes below the target; above it claims end."""
        self.now += STEP
        while self.ends and self.ends[0][0] <= self.now:
            self._end(heappop(self.ends)[1])
        if self.load < target:
            self._ask(self.asking.next(self.now))
        else:
            self._end(self.asking.pick(self.judge.holders()))
        self.loads.append(self.load)

    @property
    def load(self) -> float:
        """Share of what can be held that is."""
        return self.judge.held_milli / self.judge.usable_milli

    def forget_times(self) -> None:
        """The filling is over."""
        self.wall_s.clear()
        self.cpu_s.clear()
        self.loads.clear()
        self.full.clear()
        self.refused.clear()
        self.decisions, self.placed, self.preempted = 0, 0, 0

    def _ask(self, ask: Ask) -> None:
        self.asks[ask.id] = ask
        began = self._times()
        answer = self.allocator.decide(ask, self.now)
        self._took(began, 1)
        if isinstance(answer, Placed):
            self._given(answer)
        else:
            self._refused(ask, answer)
        if len(self.allocator.waiting) > WAITING_MAX:
            self.allocator.withdrawn(next(self.allocator.waiting.in_order()).id)

    def _end(self, claim_id: str) -> None:
        if self.allocator.holdings.get(claim_id) is None:
            return
        self.judge.ended(claim_id)
        began = self._times()
        self.allocator.ended(claim_id)
        placed = self.allocator.serve(self.now)
        self._took(began, len(placed))
        for one in placed:
            self._given(one)

    def _times(self) -> tuple[float, float]:
        return self.wall(), self.cpu()

    def _took(self, began: tuple[float, float], decisions: int) -> None:
        wall, cpu = self._times()
        self.wall_s.append(wall - began[0])
        self.cpu_s.append(cpu - began[1])
        self.decisions += decisions

    def _given(self, placed: Placed) -> None:
        ask = self.asks[placed.ask_id]
        self.placed += 1
        self.judge.given(ask, placed, self.now)
        ends = ask.ends(self.now)
        if ends is not None:
            heappush(self.ends, (ends, ask.id))

    def _refused(self, ask: Ask, refused: Refused) -> None:
        self.refused[refused.constraint.value] += 1
        if not refused.message:
            self.judge.violations.append(f"{ask.id} was refused without a reason")
        for victim in refused.preempts:
            self.preempted += 1
            heappush(self.ends, (self.now + timedelta(seconds=60), victim))
        if refused.constraint in FOR_WANT_OF_UNITS and len(ask.parts) == 1:
            part = ask.parts[0]
            if not part.choice.site and part.choice.owned is None:
                free, usable = self.judge.free_of(part.choice.classes)
                self.full.append(1 - free / usable)


def run_allocator(
    hosts: int, *, decisions: int, seed: int, wall: Clock, cpu: Clock
) -> dict[str, Any]:
    """What a run of so many decisions shows."""
    units = units_of(hosts, seed, START)
    usable = sum(unit.charge for unit in units if unit.bar is None)
    quotas = quotas_of(usable, seed)
    allocator = Allocator()
    for quota in quotas:
        allocator.quota_seen(quota)
    began = cpu()
    for unit in units:
        allocator.unit_seen(unit)
    loaded_s = cpu() - began
    run = Run(allocator, Judge(units, quotas), Asking(seed), wall, cpu)
    while run.load < LOAD_MIN:
        run.step(1.0)
    run.forget_times()
    step = 0
    while run.decisions < decisions:
        swing = (1 - math.cos(2 * math.pi * step / SWING)) / 2
        run.step(LOAD_MIN + (LOAD_MAX - LOAD_MIN) * swing)
        step += 1
    return _figures(run, hosts=hosts, seed=seed, loaded_s=loaded_s)


def _figures(run: Run, *, hosts: int, seed: int, loaded_s: float) -> dict[str, Any]:
    wall, cpu = sorted(run.wall_s), sorted(run.cpu_s)
    return {
        "hosts": hosts,
        "seed": seed,
        "simulated": True,
        "decisions": run.decisions,
        "decisions_per_second": round(run.decisions / sum(wall)),
        "p50_ms": _ms(wall, 0.50),
        "p99_ms": _ms(wall, 0.99),
        "max_ms": _ms(wall, 1.0),
        "decisions_per_cpu_second": round(run.decisions / sum(cpu)),
        "cpu_p50_ms": _ms(cpu, 0.50),
        "cpu_p99_ms": _ms(cpu, 0.99),
        "packing": round(statistics.fmean(run.full), 4) if run.full else None,
        "violations": len(run.judge.violations),
        "first_violations": run.judge.violations[:5],
        "placed": run.placed,
        "refused": sum(run.refused.values()),
        "refused_for": dict(run.refused.most_common()),
        "preempted": run.preempted,
        "waiting": len(run.allocator.waiting),
        "load_min": round(min(run.loads), 3),
        "load_max": round(max(run.loads), 3),
        "load_cpu_seconds": round(loaded_s, 3),
    }


def _ms(ordered: list[float], share: float) -> float:
    """A percentile by nearest rank."""
    place = max(0, math.ceil(share * len(ordered)) - 1)
    return round(ordered[place] * 1000, 3)
