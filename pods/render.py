"""How specs, plans and certificates look to a person, within 80 columns, on any command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pods.certificate import Verified
from pods.plan import EnvelopeStep, FeedEnvelope, Plan, Wave
from pods.spec import HostType, PodSpec

BAR_CELLS = 40
"""Cells that stand for the whole budget: with label and figure, 80 columns hold it."""

STEPS_SHOWN_MAX = 25
"""Twelve waves; a longer bring-up shows its beginning and names its peak."""

HOSTS_SHOWN_MAX = 6

NEARLY_FULL = 0.9
"""From here a bar is yellow: little room is left for what nobody planned."""


def render_plan(plan: Plan) -> RenderableType:
    """The waves, what each will do, and the power envelope of each feed."""
    parts: list[RenderableType] = [_title(plan), _waves(plan.waves)]
    parts.extend(_parked(plan))
    for feed in plan.feeds:
        parts.extend((Text(), render_envelope(feed)))
    return Group(*parts)


def render_envelope(feed: FeedEnvelope) -> RenderableType:
    """One feed's reserved watts, step by step, against its budget."""
    share = feed.peak_watts / feed.budget_watts
    title = Text.assemble(
        ("feed ", "dim"),
        (feed.feed, "bold"),
        f"  budget {feed.budget_watts:.0f} W, peak {feed.peak_watts:.0f} W ({share:.0%})",
    )
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
    title = Text.assemble(
        ("plan for pod ", "dim"),
        (plan.pod, "bold"),
        f" after {plan.spec}\n",
        (f"{plan.digest}\n", "dim"),
    )
    if plan.unknown_hosts:
        count = len(plan.unknown_hosts)
        title.append(f"{count} host(s) not inspected yet: firmware and BIOS work shows after it\n")
    return title


def _waves(waves: Sequence[Wave]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("wave", justify="right", no_wrap=True)
    table.add_column("hosts")
    table.add_column("acts")
    for wave in waves:
        name = str(wave.number) if wave.stage == "rest" else f"{wave.number} {wave.stage}"
        table.add_row(name, Text(_hosts(wave.hosts)), _act_lines(wave))
    return table


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


def render_spec(spec: PodSpec) -> RenderableType:
    """What a spec designs, in the order a technician asks."""
    pairs = [
        ("spec", spec.identity),
        ("digest", spec.digest()),
        ("description", spec.description.strip()),
    ]
    for name, host_type in spec.host_types.items():
        count = sum(slot.host_type == name for _, slot in spec.slots())
        title = f"{count} x {host_type.manufacturer} {host_type.model}"
        pairs.append((f"host type {name}", title))
        pairs.extend(("", line) for line in _parts(host_type))
        pairs.extend(
            ("", f"firmware {item.component} {item.version}")
            for item in spec.firmware.get(name, ())
        )
    for name, feed in spec.feeds.items():
        pairs.append((f"feed {name}", f"{feed.budget_watts:.0f} W continuous budget"))
    for rack in spec.racks:
        slots = ", ".join(f"{slot.slot} (U{slot.unit})" for slot in rack.slots)
        pairs.append((f"rack {rack.name}", slots))
    for floor in spec.acceptance.floors:
        in_unit = "x reference" if floor.kind == "ratio" else floor.unit
        pairs.append(("floor", f"{floor.test} at least {floor.floor:g} {in_unit}"))
    unit = spec.unit
    made_of = f"{unit.hosts} host(s), {unit.accelerators} accelerator(s)"
    return _pairs([*pairs, ("unit", f"{unit.unit_class}: {made_of}")])


def _parts(host_type: HostType) -> tuple[str, ...]:
    processors, memory, power = host_type.processors, host_type.memory, host_type.power
    drives, nics, accelerators = host_type.drives, host_type.nics, host_type.accelerators
    has = "no accelerators"
    if accelerators:
        has = f"{accelerators.count} x {accelerators.model} of {accelerators.memory_gib} GiB"
    return (
        f"{processors.count} x {processors.model} of {processors.cores} cores",
        f"{memory.modules} x {memory.module_gib} GiB memory",
        f"{drives.count} x {drives.capacity_gib} GiB drives, {nics.count} x {nics.speed_gbps} Gb/s",
        has,
        (
            f"{power.nameplate_watts} W nameplate, {power.inrush_watts} W inrush, "
            f"{power.typical_watts} W typical, {power.standby_watts} W standby"
        ),
    )


def render_certificate(verified: Verified) -> RenderableType:
    """What a verified certificate says."""
    said = verified.predicate
    rating = said.rating
    hardware = "simulated hardware" if said.simulated else "real hardware"
    capacity = f"{rating.b200_equivalents:.4g} B200-equivalents for {rating.profile}"
    return _pairs(
        [
            ("certificate", f"verified, {hardware}"),
            ("host", f"{said.host.name} (serial {said.host.serial}, slot {said.host.slot})"),
            ("unit", said.unit),
            ("spec", f"{said.spec.identity} {said.spec.digest}"),
            ("facts", said.facts_digest),
            *(("floor", str(line)) for line in said.results),
            ("rating", f"{capacity} ({rating.basis.replace('_', ' ')}, {rating.date})"),
            ("issued", said.issued_at.isoformat()),
            ("expires", said.expires_at.isoformat()),
            ("key", verified.key_id),
        ]
    )


def _pairs(pairs: Sequence[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(name, Text(value))
    return table
