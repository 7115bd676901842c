"""How a plan looks to a person, within 80 columns: what will be changed, when, and the watts.

What cannot be undone comes first, then the waves with their start conditions, then the feeds, the
fullest first. Long bring-ups show their beginning and name the rest; `-o json` has all of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pods.plan import EnvelopeStep, FeedEnvelope, Plan, Wave

BAR_CELLS = 40
"""Cells that stand for the whole budget: with label and figure, 80 columns hold it."""

STEPS_SHOWN_MAX = 25
"""Twelve waves; a longer bring-up shows its beginning and names its peak."""

WAVES_SHOWN_MAX = 12

HOSTS_SHOWN_MAX = 6

FEEDS_SHOWN_MAX = 6
"""The fullest ones; a hall has dozens and most look alike."""

NEARLY_FULL = 0.9
"""From here a bar is yellow: little room is left for what nobody planned."""


def render_plan(plan: Plan) -> RenderableType:
    """All of a plan, with the power envelope of each feed."""
    return Group(render_waves(plan), *_envelopes(plan))


def render_waves(plan: Plan) -> RenderableType:
    """What will be done and when, without the feeds."""
    parts: list[RenderableType] = [_title(plan), _summary(plan), *_gates(plan), Text()]
    parts.extend(_wave(wave) for wave in plan.waves[:WAVES_SHOWN_MAX])
    if not plan.waves:
        parts.append(Text("no wave: none of the hosts can be started", style="yellow"))
    if (left := len(plan.waves) - WAVES_SHOWN_MAX) > 0:
        begins = clock(plan.waves[-1].starts_s)
        parts.append(Text(f"… and {left} waves more, the last begins {begins}", style="dim"))
    parts.extend(_parked(plan))
    return Group(*parts)


def _envelopes(plan: Plan) -> Iterator[RenderableType]:
    fullest = sorted(plan.feeds, key=lambda feed: (-_peak(feed) / feed.budget_watts, feed.feed))
    for feed in fullest[:FEEDS_SHOWN_MAX]:
        yield Text()
        yield render_envelope(feed)
    left = len(fullest) - FEEDS_SHOWN_MAX
    if left > 0:
        yield Text(f"\n… and {left} feeds that are less full", style="dim")


def _peak(feed: FeedEnvelope) -> float:
    """The most a feed must carry, also when another one dies."""
    return max(feed.peak_watts, feed.peak_lost_watts or 0.0)


def render_envelope(feed: FeedEnvelope) -> RenderableType:
    """One feed's reserved watts, step by step, against its budget."""
    share = feed.peak_watts / feed.budget_watts
    title = Text.assemble(
        ("feed ", "dim"),
        (feed.feed, "bold"),
        f"  budget {feed.budget_watts:.0f} W, peak {feed.peak_watts:.0f} W ({share:.0%})",
    )
    if feed.peak_lost_watts is not None:
        title.append(f", {feed.peak_lost_watts:.0f} W when the other feed dies")
    chart = Table.grid(padding=(0, 1))
    chart.add_column(min_width=16)
    chart.add_column(width=BAR_CELLS + 1)
    chart.add_column(justify="right")
    for step in feed.steps[:STEPS_SHOWN_MAX]:
        chart.add_row(_label(step), _bar(step.watts, feed.budget_watts), f"{step.watts:.0f} W")
    left = len(feed.steps) - STEPS_SHOWN_MAX
    if left > 0:
        chart.add_row(f"… {left} more", Text(), "")
    return Group(title, chart)


def _title(plan: Plan) -> Text:
    return Text.assemble(
        ("plan for pod ", "dim"),
        (plan.pod, "bold"),
        f" after {plan.spec}\n",
        (plan.digest, "dim"),
    )


def _summary(plan: Plan) -> RenderableType:
    """What changes a host for good, what is interrupted, and how long it takes."""
    table = _grid()
    flashes = [str(act) for act in plan.destructive_acts()]
    table.add_row("flashes", _listed(flashes, style="bold red"))
    table.add_row("wipes", Text("nothing: a bring-up leaves drives as they are"))
    table.add_row("reboots", _listed(plan.rebooted(), style="bold"))
    if plan.unknown_hosts:
        count = len(plan.unknown_hosts)
        text = f"{count} host(s) not inspected yet: firmware and BIOS work shows after it"
        table.add_row("unknown", Text(text))
    if plan.expected_s:
        total = Text(f"{plan.expected_s:.0f} s from approval to the last host")
        total.append("".join(f"\n{line}" for line in _expected(plan)), style="dim")
        table.add_row("expected", total)
    return table


def _gates(plan: Plan) -> Iterator[RenderableType]:
    """Each gate with what proves it; what no reading proves is the approver's to confirm."""
    table = _grid()
    for n, proof in enumerate(plan.proofs, start=1):
        if proof.state == "unknown":
            told = Text.assemble(("you confirm that ", "bold yellow"), proof.proof)
            told.append(f"\n{proof.found}", style="dim")
        else:
            told = Text.assemble((proof.state, _STYLES[proof.state]), f"  {proof.found}")
        table.add_row(f"{n} {proof.gate}", told)
    if plan.proofs:
        yield Text()
        yield Text("gates, in order", style="bold")
        yield table


_STYLES = {"passed": "green", "failed": "bold red", "later": "dim"}


def _expected(plan: Plan) -> Iterator[str]:
    """What one host of each type takes, step by step, and how that is known."""
    by_type: dict[str, list[str]] = {}
    for one in plan.expectations:
        known = f"median of {one.samples}" if one.basis == "past" else "the spec's"
        by_type.setdefault(one.host_type, []).append(f"{one.step} {one.expected_s:.0f} s ({known})")
    return (f"{name}: {', '.join(steps)}" for name, steps in by_type.items())


def _listed(found: Sequence[str], *, style: str) -> Text:
    lines = list(found[:HOSTS_SHOWN_MAX])
    if (left := len(found) - HOSTS_SHOWN_MAX) > 0:
        lines.append(f"and {left} more")
    return Text("\n".join(lines), style=style) if lines else Text("nothing")


def _wave(wave: Wave) -> RenderableType:
    kind = "" if wave.stage == "rest" else f" {wave.stage}"
    basis = f" ({wave.expected_basis})" if wave.expected_basis else ""
    takes = f", takes {wave.expected_s:.0f} s{basis}" if wave.expected_s else ""
    head = Text.assemble((f"wave {wave.number}{kind}", "bold"), f"  {clock(wave.starts_s)}{takes}")
    table = _grid()
    if wave.starts_when:
        table.add_row("  when", Text(wave.starts_when))
    table.add_row("  hosts", Text(_hosts(wave.hosts)))
    table.add_row("  acts", _act_lines(wave))
    return Group(head, table)


def _grid() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True, min_width=9)
    table.add_column(overflow="fold")
    return table


def clock(seconds: float) -> str:
    """+1.5 s, +12 min, +3.5 h."""
    if seconds < 120:  # noqa: PLR2004 - below two minutes, seconds say more
        return f"+{seconds:.3g} s"
    if seconds < 7200:  # noqa: PLR2004 - below two hours, minutes do
        return f"+{seconds / 60:.0f} min"
    return f"+{seconds / 3600:.1f} h"


def _hosts(hosts: Sequence[str]) -> str:
    listed = ", ".join(hosts[:HOSTS_SHOWN_MAX])
    left = len(hosts) - HOSTS_SHOWN_MAX
    return f"{listed} and {left} more" if left > 0 else listed


def _act_lines(wave: Wave) -> Text:
    """The acts that all hosts share, then the destructive ones, one line each."""
    counts = Counter(act.kind for act in wave.acts if not act.destructive)
    text = Text(", ".join(_counted(kind, count, wave) for kind, count in counts.items()))
    for act in wave.acts:
        if act.destructive:
            text.append(f"\n{act}", style="bold red")
    return text


def _counted(kind: str, count: int, wave: Wave) -> str:
    word = kind.replace("_", " ")
    return word if count == len(wave.hosts) else f"{word} x{count}"


def _parked(plan: Plan) -> Iterator[RenderableType]:
    for host in plan.parked:
        yield Text.assemble(
            ("parked ", "bold yellow"), (host.host, "bold"), f"  {host.reason}\n  {host.remedy}"
        )


def _label(step: EnvelopeStep) -> str:
    return "before" if step.wave == 0 else f"wave {step.wave} {step.phase}"


def _bar(watts: float, budget_watts: float) -> Text:
    """A bar whose full width is the budget; what stands beyond the mark would be over it."""
    cells = min(BAR_CELLS, round(BAR_CELLS * watts / budget_watts))
    style = "yellow" if watts > NEARLY_FULL * budget_watts else "green"
    bar = Text("█" * cells, style=style)
    bar.append("·" * (BAR_CELLS - cells), style="dim")
    bar.append("│", style="dim")
    return bar
