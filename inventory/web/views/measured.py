"""What meters said while a pod was brought up, laid over the plan's steps.

The plan knows steps and no minutes; meters know minutes and no steps. A step lasted from when the
first host of its wave was switched on until its wave had settled, or until the next one began. In a
step that starts hosts the highest sum of all meters counts, in one that runs them the last. A meter
is read once a minute and misses most of an inrush: that is why what is planned stays above it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory.readings.keeping import Readings
from inventory.readings.packing import WINDOW_S
from inventory.readings.series import measure
from pods.plan import Plan

GRID_S = 60
VALID_S = 180
"""A reading speaks for the next three minutes, or until the next one."""
ROWS_WHOLE_MAX = 6000
"""So many rows are unpacked for one picture: 0.2 s. Beyond, the last reading of each stands."""
SPAN_MAX = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Measured:
    """The sum of all meters over time."""

    since: int
    watts: tuple[float, ...]
    """Once a minute."""
    hosts: tuple[int, ...]
    """How many meters are in each sum."""

    def within(self, begin: float, end: float) -> list[tuple[float, int]]:
        """The sums between two moments, of those minutes in which any meter was read."""
        first = max(0, int(begin - self.since) // GRID_S)
        last = max(first + 1, -(-int(end - self.since) // GRID_S))
        pairs = zip(self.watts[first:last], self.hosts[first:last], strict=True)
        return [pair for pair in pairs if pair[1]]


def measured(
    readings: Readings, hosts: Collection[str], *, since: datetime, until: datetime
) -> Measured:
    """Blocks: call it in a thread."""
    begin = int(max(since, until - SPAN_MAX).timestamp())
    end = int(until.timestamp())
    rows = len(hosts) * max(1, (end - begin) // WINDOW_S)
    samples = readings.draws(
        hosts,
        since=begin - begin % WINDOW_S,
        until=end,
        whole=rows <= ROWS_WHOLE_MAX,
    )
    return summed(samples, since=begin, until=end)


def summed(samples: Mapping[str, Sequence[tuple[int, int]]], *, since: int, until: int) -> Measured:
    """`samples`: by host, (moment, quanta of watts) in order."""
    many = max(1, -(-(until - since) // GRID_S))
    sums, counts = [0.0] * many, [0] * many
    for told in samples.values():
        for index, (at, steps) in enumerate(told):
            following = told[index + 1][0] if index + 1 < len(told) else until
            ends = min(following, at + VALID_S, until)
            # From the first whole minute at or after it: a minute belongs to one reading.
            first = max(0, -(-(at - since) // GRID_S))
            for cell in range(first, max(first, -(-(ends - since) // GRID_S))):
                if cell < many:
                    sums[cell] += measure("power", steps)
                    counts[cell] += 1
    return Measured(since, tuple(sums), tuple(counts))


def step_times(
    plan: Plan, starts: Mapping[int, datetime], *, now: datetime
) -> list[tuple[float, float]]:
    """From when to when each step lasted that was reached; the first is before all waves."""
    begun = [starts[wave.number] for wave in plan.waves if wave.number in starts]
    if not begun:
        return []
    first = min(begun)
    times = [((first - timedelta(minutes=5)).timestamp(), first.timestamp())]
    for wave in plan.waves:
        start = starts.get(wave.number)
        if start is None:
            break
        ends = min((at for n, at in starts.items() if n > wave.number), default=now)
        settled = min(start + timedelta(seconds=wave.settle_s), ends)
        times.append((start.timestamp(), settled.timestamp()))
        times.append((settled.timestamp(), ends.timestamp()))
    return times


def by_step(found: Measured, times: Sequence[tuple[float, float]]) -> list[float | None]:
    """Watts of each step: the most while hosts start, the last while they run; None: not read."""
    told: list[float | None] = []
    for index, (begin, end) in enumerate(times):
        sums = [watts for watts, _ in found.within(begin, end)]
        starting = index % 2 == 1
        told.append((max(sums) if starting else sums[-1]) if sums else None)
    return told
