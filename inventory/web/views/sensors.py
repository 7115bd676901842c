"""A host's readings over time as drawings, and beside them the same in figures.

A line is broken wherever nothing was read, and the hole is drawn as a hole. Sensors of one sort
share a drawing: a band from the least to the most of them all, and a line for the one that matters,
which is the warmest, the slowest, the whole host's draw. Every sensor has its row in the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from inventory.readings.asked import Answer, Column
from inventory.readings.energy import Meter
from inventory.readings.keeping import Newest
from inventory.readings.series import SORTS, sort_of
from inventory.web.views.looks import Look, Tone, counted, look, span

PLOT_W, PLOT_H = 720, 190
LEFT, RIGHT, TOP, BOTTOM = 64, 708, 12, 158
TICKS = 4
SPANS: dict[str, timedelta] = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "2d": timedelta(days=2),
    "30d": timedelta(days=30),
    "1y": timedelta(days=365),
}
SPAN_WORDS = {"1h": "1 hour", "6h": "6 hours", "2d": "2 days", "30d": "30 days", "1y": "1 year"}
HOT_CELSIUS, WARM_CELSIUS = 90.0, 75.0
"""From here on accelerators slow down (the makers' limits are 85 to 95), and near to it."""
OLD_S = 180.0
"""Three rounds: an older reading is not what is now."""
LEAK_LOOKS: dict[int, Look] = {
    0: look("good", "dry"),
    1: look("warn", "a little liquid"),
    2: look("stop", "liquid"),
}

Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Tick:
    """A figure beside the plot."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Hole:
    """A time of which nothing is known."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """One sort of readings as paths."""

    name: str
    title: str
    line: str
    band: str
    band_told: str
    line_told: str
    ticks: tuple[Tick, ...]
    moments: tuple[Tick, ...]
    holes: tuple[Hole, ...]
    told: str
    """All of it in one sentence, for those who do not see it."""
    width: int = PLOT_W
    height: int = PLOT_H
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM


@dataclass(frozen=True, slots=True)
class SensorRow:
    """One series in figures."""

    name: str
    what: str
    where: str
    last: str
    least: str
    mean: str
    most: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Everything that the page shows of a host's readings."""

    drawings: tuple[Drawing, ...]
    rows: tuple[SensorRow, ...]
    energy: str
    dry: str
    holes: str
    chosen: str
    spans: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Way:
    """How one sort is drawn."""

    word: str
    title: str
    line: str
    """Of all its sensors, which one is the line: `max`, `min`."""
    line_told: str
    from_zero: bool = True


_WAYS = (
    _Way("power", "Power", "own", "the whole host"),
    _Way("temperature", "Temperature", "max", "the warmest sensor", from_zero=False),
    _Way("flow", "Coolant flow", "min", "the slowest coupling"),
    _Way("leak", "Leaks", "max", "the worst detector"),
)


def panel(found: Answer, meter: Meter | None, *, chosen: str, until: datetime) -> Panel:
    """The drawings and the table."""
    begin = int((until - SPANS[chosen]).timestamp())
    end = int(until.timestamp())
    drawings = (_drawing(way, found, begin, end) for way in _WAYS)
    return Panel(
        drawings=tuple(one for one in drawings if one is not None),
        rows=tuple(_row(column) for column in found.columns if column.name != "energy"),
        energy=_energy(meter),
        dry=_dry(found),
        holes=_holes_told(found.gaps),
        chosen=chosen,
        spans=tuple(SPAN_WORDS.items()),
    )


def _drawing(way: _Way, found: Answer, begin: int, end: int) -> Drawing | None:
    columns = [one for one in found.columns if one.name.partition(".")[0] == way.word]
    if not columns or not found.at:
        return None
    line, low, high = _line(way, columns), _low(columns), _high(columns)
    told = [value for value in (*low, *high) if value is not None]
    if not told or (way.word == "leak" and not any(told)):
        return None  # a detector that was dry all the time is told in words
    bottom, top = _scale(min(told), max(told), from_zero=way.from_zero)
    step = found.step_s / 2  # a step's figure stands in its middle

    def x(moment: float) -> float:
        share = (moment + step - begin) / max(end - begin, 1)
        return round(LEFT + (RIGHT - LEFT) * min(max(share, 0.0), 1.0), 1)

    def y(value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * (value - bottom) / (top - bottom), 1)

    unit = SORTS[way.word].unit.replace("Cel", "°C")
    known = [value for value in line if value is not None]
    sentence = (
        f"{way.title}: {way.line_told} from {_figure(min(known))} to {_figure(max(known))} {unit}, "
        f"{_figure(known[-1])} {unit} last."
        if known
        else f"{way.title}: no readings of {way.line_told}."
    )
    return Drawing(
        name=way.word,
        title=f"{way.title}{f', {unit}' if unit else ''}",
        line=path(found.at, line, x, y),
        band=band(found.at, low, high, x, y),
        band_told="least to most" if len(columns) == 1 or way.line == "own" else "all its sensors",
        line_told=way.line_told,
        ticks=tuple(
            Tick(LEFT - 8, y(value), _figure(value))
            for value in (bottom + (top - bottom) * n / TICKS for n in range(TICKS + 1))
        ),
        moments=_moments(begin, end),
        holes=tuple(Hole(x(a - step), round(x(b - step) - x(a - step), 1)) for a, b in found.gaps),
        told=f"{sentence} {_holes_told(found.gaps)}",
    )


def _line(way: _Way, columns: Sequence[Column]) -> Values:
    if way.line == "own":
        own = [one for one in columns if one.name == way.word]
        return (own or list(columns))[0].mean
    pick = max if way.line == "max" else min
    return [_of(pick, row) for row in zip(*(one.mean for one in columns), strict=True)]


def _low(columns: Sequence[Column]) -> Values:
    return [_of(min, r) for r in zip(*(one.least or one.mean for one in columns), strict=True)]


def _high(columns: Sequence[Column]) -> Values:
    return [_of(max, r) for r in zip(*(one.most or one.mean for one in columns), strict=True)]


def _of(pick: Callable[[list[float]], float], row: Iterable[float | None]) -> float | None:
    told = [value for value in row if value is not None]
    return pick(told) if told else None


def _scale(low: float, high: float, *, from_zero: bool) -> tuple[float, float]:
    bottom = min(0.0, low) if from_zero else low - max(1.0, (high - low) * 0.1)
    top = high + max((high - bottom) * 0.08, 1e-6)
    return (bottom, top) if top - bottom > 1e-3 else (bottom, bottom + 1.0)  # noqa: PLR2004


def path(
    at: Sequence[int], values: Values, x: Callable[[float], float], y: Callable[[float], float]
) -> str:
    """A line that is broken wherever there is no value; a value alone is a short dash."""
    parts: list[str] = []
    pen_down = False
    for index, (moment, value) in enumerate(zip(at, values, strict=True)):
        if value is None:
            pen_down = False
            continue
        parts.append(f"{'L' if pen_down else 'M'}{x(moment)} {y(value)}")
        following = values[index + 1] if index + 1 < len(values) else None
        if not pen_down and following is None:
            parts.append("h1.5")
        pen_down = True
    return " ".join(parts)


def band(
    at: Sequence[int],
    low: Values,
    high: Values,
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> str:
    """What lies between the least and the most, one piece for each stretch without a hole."""
    pieces: list[str] = []
    stretch: list[tuple[int, float, float]] = []

    def close() -> None:
        if len(stretch) > 1:
            up = " L".join(f"{x(m)} {y(h)}" for m, _, h in stretch)
            down = " L".join(f"{x(m)} {y(least)}" for m, least, _ in reversed(stretch))
            pieces.append(f"M{up} L{down} Z")
        stretch.clear()

    for moment, least, most in zip(at, low, high, strict=True):
        if least is None or most is None:
            close()
        else:
            stretch.append((moment, least, most))
    close()
    return " ".join(pieces)


def _moments(begin: int, end: int) -> tuple[Tick, ...]:
    """Five moments along the foot, as short as the span allows."""
    form = "%H:%M" if end - begin <= 2 * 86_400 else "%d %b"
    return tuple(
        Tick(
            round(LEFT + (RIGHT - LEFT) * n / 4, 1),
            BOTTOM + 18,
            f"{datetime.fromtimestamp(begin + (end - begin) * n / 4, UTC):{form}}",
        )
        for n in range(5)
    )


def _row(column: Column) -> SensorRow:
    word, _, where = column.name.partition(".")
    unit = sort_of(column.name).unit.replace("Cel", "°C")
    means = [value for value in column.mean if value is not None]
    least = [value for value in column.least or column.mean if value is not None]
    most = [value for value in column.most or column.mean if value is not None]

    def said(value: float | None) -> str:
        return "" if value is None else f"{_figure(value)} {unit}".strip()

    return SensorRow(
        name=column.name,
        what=word,
        where=where.replace("-", " ") or "the whole host",
        last=said(means[-1] if means else None),
        least=said(min(least, default=None)),
        mean=said(sum(means) / len(means) if means else None),
        most=said(max(most, default=None)),
    )


def _figure(value: float) -> str:
    """Three or four figures, which is more than any of these sensors is good for."""
    if abs(value) >= 100:  # noqa: PLR2004 - figures
        return f"{value:,.0f}"
    return f"{value:.1f}".removesuffix(".0")


def _dry(found: Answer) -> str:
    """Leak detectors that never saw anything need no drawing."""
    leaks = [one for one in found.columns if one.name.startswith("leak")]
    told = [value for one in leaks for value in one.most or one.mean if value is not None]
    if not told or any(told):
        return ""
    return f"{counted(len(leaks), 'leak detector')}, dry whenever they were read"


def _energy(meter: Meter | None) -> str:
    if meter is None:
        return ""
    since = datetime.fromtimestamp(meter.since, UTC)
    told = f"{meter.kwh:,.3f} kWh since {since:%Y-%m-%d %H:%M} UTC"
    if not meter.gaps:
        return f"{told}, without a gap"
    gaps = f"{meter.gaps} gap{'' if meter.gaps == 1 else 's'}"
    return f"{told}; nothing was added for {gaps} of {span(meter.gap_s)} in all"


def _holes_told(gaps: Sequence[tuple[int, int]]) -> str:
    if not gaps:
        return "Without a gap."
    lasted = sum(end - begin for begin, end in gaps)
    return f"Nothing was read for {span(lasted)} of it, in {len(gaps)} gap(s)."


@dataclass(frozen=True, slots=True)
class Now:
    """What one host says now, for pictures of many."""

    watts: float | None
    heat: str
    heat_look: Look | None
    leak: Look | None


def now_of(newest: Newest | None, *, now: float) -> Now | None:
    """None where nothing was read lately: an old figure is no figure."""
    if newest is None or now - newest.seen_at > OLD_S:
        return None
    celsius = newest.celsius
    return Now(
        watts=newest.watts,
        heat="" if celsius is None else f"{celsius:.0f} °C",
        heat_look=None if celsius is None else _heat_look(celsius),
        leak=None if newest.leak is None else LEAK_LOOKS.get(newest.leak),
    )


def _heat_look(celsius: float) -> Look:
    tone: Tone = "stop" if celsius >= HOT_CELSIUS else "warn" if celsius >= WARM_CELSIUS else "good"
    return look(tone, f"{celsius:.0f} °C")
