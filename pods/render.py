"""How specs and certificates look to a person, within 80 columns, on any command."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pods.certificate import Predicate, Verified
from pods.rating_table import BASIS_WORDS
from pods.spec import DriveSpec, FabricSpec, HostType, PodSpec, RackSpec

SLOTS_SHOWN_MAX = 8

RACKS_TOLD_MAX = 4
"""A scalable unit has 8 to 18 racks, each like the others."""


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
        if release := host_type.firmware_release:
            told = release.name or f"none, {release.none_because}"
            pairs.append(("", f"published firmware: {told}"))
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
        f"{_drives(drives)}, {nics.count} x {nics.speed_gbps} Gb/s",
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


def _drives(drives: DriveSpec) -> str:
    if not drives.groups:
        return f"{drives.count} x {drives.capacity_gib} GiB drives"
    told = (
        f"{one.count} x {one.capacity_gib} GiB {one.kind + ' ' if one.kind else ''}{one.role}"
        for one in drives.groups
    )
    return f"drives {' and '.join(told)}"


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
            ("rating", f"{capacity} ({BASIS_WORDS[rating.basis]}, {rating.date})"),
            ("issued", said.issued_at.isoformat()),
            ("expires", said.expires_at.isoformat()),
            ("approved", approved_by(said)),
            ("key", verified.key_id),
        ]
    )


def approved_by(said: Predicate) -> str:
    """Who let the bring-up begin, as far as the certificate says it."""
    return str(said.approved) if said.approved else "not recorded"


def _pairs(pairs: Sequence[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(name, Text(value))
    return table
