"""A plan's watts over time against its budgets: as text for a terminal, as SVG for a page.

Time runs in steps, not to scale: an inrush lasts seconds and a stage half an hour, and on a true
axis the peaks, which are what a person looks for, would be hairlines. Steps say when they begin. A
line stands for the budget; what a feed must carry when another dies is drawn behind, in outline,
so that the room kept for a failure does not look like room that is free.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from rich.console import Group, RenderableType
from rich.text import Text

from pods.plan import Plan
from pods.plan_text import clock
from pods.watts import EnvelopeStep, FeedEnvelope

ROWS = 10
COLUMNS_MAX = 60
"""With the axis, 80 columns hold it."""

EIGHTHS = " ▁▂▃▄▅▆▇█"

FEEDS_SHOWN_MAX = 6
"""The fullest ones; a hall has dozens and most look alike."""


@dataclass(frozen=True, slots=True)
class Column:
    """One step of one feed, or of all feeds together."""

    label: str
    begins: str
    watts: float
    lost_watts: float | None


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: a title, a budget and the steps."""

    title: str
    budget_watts: float
    columns: tuple[Column, ...]

    @property
    def peak_watts(self) -> float:
        """The most it must ever carry, failures included."""
        return max((max(c.watts, c.lost_watts or 0.0) for c in self.columns), default=0.0)

    def head(self) -> str:
        """Budget and peaks in words."""
        text = f"budget {_kw(self.budget_watts)}, peak {self._share(c.watts for c in self.columns)}"
        lost = [c.lost_watts for c in self.columns if c.lost_watts is not None]
        return f"{text}, {self._share(lost)} when the other feed dies" if lost else text

    def _share(self, watts: Iterable[float]) -> str:
        most = max(watts, default=0.0)
        return f"{_kw(most)} ({most / self.budget_watts if self.budget_watts else 0.0:.0%})"

    @property
    def top_watts(self) -> float:
        """The chart's upper edge."""
        return max(self.budget_watts, self.peak_watts, 1.0)


def panels(plan: Plan, *, feeds_max: int = FEEDS_SHOWN_MAX) -> tuple[Panel, ...]:
    """All feeds together, then the fullest ones by themselves."""
    fullest = sorted(plan.feeds, key=lambda f: (-_fullness(f), f.feed))[:feeds_max]
    found = [_panel(plan, f"feed {feed.feed}", feed.budget_watts, feed.steps) for feed in fullest]
    if len(plan.feeds) > 1:
        found.insert(0, _panel(plan, "all feeds", plan.budget_watts, _sums(plan)))
    return tuple(found)


def _fullness(feed: FeedEnvelope) -> float:
    return max(feed.peak_watts, feed.peak_lost_watts or 0.0) / feed.budget_watts


def _sums(plan: Plan) -> list[EnvelopeStep]:
    steps = zip(*(feed.steps for feed in plan.feeds), strict=True)
    return [
        EnvelopeStep(wave=at[0].wave, phase=at[0].phase, watts=sum(s.watts for s in at))
        for at in steps
    ]


def _panel(plan: Plan, title: str, budget_watts: float, steps: Sequence[EnvelopeStep]) -> Panel:
    waves = {wave.number: wave for wave in plan.waves}
    columns = []
    for step in steps:
        wave = waves.get(step.wave)
        begins_s = 0.0 if wave is None else wave.starts_s
        if wave is not None and step.phase == "running":
            begins_s += wave.settle_s
        label = "before" if wave is None else f"wave {step.wave} {step.phase}"
        columns.append(Column(label, clock(begins_s), step.watts, step.lost_watts))
    return Panel(title, budget_watts, tuple(columns))


def chart_text(plan: Plan, *, feeds_max: int = FEEDS_SHOWN_MAX) -> RenderableType:
    """The panels, one below the other."""
    parts: list[RenderableType] = []
    for panel in panels(plan, feeds_max=feeds_max):
        parts.extend((_panel_text(panel), Text()))
    left = len(plan.feeds) - feeds_max
    if left > 0:
        parts.append(Text(f"… and {left} feeds that are less full", style="dim"))
    return Group(*parts)


def _panel_text(panel: Panel) -> Text:
    shown = _thinned(panel.columns)
    width = max(1, min(6, COLUMNS_MAX // max(1, len(shown))))
    text = Text()
    text.append(panel.title, style="bold")
    text.append(f"  {panel.head()}\n")
    budget_row = min(ROWS - 1, int(panel.budget_watts / panel.top_watts * ROWS - 1e-9))
    for row in range(ROWS - 1, -1, -1):
        text.append(f"{_kw((row + 1) * panel.top_watts / ROWS):>9} ", style="dim")
        text.append("┤" if row == budget_row else "│", style="dim")
        for column in shown:
            text.append_text(_cell(column, row, panel.top_watts, width))
        text.append(" budget\n" if row == budget_row else "\n", style="dim")
    text.append(f"{'':>9} └{'─' * (width * len(shown))}\n", style="dim")
    first, last = panel.columns[0], panel.columns[-1]
    text.append(f"{'':>11}{first.label} … {last.label} ({last.begins})\n", style="dim")
    if any(column.lost_watts is not None for column in shown):
        text.append(f"{'':>11}█ both feeds live   ░ when the other feed dies\n", style="dim")
    return text


def _thinned(columns: Sequence[Column]) -> list[Column]:
    """At most as many columns as fit; of those that share one, the highest is shown."""
    if len(columns) <= COLUMNS_MAX:
        return list(columns)
    bounds = [len(columns) * n // COLUMNS_MAX for n in range(COLUMNS_MAX + 1)]
    return [
        max(columns[a:b], key=lambda c: max(c.watts, c.lost_watts or 0.0))
        for a, b in itertools.pairwise(bounds)
    ]


def _cell(column: Column, row: int, top_watts: float, width: int) -> Text:
    """One row's piece of a column: full, an eighth or more, outlined, or empty."""
    eighths = column.watts / top_watts * ROWS - row
    bar = max(1, width - 1)
    gap = " " * (width - bar)
    if eighths > 0:
        glyph = EIGHTHS[min(8, max(1, round(eighths * 8)))]
        return Text(glyph * bar + gap, style="green")
    lost = (column.lost_watts or 0.0) / top_watts * ROWS - row
    return Text(("░" if lost > 0 else " ") * bar + gap, style="yellow")


def _kw(watts: float) -> str:
    return f"{watts:.0f} W" if watts < 10_000 else f"{watts / 1000:.1f} kW"  # noqa: PLR2004


PANEL_WIDTH, PANEL_HEIGHT, LEFT, TOP, BOTTOM = 860, 220, 70, 34, 44
"""Pixels: the axis' labels need LEFT and BOTTOM, the title TOP."""

LABELS_MAX = 12
"""Labels below a panel; more would overlap."""


LEGEND = (
    "orange: starting; blue: running; dashed: carried when the other feed dies; red: budget; "
    "steps are not to scale"
)


def chart_svg(plan: Plan, *, feeds_max: int = FEEDS_SHOWN_MAX) -> str:
    """The panels as one picture that needs neither script nor style sheet."""
    shown = panels(plan, feeds_max=feeds_max)
    height = PANEL_HEIGHT * len(shown) + 30
    title = f"Power of pod {plan.pod} after {plan.spec}"
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{PANEL_WIDTH}" height="{height}" '
            f'viewBox="0 0 {PANEL_WIDTH} {height}" font-family="sans-serif" font-size="11" '
            f'role="img" aria-label={quoteattr(title)}>'
        ),
        f'<rect width="{PANEL_WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="18" font-size="14">{escape(title)}</text>',
    ]
    for index, panel in enumerate(shown):
        lines.extend(_panel_svg(panel, y0=24 + index * PANEL_HEIGHT))
    lines.append(f'<text x="{LEFT}" y="{height - 10}" fill="#555">{LEGEND}</text>')
    return "\n".join([*lines, "</svg>", ""])


def _panel_svg(panel: Panel, *, y0: int) -> Iterator[str]:
    width, height = PANEL_WIDTH - LEFT - 20, PANEL_HEIGHT - TOP - BOTTOM
    base = y0 + TOP + height
    step = width / max(1, len(panel.columns))

    def y(watts: float) -> float:
        return base - watts / (panel.top_watts * 1.05) * height

    head = f"{panel.title}: {panel.head()}"
    yield f'<text x="{LEFT}" y="{y0 + TOP - 10}" font-weight="bold">{escape(head)}</text>'
    every = -(-len(panel.columns) // LABELS_MAX)
    for n, column in enumerate(panel.columns):
        x = LEFT + n * step
        bar = f'x="{x + step * 0.1:.1f}" width="{step * 0.8:.1f}"'
        if column.lost_watts is not None:
            top = y(column.lost_watts)
            yield (
                f'<rect {bar} y="{top:.1f}" height="{base - top:.1f}" fill="#fff3d6" '
                'stroke="#c98a00" stroke-dasharray="3 2"/>'
            )
        top = y(column.watts)
        words = f"{column.label}, {column.begins}: {_kw(column.watts)}"
        if column.lost_watts is not None:
            words += f", {_kw(column.lost_watts)} when the other feed dies"
        colour = "#e07b39" if column.label.endswith("starting") else "#3b7ea1"
        yield (
            f'<rect {bar} y="{top:.1f}" height="{base - top:.1f}" fill="{colour}">'
            f"<title>{escape(words)}</title></rect>"
        )
        if n % every == 0:
            middle = x + step / 2
            for row, word in enumerate((column.label, column.begins)):
                short = word.replace("wave ", "w").replace("starting", "start")
                short = short.replace("running", "run")
                yield (
                    f'<text x="{middle:.1f}" y="{base + 13 + 12 * row}" '
                    f'text-anchor="middle" font-size="9">{escape(short)}</text>'
                )
    budget = y(panel.budget_watts)
    right = LEFT + width
    yield (
        f'<line x1="{LEFT}" x2="{right}" y1="{budget:.1f}" y2="{budget:.1f}" '
        'stroke="#c0392b" stroke-width="1.5"/>'
    )
    for watts in (0.0, panel.budget_watts / 2, panel.budget_watts):
        yield f'<text x="{LEFT - 6}" y="{y(watts) + 4:.1f}" text-anchor="end">{_kw(watts)}</text>'
    yield f'<line x1="{LEFT}" x2="{LEFT}" y1="{y0 + TOP}" y2="{base}" stroke="#444"/>'
    yield f'<line x1="{LEFT}" x2="{right}" y1="{base}" y2="{base}" stroke="#444"/>'
