"""A line chart as SVG, drawn by one small pure function: same data, same bytes, no library.

A chart is looked at alone, in a mail or a slide. So it carries its title, what it is drawn from,
both axes with their units, and names every line where it ends instead of in a key.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 1000, 620
LEFT, RIGHT, TOP, BOTTOM = 110, 770, 110, 500
"""The plot; what is right of it holds the names of the lines."""

LABEL_GAP = 34
"""Two lines of text and some air: labels closer than this would overlap."""

TICKS_WANTED = 6

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#AA4499", "#666666"
"""Told apart also by those who see no red or green (Okabe and Ito)."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: what it shows, with its unit, and from where to where."""

    title: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line, named where it leaves the plot."""

    name: str
    points: tuple[tuple[float, float], ...]
    colour: str
    detail: str = ""
    dash: str = ""
    width: float = 2.5


@dataclass(frozen=True, slots=True)
class Band:
    """What lies between two lines over the same x."""

    upper: tuple[tuple[float, float], ...]
    lower: tuple[tuple[float, float], ...]
    colour: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One point that matters, and what it says."""

    x: float
    y: float
    text: str
    """Stands at the foot of the mark, on the axis."""
    colour: str
    row: int = 0
    """Texts that would overlap stand on rows of their own."""
    """Whether the text stands left of it."""


def line_chart(
    title: str,
    *,
    subtitle: str,
    x: Axis,
    y: Axis,
    lines: Sequence[Line],
    bands: Sequence[Band] = (),
    marks: Sequence[Mark] = (),
    notes: Sequence[str] = (),
) -> str:
    """The chart as one SVG document."""
    body = [
        _text(LEFT, 38, title, size=22, weight="bold"),
        *(
            _text(LEFT, 64 + 19 * row, part, size=14, colour=GREY)
            for row, part in enumerate(subtitle.split("\n"))
        ),
        *_grid(x, y),
        '<g clip-path="url(#plot)">',
        *(_band(band, x, y) for band in bands),
        *(_polyline(line, x, y) for line in lines),
        "</g>",
        *_names(lines, y),
        *(part for mark in marks for part in _mark(mark, x, y)),
        *(
            _text(LEFT, BOTTOM + 76 + 17 * row, note, size=12, colour=GREY)
            for row, note in enumerate(notes)
        ),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="DejaVu Sans, Arial, sans-serif" role="img">'
    )
    plot = f'x="{LEFT}" y="{TOP}" width="{RIGHT - LEFT}" height="{BOTTOM - TOP}"'
    return "\n".join(
        [
            head,
            f"<title>{escape(title)}</title>",
            f'<clipPath id="plot"><rect {plot}/></clipPath>',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            *body,
            "</svg>\n",
        ]
    )


def ticks(low: float, high: float) -> list[float]:
    """Round numbers from low to high: steps of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / TICKS_WANTED
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(times * power for times in (1, 2, 5, 10) if times * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _px(value: float, x: Axis) -> float:
    return LEFT + (value - x.low) / (x.high - x.low) * (RIGHT - LEFT)


def _py(value: float, y: Axis) -> float:
    return BOTTOM - (value - y.low) / (y.high - y.low) * (BOTTOM - TOP)


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 13,
    colour: str = "#222222",
    anchor: str = "start",
    weight: str = "normal",
    more: str = "",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" '
        f'text-anchor="{anchor}" font-weight="{weight}"{more}>{escape(text)}</text>'
    )


def _grid(x: Axis, y: Axis) -> Iterator[str]:
    for value in ticks(y.low, y.high):
        at = _py(value, y)
        yield f'<path d="M{LEFT} {at:.1f}H{RIGHT}" stroke="#dddddd"/>'
        yield _text(LEFT - 10, at + 4, _number(value), anchor="end")
    for value in ticks(x.low, x.high):
        at = _px(value, x)
        yield f'<path d="M{at:.1f} {BOTTOM}v6" stroke="#222222"/>'
        yield _text(at, BOTTOM + 22, _number(value), anchor="middle")
    yield f'<path d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}" stroke="#222222" fill="none"/>'
    yield _text((LEFT + RIGHT) / 2, BOTTOM + 48, x.title, size=14, anchor="middle")
    middle = (TOP + BOTTOM) / 2
    yield _text(
        26, middle, y.title, size=14, anchor="middle", more=f' transform="rotate(-90 26 {middle})"'
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if math.isclose(value, round(value)) else f"{value:,.2f}".rstrip("0")


def _path(points: Sequence[tuple[float, float]], x: Axis, y: Axis) -> str:
    return " ".join(f"{_px(a, x):.1f},{_py(b, y):.1f}" for a, b in points)


def _polyline(line: Line, x: Axis, y: Axis) -> str:
    dash = f' stroke-dasharray="{line.dash}"' if line.dash else ""
    return (
        f'<polyline points="{_path(line.points, x, y)}" fill="none" stroke="{line.colour}" '
        f'stroke-width="{line.width}"{dash}/>'
    )


def _band(band: Band, x: Axis, y: Axis) -> str:
    around = _path((*band.upper, *reversed(band.lower)), x, y)
    return f'<polygon points="{around}" fill="{band.colour}" fill-opacity="0.15"/>'


def _names(lines: Sequence[Line], y: Axis) -> Iterator[str]:
    """Each line's name beside its end; those that would overlap are moved apart, with a lead."""
    wanted = sorted((_clamp(_py(line.points[-1][1], y)), index) for index, line in enumerate(lines))
    placed = _spread([at for at, _ in wanted])
    for (at, index), label in zip(wanted, placed, strict=True):
        line = lines[index]
        yield f'<path d="M{RIGHT} {at:.1f}L{RIGHT + 16} {label:.1f}" stroke="{line.colour}"/>'
        yield _text(RIGHT + 20, label + 1, line.name, colour=line.colour, weight="bold")
        yield _text(RIGHT + 20, label + 15, line.detail, size=11, colour=GREY)


def _clamp(at: float) -> float:
    return min(max(at, TOP), BOTTOM)


def _spread(wanted: Sequence[float]) -> list[float]:
    """The same places in the same order, none closer than `LABEL_GAP`."""
    placed: list[float] = []
    for at in wanted:
        placed.append(max(at, placed[-1] + LABEL_GAP) if placed else at)
    over = max(0.0, placed[-1] - (BOTTOM + 4)) if placed else 0.0
    for index in reversed(range(len(placed))):
        room = placed[index + 1] - LABEL_GAP if index + 1 < len(placed) else placed[index] - over
        placed[index] = min(placed[index], room)
    return placed


ROW_HEIGHT = 17


def _mark(mark: Mark, x: Axis, y: Axis) -> Iterator[str]:
    at_x, at_y = _px(mark.x, x), _py(mark.y, y)
    yield (
        f'<path d="M{at_x:.1f} {at_y:.1f}V{BOTTOM}" stroke="{mark.colour}" stroke-dasharray="2 4"/>'
    )
    yield (
        f'<circle cx="{at_x:.1f}" cy="{at_y:.1f}" r="6" fill="white" stroke="{mark.colour}" '
        'stroke-width="2.5"/>'
    )
    halo = ' paint-order="stroke" stroke="white" stroke-width="4"'
    foot = BOTTOM - 10 - ROW_HEIGHT * mark.row
    yield _text(at_x + 7, foot, mark.text, weight="bold", colour=mark.colour, more=halo)
