"""In which order hosts may start so that no feed is ever over its budget, in few steps.

Read backwards, starting hosts is simple. Let every host draw `before`, then `starting`, then
`running` watts, and let a step be hosts that start together. In the last step all earlier hosts
run, so the hosts of that step may exceed their running draw, taken together, by what the feed has
left when everything runs. One step earlier the room has grown by what the last step's hosts did
not draw yet, and so on: room for excess only grows, and nothing chosen later can spoil it. Two
things follow (proved in `docs/concepts/power-plans.md`): when no remaining host fits, no order at
all exists; and a bound below which no schedule can be is a line of arithmetic.

A host on two feeds draws half from each, and must be carried by either alone. So a budget is kept
on *lines*: one feed, while another given feed is dead. Pure numbers; `plan.py` gives them names.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pods.power import TOLERANCE_WATTS

HALF = 0.5
"""What each of two healthy feeds carries: supplies share evenly within a few per cent."""


class Line(NamedTuple):
    """A feed while `lost` is dead; an empty name means that none is."""

    feed: str
    lost: str


@dataclass(frozen=True, slots=True)
class Start:
    """One host to be started, with its watts before, during and after."""

    name: str
    position: int
    feeds: tuple[str, ...]
    before_watts: float
    starting_watts: float
    running_watts: float
    settle_s: float

    @property
    def excess_watts(self) -> float:
        """What it needs while starting above what it keeps."""
        return self.starting_watts - self.running_watts

    @property
    def kept_watts(self) -> float:
        """What it keeps above what it drew before."""
        return self.running_watts - self.before_watts


class NoOrder(Exception):
    """No order exists: `start` is the host that comes nearest to fitting, and does not."""

    def __init__(self, start: Start, line: Line, missing_watts: float) -> None:
        super().__init__(f"{start.name} on {line.feed} lacks {missing_watts:.0f} W")
        self.start = start
        self.line = line
        self.missing_watts = missing_watts


Room = Mapping[Line, float]
"""Watts on each line that the hosts to be started may use: its budget without all others."""

Shares = Mapping[str, Sequence[tuple[Line, float]]]
"""Host to the lines that it burdens and the share of its watts on each."""


def shares(
    wiring: Iterable[tuple[str, tuple[str, ...]]],
) -> dict[str, tuple[tuple[Line, float], ...]]:
    """The lines of every host, from the feeds that each is wired to."""
    hosts = dict(wiring)
    partners: dict[str, set[str]] = {}
    for feeds in hosts.values():
        for feed in feeds:
            partners.setdefault(feed, set()).update(set(feeds) - {feed})
    lines = {
        feed: tuple(Line(feed, lost) for lost in sorted(others)) or (Line(feed, ""),)
        for feed, others in partners.items()
    }
    return {
        name: tuple((line, _share(line, feeds)) for feed in feeds for line in lines[feed])
        for name, feeds in hosts.items()
    }


def _share(line: Line, feeds: tuple[str, ...]) -> float:
    return 1.0 if len(feeds) == 1 or line.lost in feeds else HALF


def steps(starts: Sequence[Start], on: Shares, room: Room) -> list[list[Start]]:
    """Hosts that start together, step by step. `NoOrder` when there is no way at all."""
    islands = _islands(starts)
    ways = [_greedy(island, on, room) for island in islands]
    enough = max((steps_min(island, on, room) for island in islands), default=0)
    for index in sorted(range(len(ways)), key=lambda i: (-len(ways[i]), i)):
        if len(ways[index]) > enough:  # an island that others outlast gains nothing
            ways[index] = _searched(islands[index], ways[index], on, room)
            enough = max(enough, len(ways[index]))
    found: list[list[Start]] = [[] for _ in range(enough if ways else 0)]
    for way in ways:
        for index, step in enumerate(way):
            found[index].extend(step)
    return [sorted(step, key=lambda s: (-s.excess_watts, s.position)) for step in found if step]


def _islands(starts: Sequence[Start]) -> list[list[Start]]:
    """Hosts that share no feed, not even through others, do not wait for one another."""
    root: dict[str, str] = {}

    def find(feed: str) -> str:
        while root.setdefault(feed, feed) != feed:
            root[feed] = root[root[feed]]
            feed = root[feed]
        return feed

    for start in starts:
        for feed in start.feeds[1:]:
            root[find(feed)] = find(start.feeds[0])
    groups: dict[str, list[Start]] = {}
    for start in starts:
        groups.setdefault(find(start.feeds[0]), []).append(start)
    return list(groups.values())


_Key = Callable[[Start], tuple[float, ...]]

_ORDERS: tuple[_Key, ...] = (
    lambda s: (_ratio(s), s.excess_watts, -s.position),
    lambda s: (_ratio(s), -s.excess_watts, -s.position),
    lambda s: (-s.kept_watts, s.excess_watts, -s.position),
    lambda s: (-s.excess_watts, -s.position),
)
"""In which order, backwards, a step takes hosts; the shortest outcome is kept. Those that keep
many watts for little excess leave most room; large ones first waste less of it."""


def _ratio(start: Start) -> float:
    return start.excess_watts / start.kept_watts if start.kept_watts > 0 else math.inf


def _greedy(island: Sequence[Start], on: Shares, room: Room) -> list[list[Start]]:
    """Backwards, each step as full as one fill makes it."""
    free = _when_all_run(island, on, room)
    left = sorted(island, key=_ORDERS[0])
    found: list[list[Start]] = []
    while left:
        step = _fill(left, on, free, first=None)
        if not step:
            raise _no_order(left, on, free)
        left = _without(left, step)
        free = _grown(free, step, on)
        found.append(step)
    return found[::-1]


@dataclass(frozen=True, slots=True)
class _Way:
    """The last steps of a schedule, and who is still to be placed before them."""

    last: tuple[tuple[Start, ...], ...]
    left: tuple[Start, ...]
    free: Mapping[Line, float]
    kept_watts: float


WAYS_MAX = 8
"""How many beginnings are followed side by side."""

FIRSTS_MAX = 10
"""How many hosts are tried as a step's first: a fill is greedy, and one bad first choice is what
costs a step."""

SEARCHED_HOSTS = 4000
"""Hosts times ways, and hosts times firsts: among thousands on one feed no single choice matters,
and planning stays near-linear."""


def _searched(
    island: Sequence[Start],
    greedy: list[list[Start]],
    on: Shares,
    room: Room,
) -> list[list[Start]]:
    """A shorter way than the greedy one, when a few tries find one."""
    effort = max(1, SEARCHED_HOSTS // len(island))
    ways = [_Way((), tuple(island), _when_all_run(island, on, room), 0.0)]
    for _ in range(1, len(greedy)):
        onward = (way for one in ways for way in _onward(one, on, firsts=effort))
        further = {way.left: way for way in onward}
        ways = sorted(further.values(), key=lambda w: -w.kept_watts)[: min(WAYS_MAX, effort)]
        done = next((way for way in ways if not way.left), None)
        if done is not None:
            return [list(step) for step in done.last]
    return greedy


def _onward(way: _Way, on: Shares, *, firsts: int) -> Iterator[_Way]:
    """The ways that are one step longer."""
    for key in _ORDERS:
        left = sorted(way.left, key=key)
        for first in (None, *left[: min(FIRSTS_MAX, firsts)]):
            step = _fill(left, on, way.free, first=first)
            if step:
                yield _Way(
                    last=(tuple(step), *way.last),
                    left=tuple(_without(way.left, step)),
                    free=_grown(way.free, step, on),
                    kept_watts=way.kept_watts + sum(start.kept_watts for start in step),
                )


def _without(left: Sequence[Start], step: Iterable[Start]) -> list[Start]:
    gone = {start.name for start in step}
    return [start for start in left if start.name not in gone]


def _grown(free: Mapping[Line, float], step: Iterable[Start], on: Shares) -> dict[Line, float]:
    """The room one step earlier, when these hosts do not run yet."""
    grown = dict(free)
    for start in step:
        for line, share in on[start.name]:
            grown[line] += share * start.kept_watts
    return grown


def _when_all_run(starts: Iterable[Start], on: Shares, room: Room) -> dict[Line, float]:
    """Watts left on every line when all run."""
    left: dict[Line, float] = {}
    for start in starts:
        for line, share in on[start.name]:
            left[line] = left.get(line, room[line]) - share * start.running_watts
    return left


def _fill(
    left: Sequence[Start], on: Shares, room: Mapping[Line, float], *, first: Start | None
) -> list[Start]:
    """Hosts in this order, each that still fits beside those before it."""
    free = dict(room)
    step: list[Start] = []
    for start in left if first is None else (first, *(s for s in left if s is not first)):
        excess = start.excess_watts
        if all(share * excess <= free[line] + TOLERANCE_WATTS for line, share in on[start.name]):
            for line, share in on[start.name]:
                free[line] -= share * excess
            step.append(start)
    return step


def _no_order(left: Sequence[Start], on: Shares, free: Mapping[Line, float]) -> NoOrder:
    """Whoever of these starts last does not fit; say it of the one that comes nearest."""

    def short(start: Start) -> tuple[float, Line]:
        return max(
            (share * start.excess_watts - free[line], line) for line, share in on[start.name]
        )

    start = min(left, key=lambda s: (short(s)[0], -s.position))
    missing, line = short(start)
    return NoOrder(start, line, missing)


def steps_min(starts: Sequence[Start], on: Shares, room: Room) -> int:
    """No schedule of any kind has fewer steps than this."""
    free = _when_all_run(starts, on, room)
    items: dict[Line, list[tuple[float, float]]] = {line: [] for line in free}
    for start in starts:
        for line, share in on[start.name]:
            items[line].append((share * start.excess_watts, share * start.kept_watts))
    return max((_line_steps_min(free[line], pairs) for line, pairs in items.items()), default=0)


def _line_steps_min(free: float, pairs: Sequence[tuple[float, float]]) -> int:
    """Steps that one line needs at least; with too little room it says 1, not that it cannot be."""
    total, largest = sum(e for e, _ in pairs), max(e for e, _ in pairs)
    claims = [(excess, excess + kept) for excess, kept in pairs]
    reached, here = free, free
    for count in range(1, len(pairs)):
        if here <= 0 or (reached + TOLERANCE_WATTS >= total and here + TOLERANCE_WATTS >= largest):
            return count
        here = free + most_within(reached, pairs)
        reached = free + most_within(reached, claims)
    return len(pairs)


TRIES_MAX = 2000
"""Branches after which a bound with fractions of hosts is taken: greater, so never wrong."""


def most_within(limit: float, pairs: Sequence[tuple[float, float]]) -> float:
    """The greatest sum of second values while the first values sum up to the limit at most.

    Branch and bound over whole hosts; an upper bound when that takes too long.
    """
    items = _Items(pairs)
    best = 0.0
    open_ended = [(0, limit + TOLERANCE_WATTS, 0.0)]
    for _ in range(TRIES_MAX):
        if not open_ended:
            return best
        index, free, value = open_ended.pop()
        best = max(best, value)
        if index == len(items.sorted) or value + items.with_fractions(index, free) <= best:
            continue
        weight, worth = items.sorted[index]
        open_ended.append((items.next_other[index], free, value))  # none that is like this one
        if weight <= free:
            open_ended.append((index + 1, free - weight, value + worth))
    return max([best, *(value + items.with_fractions(i, free) for i, free, value in open_ended)])


class _Items:
    """Weights and worths, best ratio first, with their running sums."""

    def __init__(self, pairs: Sequence[tuple[float, float]]) -> None:
        self.sorted = sorted(pairs, key=lambda p: (p[0] / p[1] if p[1] > 0 else math.inf, p))
        self._weights = [0.0, *itertools.accumulate(weight for weight, _ in self.sorted)]
        self._worths = [0.0, *itertools.accumulate(worth for _, worth in self.sorted)]
        count = len(self.sorted)
        self.next_other = [count] * count
        """The next place that holds something else: alike ones need not be tried in turn."""
        for n in range(count - 2, -1, -1):
            alike = self.sorted[n] == self.sorted[n + 1]
            self.next_other[n] = self.next_other[n + 1] if alike else n + 1

    def with_fractions(self, index: int, free: float) -> float:
        """The most worth from this place on, when the last may be taken in part."""
        reached = self._weights[index] + free
        end = bisect.bisect_right(self._weights, reached, lo=index) - 1
        worth = self._worths[end] - self._worths[index]
        if end == len(self.sorted):
            return worth
        weight, more = self.sorted[end]
        return worth + (more * (reached - self._weights[end]) / weight if weight > 0 else 0.0)
