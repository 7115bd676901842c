"""What stands where in a rack, as text for a terminal and as SVG for a page or a printout.

A technician in the hall reads it from the top, as the rack stands. Free units are drawn too: what
is not in the picture is not in the rack.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from pods.rack_rules import rack_nameplate_watts, rack_weight_kg
from pods.spec import PodSpec, RackSpec

INNER_CHARS = 58
"""Between the rack's two sides: with unit numbers, 80 columns hold it."""

UNIT_PX, WIDTH_PX, LEFT_PX, TOP_PX = 18, 470, 48, 64
FONT = "font-family='system-ui, sans-serif'"

_COLOURS = {
    "host": "#cfe3f7",
    "nvlink-switch": "#d8efd3",
    "power-shelf": "#f7e3c6",
    "pdu": "#f7e3c6",
    "free": "#ffffff",
}
_OTHER_COLOUR = "#e6e6ea"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in a rack. Without a unit it hangs at the side."""

    name: str
    what: str
    kind: str
    unit: int | None
    height: int
    watts: int | None

    @property
    def label(self) -> str:
        """Name, what it is and what it may draw."""
        draws = f"{self.watts / 1000:g} kW" if self.watts and self.kind != "power-shelf" else ""
        gives = f"gives {self.watts / 1000:g} kW" if self.watts and not draws else ""
        return "  ".join(part for part in (self.name, self.what, draws or gives) if part)


def contents(spec: PodSpec, rack: RackSpec) -> tuple[Item, ...]:
    """Everything in a rack, from its top down, then what hangs at its side."""
    kind = spec.type_of(rack)
    items = [
        Item(
            name=item.name,
            what=item.model or item.kind.replace("-", " "),
            kind=item.kind,
            unit=item.unit,
            height=item.height_units,
            watts=item.capacity_watts or item.draw_watts,
        )
        for item in (kind.equipment if kind else ())
    ]
    for slot in rack.slots:
        host = spec.host_types[slot.host_type]
        items.append(
            Item(
                name=slot.slot,
                what=f"{host.manufacturer} {host.model}",
                kind="host",
                unit=slot.unit,
                height=host.height_units,
                watts=host.power.nameplate_watts,
            )
        )
    return tuple(sorted(items, key=lambda item: (-(item.unit or 0), item.name)))


def alike(spec: PodSpec) -> tuple[tuple[RackSpec, int], ...]:
    """One rack of each kind, with how many look the same but for their names."""
    found: dict[object, list[RackSpec]] = {}
    for rack in spec.racks:
        looks = tuple((slot.unit, slot.host_type) for slot in rack.slots)
        found.setdefault((rack.type, rack.units, looks), []).append(rack)
    return tuple((racks[0], len(racks)) for racks in found.values())


def summary(spec: PodSpec, rack: RackSpec) -> tuple[str, ...]:
    """What a rack is, draws, weighs and hangs on, one line each."""
    kind = spec.type_of(rack)
    name = (kind.type or kind.variant_of if kind else None) or "a type of its own"
    standard = f" {kind.unit_standard}" if kind else ""
    limit = f" of at most {kind.power_limit_watts} W" if kind and kind.power_limit_watts else ""
    lines = [
        f"rack {rack.name}: {name}, {rack.units}{standard} units",
        f"nameplate {rack_nameplate_watts(spec, rack)} W{limit}",
    ]
    weight = rack_weight_kg(spec, rack)
    if weight is not None:
        at_most = (
            f" of at most {kind.weight_limit_kg:g} kg" if kind and kind.weight_limit_kg else ""
        )
        whole = "" if kind and kind.loaded_weight_kg else " (known parts)"
        lines.append(f"weight {weight:g} kg{whole}{at_most}")
    feeds = sorted({feed for s in rack.slots for feed in (s.feed, s.feed_b) if feed})
    lines.append(f"feeds {', '.join(feeds)}")
    if kind and kind.cooling:
        flow = f", {kind.cooling.flow_lpm:g} L/min" if kind.cooling.flow_lpm else ""
        lines.append(f"cooling {kind.cooling.kind}{flow}")
    if kind and kind.leak_detectors:
        hosts = len(rack.slots)
        count = sum(hosts if one.per_host else 1 for one in kind.leak_detectors)
        lines.append(f"leak detectors {count}")
    return tuple(lines)


def elevation_text(spec: PodSpec, rack: RackSpec) -> str:
    """A rack as lines of text, none wider than 80 columns."""
    lines = [*summary(spec, rack), "", f"     ┌{'─' * INNER_CHARS}┐"]
    for top, bottom, item in _stack(spec, rack):
        lines.extend(_item_lines(top, bottom, item))
    lines.append(f"     └{'─' * INNER_CHARS}┘")
    side = [item for item in contents(spec, rack) if item.unit is None]
    lines.extend(f"     at the side: {item.label}" for item in side)
    return "\n".join(lines)


def _item_lines(top: int, bottom: int, item: Item | None) -> Iterator[str]:
    if item is None:
        label = "· free" if top == bottom else f"· {top - bottom + 1} units free"
        span = f"{top}" if top == bottom else f"{bottom}-{top}"
        yield f"{span:>4} │{label:<{INNER_CHARS}}│"
        return
    for unit in range(top, bottom - 1, -1):
        text = f"█ {item.label}" if unit == top else "█"
        yield f"{unit:>4} │{text[:INNER_CHARS]:<{INNER_CHARS}}│"


def _stack(spec: PodSpec, rack: RackSpec) -> Iterator[tuple[int, int, Item | None]]:
    """(top unit, bottom unit, item or None for free), from the top down."""
    above = rack.units + 1
    for item in contents(spec, rack):
        if item.unit is None:
            continue
        top = item.unit + max(item.height, 1) - 1
        if top + 1 < above:
            yield above - 1, top + 1, None
        yield top, item.unit, item
        above = item.unit
    if above > 1:
        yield above - 1, 1, None


def elevation_svg(spec: PodSpec, rack: RackSpec) -> str:
    """A rack as a picture that stands alone."""
    lines = summary(spec, rack)
    side = [item for item in contents(spec, rack) if item.unit is None]
    height = TOP_PX + rack.units * UNIT_PX + 26 + 16 * (len(lines) - 1 + bool(side))
    box = f"width='{WIDTH_PX}' height='{height}' viewBox='0 0 {WIDTH_PX} {height}'"
    body = [
        f"<svg xmlns='http://www.w3.org/2000/svg' {box} {FONT}>",
        f"<rect width='{WIDTH_PX}' height='{height}' fill='#ffffff'/>",
        _text(LEFT_PX, 26, spec.identity, size=16, weight="600"),
        _text(LEFT_PX, 46, lines[0], size=12),
        *_svg_stack(spec, rack),
    ]
    foot = [*lines[1:], *([f"at the side: {', '.join(i.name for i in side)}"] if side else [])]
    y = TOP_PX + rack.units * UNIT_PX + 22
    body.extend(_text(LEFT_PX, y + 16 * n, line, size=12) for n, line in enumerate(foot))
    return "\n".join([*body, "</svg>", ""])


def _svg_stack(spec: PodSpec, rack: RackSpec) -> Iterator[str]:
    inner = WIDTH_PX - LEFT_PX - 16
    for top, bottom, item in _stack(spec, rack):
        y = TOP_PX + (rack.units - top) * UNIT_PX
        high = (top - bottom + 1) * UNIT_PX
        kind = item.kind if item else "free"
        yield (
            f"<rect x='{LEFT_PX}' y='{y}' width='{inner}' height='{high}' "
            f"fill='{_COLOURS.get(kind, _OTHER_COLOUR)}' stroke='#8a8f98' stroke-width='0.7'/>"
        )
        label = item.label.replace("  ", " · ") if item else "free"
        colour = "#1c2430" if item else "#9aa0a8"
        yield _text(LEFT_PX + 8, y + high / 2 + 4, label, size=11, colour=colour)
        yield _text(LEFT_PX - 8, y + 13, str(top), size=10, colour="#6a7079", anchor="end")
        if bottom != top:
            low = TOP_PX + (rack.units - bottom) * UNIT_PX
            yield _text(LEFT_PX - 8, low + 13, str(bottom), size=10, colour="#6a7079", anchor="end")


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int,
    colour: str = "#1c2430",
    weight: str = "400",
    anchor: str = "start",
) -> str:
    return (
        f"<text x='{x:g}' y='{y:g}' font-size='{size}' font-weight='{weight}' "
        f"fill='{colour}' text-anchor='{anchor}'>{escape(text)}</text>"
    )


def elevations(spec: PodSpec, racks: Sequence[tuple[RackSpec, int]]) -> str:
    """Several racks as text, each with how many are like it."""
    parts = []
    for rack, count in racks:
        more = f"\n({count - 1} more like this one)" if count > 1 else ""
        parts.append(elevation_text(spec, rack) + more)
    return "\n\n".join(parts)
