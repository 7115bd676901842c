"""The watts on every feed as a plan walks through time, also with one feed dead.

A host on two feeds draws half from each while both live. What a feed must be able to carry is more:
all that falls to it when the other feed of its hosts dies, at the worst instant. Both stand in the
envelope, side by side, so that a person sees how much of a budget is kept for a failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pods.sequence import HALF, Line, Shares, Start

Phase = Literal["standby", "starting", "running"]


class Planned(BaseModel):
    """The base of a plan's parts: frozen, and readable back from a stored JSON value."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EnvelopeStep(Planned):
    """The watts reserved on a feed during one step. Wave 0 is before anything is started."""

    wave: int
    phase: Phase
    watts: float
    lost_watts: float | None = None
    """What the feed carries in this step when that other feed dies which adds most."""


class FeedEnvelope(Planned):
    """One feed's reserved watts over the whole bring-up, never above its budget."""

    feed: str
    budget_watts: float
    peak_watts: float
    steps: tuple[EnvelopeStep, ...]
    peak_lost_watts: float | None = None
    """The highest `lost_watts`; nothing where no host has a second feed."""


@dataclass(slots=True)
class FeedWatts:
    """Watts per feed and per line, moved along wave by wave."""

    budgets: Mapping[str, float]
    on: Shares
    now: dict[str, float]
    lines: dict[Line, float] = field(default_factory=dict)
    steps: dict[str, list[EnvelopeStep]] = field(default_factory=dict)

    def add(self, start: Start, watts: float) -> None:
        """Add (or, below zero, take away) a host's watts on all that it burdens."""
        share = 1.0 if len(start.feeds) == 1 else HALF
        for feed in start.feeds:
            self.now[feed] += share * watts
        for line, line_share in self.on[start.name]:
            self.lines[line] = self.lines.get(line, 0.0) + line_share * watts

    def record(self, wave: int, phase: Phase) -> None:
        """Write down what every feed carries now."""
        lost = self.lost()
        for feed, watts in self.now.items():
            step = EnvelopeStep(wave=wave, phase=phase, watts=watts, lost_watts=lost.get(feed))
            self.steps.setdefault(feed, []).append(step)

    def lost(self) -> dict[str, float]:
        """What each feed of a pair carries when the worst other one is dead."""
        worst: dict[str, float] = {}
        for line, watts in self.lines.items():
            if line.lost:
                worst[line.feed] = max(worst.get(line.feed, 0.0), watts)
        return worst

    def room_for(self, starts: Iterable[Start]) -> dict[Line, float]:
        """What these hosts may use of each line: its budget without what all others draw."""
        room = {line: self.budgets[line.feed] - watts for line, watts in self.lines.items()}
        for host in starts:
            for line, share in self.on[host.name]:
                room[line] += share * host.before_watts
        return room

    def start(self, wave: int, group: Iterable[Start]) -> None:
        """Take these hosts from rest through their inrush to their nameplate."""
        started = list(group)
        for host in started:
            self.add(host, host.starting_watts - host.before_watts)
        self.record(wave, "starting")
        for host in started:
            self.add(host, host.running_watts - host.starting_watts)
        self.record(wave, "running")

    def envelopes(self) -> tuple[FeedEnvelope, ...]:
        """What was written down, feed by feed."""
        return tuple(
            FeedEnvelope(
                feed=feed,
                budget_watts=self.budgets[feed],
                peak_watts=max(step.watts for step in steps),
                steps=tuple(steps),
                peak_lost_watts=max(
                    (s.lost_watts for s in steps if s.lost_watts is not None), default=None
                ),
            )
            for feed, steps in self.steps.items()
        )
