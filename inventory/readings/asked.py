"""Readings as they are asked for: on a grid, with a nothing wherever nothing was read.

Raw readings stand at the moments at which they were read; where the next one is missing, a moment
without values stands in the hole, so that no line is ever drawn across it. Anything coarser is a
grid of equal steps, each with the least, the mean and the most of what was read in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from inventory.readings.growth import Growth, growths
from inventory.readings.keeping import Readings
from inventory.readings.packing import DAY_S, WINDOW_S, Day, Window
from inventory.readings.rollup import EMPTY, Bucket, rolled_up
from inventory.readings.series import measure, quanta, sort_of

RAW = 0
RESOLUTIONS_S: Mapping[str, int] = {"raw": RAW, "5m": WINDOW_S, "1h": 3600, "1d": DAY_S}
MOMENTS_MAX = 3000
"""Of one answer: more than a screen has columns."""
RAW_KEPT_S = 48 * 3600
GAP_S = 150
"""Two and a half rounds of a minute: one late answer is no gap, one that never came is."""


@dataclass(frozen=True, slots=True)
class Column:
    """One series; each list is as long as the moments. Raw readings have a mean alone."""

    name: str
    mean: tuple[float | None, ...]
    least: tuple[float | None, ...] = ()
    most: tuple[float | None, ...] = ()
    grew: tuple[float | None, ...] = ()
    """Of a counter: by how much since the reading before. None where there was none to compare."""
    anew: tuple[int, ...] = ()
    """Of a counter: when it said less than before, because what counts was reset or replaced."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked for."""

    step_s: int
    at: tuple[int, ...]
    """Seconds since 1970: of raw readings when they were read, else where each step begins."""
    columns: tuple[Column, ...]
    gaps: tuple[tuple[int, int], ...]
    """From when to when nothing was read at all."""


def finest(since: int, until: int, *, now: int) -> int:
    """The finest step that is kept for this span and fits an answer."""
    for step_s in RESOLUTIONS_S.values():
        moments = (until - since) / (step_s or 60)
        if moments <= MOMENTS_MAX / 2 and (step_s or now - since <= RAW_KEPT_S):
            return step_s
    return DAY_S


def answer(
    readings: Readings, host_id: str, *, since: int, until: int, step_s: int, wanted: Wanted
) -> Answer:
    """Read it and put it in order. Blocks: call it in a thread."""
    first = since // WINDOW_S * WINDOW_S
    windows = readings.windows(host_id, since=first, until=until)
    if step_s == RAW:
        return raw(windows, since=since, until=until, wanted=wanted)
    fresh = windows[0].start // DAY_S if windows else until // DAY_S + 1
    days = readings.days(host_id, since=since // DAY_S, until=min(fresh + 1, until // DAY_S + 1))
    return stepped(days, windows, since=since, until=until, step_s=step_s, wanted=wanted)


Wanted = Sequence[str]
"""Names of series, or their first words; none: all of them."""


def is_wanted(name: str, wanted: Wanted) -> bool:
    """`temperature` asks for every series that begins with it."""
    return not wanted or name in wanted or name.partition(".")[0] in wanted


def raw(windows: Iterable[Window], *, since: int, until: int, wanted: Wanted) -> Answer:
    """Readings at their moments, with an empty moment in every hole."""
    at: list[int] = []
    columns: dict[str, list[float | None]] = {}
    gaps: list[tuple[int, int]] = []
    last = since
    for window in windows:
        for index, offset in enumerate(window.offsets):
            moment = window.start + offset
            if not since <= moment < until:
                continue
            if moment - last > GAP_S:
                gaps.append((last, moment))
                _nothing(at, columns, (last + moment) // 2)
            last = moment
            at.append(moment)
            for name, column in window.columns.items():
                if is_wanted(name, wanted):
                    known = columns.setdefault(name, [None] * (len(at) - 1))
                    value = column[index]
                    known.append(None if value is None else measure(name, value))
            _level(columns, len(at))
    if until - last > GAP_S:
        gaps.append((last, until))
    made = (_raw_column(name, at, columns[name]) for name in sorted(columns))
    return Answer(RAW, tuple(at), tuple(made), tuple(gaps))


def _raw_column(name: str, at: Sequence[int], values: Sequence[float | None]) -> Column:
    if not sort_of(name).counts:
        return Column(name, tuple(values))
    told = [
        (moment, steps)
        for moment, value in zip(at, values, strict=True)
        if value is not None and (steps := quanta(name, value)) is not None
    ]
    found = growths(told)
    by_moment = {one.at: measure(name, one.steps) for one in found}
    return Column(
        name,
        tuple(values),
        grew=tuple(by_moment.get(moment) for moment in at),
        anew=tuple(one.at for one in found if one.anew),
    )


def _nothing(at: list[int], columns: dict[str, list[float | None]], moment: int) -> None:
    at.append(moment)
    _level(columns, len(at))


def _level(columns: dict[str, list[float | None]], length: int) -> None:
    for column in columns.values():
        if len(column) < length:
            column.append(None)


def stepped(
    days: Mapping[int, Day],
    windows: Iterable[Window],
    *,
    since: int,
    until: int,
    step_s: int,
    wanted: Wanted,
) -> Answer:
    """Buckets on a grid; where there are raw readings they count, else the day's rollup."""
    grid = _Grid(since // step_s * step_s, until, step_s, wanted)
    counted: dict[str, list[tuple[int, int]]] = {}

    def add(moment: int, name: str, bucket: Bucket) -> None:
        grid.add(moment, name, bucket)
        if bucket.count and name in grid.columns and sort_of(name).counts:
            # A counter is read once in five minutes, or only grows: its most is its last.
            counted.setdefault(name, []).append((moment, bucket.most))

    raw_at: set[int] = set()
    for window in windows:
        raw_at.add(window.start)
        for name, readings in window.columns.items():
            add(window.start, name, rolled_up(readings))
    for day, columns in days.items():
        for name, buckets in columns.items():
            for index, bucket in enumerate(buckets):
                moment = day * DAY_S + index * WINDOW_S
                if moment not in raw_at:
                    add(moment, name, bucket)
    made = tuple(
        grid.column(name, growths(sorted(counted.get(name, ())))) for name in sorted(grid.columns)
    )
    return Answer(step_s, grid.at, made, tuple(_untold(grid.at, grid.told, step_s)))


class _Grid:
    """Equal steps, to be filled."""

    def __init__(self, start: int, until: int, step_s: int, wanted: Wanted) -> None:
        self._start, self._step_s, self._wanted = start, step_s, wanted
        many = max(0, -(-(until - start) // step_s))
        self.at = tuple(start + index * step_s for index in range(many))
        self.told = [False] * many
        """Whether anything at all was read, wanted or not."""
        self.columns: dict[str, list[Bucket]] = {}

    def add(self, moment: int, name: str, bucket: Bucket) -> None:
        """Count it in, where it belongs."""
        step = (moment - self._start) // self._step_s
        if not bucket.count or not 0 <= step < len(self.at):
            return
        self.told[step] = True
        if is_wanted(name, self._wanted):
            column = self.columns.setdefault(name, [EMPTY] * len(self.at))
            column[step] = column[step] + bucket

    def column(self, name: str, grown: Sequence[Growth]) -> Column:
        """One series as it is answered; a counter's growth is added up in each step."""
        buckets = self.columns[name]
        sums: list[int | None] = [None] * len(self.at)
        for one in grown:
            if 0 <= (step := (one.at - self._start) // self._step_s) < len(sums):
                sums[step] = (sums[step] or 0) + one.steps
        return Column(
            name,
            mean=tuple(_rounded(name, b.mean) if b.count else None for b in buckets),
            least=tuple(measure(name, b.least) if b.count else None for b in buckets),
            most=tuple(measure(name, b.most) if b.count else None for b in buckets),
            grew=tuple(None if one is None else measure(name, one) for one in sums)
            if sort_of(name).counts
            else (),
            anew=tuple(one.at for one in grown if one.anew),
        )


def _rounded(name: str, steps: float) -> float:
    """A mean is finer than its quantum, but not by fifteen digits."""
    return round(measure(name, steps), 4)


def _untold(at: Sequence[int], told: Sequence[bool], step_s: int) -> Iterable[tuple[int, int]]:
    begin: int | None = None
    for moment, was_told in zip(at, told, strict=True):
        if was_told and begin is not None:
            yield begin, moment
        begin = None if was_told else moment if begin is None else begin
    if begin is not None:
        yield begin, at[-1] + step_s
