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
from pods.spec import FabricSpec, HostType, PodSpec, RackSpec

BAR_CELLS = 40
"""Cells that stand for the whole budget: with label and figure, 80 columns hold it."""

STEPS_SHOWN_MAX = 25
"""Twelve waves; a longer bring-up shows its beginning and names its peak."""

HOSTS_SHOWN_MAX = 6

FEEDS_SHOWN_MAX = 6
"""The fullest ones; a hall has dozens and most look alike."""

SLOTS_SHOWN_MAX = 8

RACKS_TOLD_MAX = 4
"""A scalable unit has 8 to 18 racks, each like the others."""

NEARLY_FULL = 0.9
"""From here a bar is yellow: little room is left for what nobody planned."""


def render_plan(plan: Plan) -> RenderableType:
    """The waves, what each will do, and the power envelope of each feed."""
    parts: list[RenderableType] = [_title(plan), _waves(plan.waves)]
    parts.extend(_parked(plan))
    fullest = sorted(plan.feeds, key=lambda feed: (-_peak(feed) / feed.budget_watts, feed.feed))
    for feed in fullest[:FEEDS_SHOWN_MAX]:
        parts.extend((Text(), render_envelope(feed)))
    left = len(fullest) - FEEDS_SHOWN_MAX
    if left > 0:
        parts.append(Text(f"\n… and {left} feeds that are less full", style="dim"))
    return Group(*parts)


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
    title = Text.assemble(
        ("plan for pod ", "dim"),
        (plan.pod, "bold"),
        f" after {plan.spec}\n",
        (f"{plan.digest}\n", "dim"),
    )
    if plan.unknown_hosts:
        count = len(plan.unknown_hosts)
        title.append(f"{count} host(s) not inspected yet: firmware and BIOS work shows after it\n")
    if plan.expected_s:
        title.append(f"expected {plan.expected_s:.0f} s after {', '.join(plan.gates)}\n")
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
        pairs.extend(("", line) for line in _identity(host_type))
        pairs.extend(("", line) for line in _parts(host_type))
        pairs.extend(
            ("", f"firmware {item.component} {item.version}")
            for item in spec.firmware.get(name, ())
        )
    for name, feed in spec.feeds.items():
        pairs.append((f"feed {name}", f"{feed.budget_watts:.0f} W continuous budget"))
    pairs.extend((f"rack {rack.name}", _rack(spec, rack)) for rack in spec.racks)
    if spec.fabric:
        pairs.append(("fabric", _fabric(spec.fabric)))
    for floor in spec.acceptance.floors:
        in_unit = "x reference" if floor.kind == "ratio" else floor.unit
        pairs.append(("floor", f"{floor.test} at least {floor.floor:g} {in_unit}"))
    unit = spec.unit
    made_of = f"{unit.hosts} host(s), {unit.accelerators} accelerator(s)"
    pairs.append(("unit", f"{unit.unit_class}: {made_of}"))
    if one := spec.scalable_unit:
        in_racks = f" in {one.racks} racks" if one.racks else ""
        pairs.append(
            ("scalable unit", f"{one.hosts} hosts{in_racks}, {one.accelerators} accelerators")
        )
    return _pairs(pairs)


def _identity(host_type: HostType) -> tuple[str, ...]:
    """Which shipped type a host type is, and how many of its figures are not to be ordered by."""
    if not host_type.sources:
        return ()
    doubtful = sum(source.uncertain for source in host_type.sources.values())
    named = host_type.type or (f"made from {host_type.variant_of}" if host_type.variant_of else "")
    return (f"{named or 'a type of its own'}; {doubtful} uncertain figure(s), see its sources",)


def _rack(spec: PodSpec, rack: RackSpec) -> str:
    if len(rack.slots) <= SLOTS_SHOWN_MAX and len(spec.racks) <= RACKS_TOLD_MAX:
        return ", ".join(f"{slot.slot} (U{slot.unit})" for slot in rack.slots)
    units = [slot.unit for slot in rack.slots]
    span = f", U{min(units)} to U{max(units)}" if units else ""
    kind = spec.type_of(rack)
    named = f" of {kind.type}" if kind and kind.type else ""
    return f"{len(rack.slots)} slots{span}{named}"


def _fabric(fabric: FabricSpec) -> str:
    text = fabric.kind.replace("_", " ")
    if fabric.rails and fabric.leaf:
        text += f", {fabric.rails} rails of {fabric.rail_gbps} Gb/s on {fabric.leaf.model}"
    if fabric.north_south_ports:
        text += f", {fabric.north_south_ports} x {fabric.north_south_gbps} Gb/s north-south"
    return text


def _parts(host_type: HostType) -> tuple[str, ...]:
    processors, memory, power = host_type.processors, host_type.memory, host_type.power
    drives, nics, accelerators = host_type.drives, host_type.nics, host_type.accelerators
    has = "no accelerators"
    if accelerators:
        has = f"{accelerators.count} x {accelerators.model} of {accelerators.memory_gib} GiB"
        if host_type.scale_up_domain:
            has += f", scale-up domain of {host_type.scale_up_domain}"
    lines = [
        f"{processors.count} x {processors.model} of {processors.cores} cores",
        f"{memory.modules} x {memory.module_gib} GiB memory",
        f"{drives.count} x {drives.capacity_gib} GiB drives, {nics.count} x {nics.speed_gbps} Gb/s",
        has,
        (
            f"{power.nameplate_watts} W nameplate, {power.inrush_watts} W inrush, "
            f"{power.typical_watts} W typical, {power.standby_watts} W standby"
        ),
    ]
    if psus := host_type.psus:
        redundancy = f", {psus.redundancy}" if psus.redundancy else ""
        lines.append(f"{psus.count} x {psus.capacity_watts} W supplies{redundancy}")
    body = [
        f"{host_type.chassis.height_units}U" if host_type.chassis else "",
        f"{host_type.weight_kg:g} kg" if host_type.weight_kg else "",
        f"{host_type.cooling.kind} cooled" if host_type.cooling else "",
        f"BMC {host_type.bmc.kind}" if host_type.bmc else "",
    ]
    if any(body):
        lines.append(", ".join(part for part in body if part))
    return tuple(lines)


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
