"""The hall's floor as tiles, and one rack as it stands, unit by unit.

Hosts know their rack's name; where a rack has a record of its own it says more (row, height, power
limit). A rack that only its hosts name is drawn from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inventory.model import Pod
from inventory.places import Equipment, Location, Rack
from inventory.web.views.hosts import Heat, HostLine, rack_path
from inventory.web.views.looks import MEANINGS, SYMBOLS, Tone, counted, watts, worst

TILE_PX, CELL_PX = 112, 14
CELLS_A_ROW = 8
UNITS_DEFAULT = 42
UNIT_PX = 18
"""High enough for one line of text in one unit."""
LEFT_PX, WIDTH_PX, TOP_PX = 30, 460, 10


@dataclass(frozen=True, slots=True)
class Cell:
    """One host in a rack's small picture."""

    tone: Tone
    symbol: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Tile:
    """One rack on the floor."""

    name: str
    path: str
    tone: Tone
    symbol: str
    told: str
    watts: str
    cells: tuple[Cell, ...]
    height: int


@dataclass(frozen=True, slots=True)
class Row:
    """Racks that stand in one row, in their order."""

    title: str
    tiles: tuple[Tile, ...]


def floor(
    hosts: Iterable[HostLine], racks: Sequence[Rack], locations: Iterable[Location]
) -> tuple[Row, ...]:
    """The rows of a site's halls. Racks without a place stand in a row by pod."""
    by_rack: dict[tuple[str, str], list[HostLine]] = {}
    for host in hosts:
        by_rack.setdefault((host.site, host.rack), []).append(host)
    known = {(rack.site, rack.name): rack for rack in racks}
    places = {place.id: place for place in locations}
    rows: dict[str, list[tuple[int, str, Tile]]] = {}
    for key in sorted({*by_rack, *known}):
        rack, inside = known.get(key), by_rack.get(key, [])
        title = _row_title(key[0], rack, inside, places)
        place = rack.position_in_row if rack and rack.position_in_row is not None else 10**6
        rows.setdefault(title, []).append((place, key[1], tile(key, rack, inside)))
    return tuple(
        Row(title=title, tiles=tuple(one for _, _, one in sorted(found, key=lambda f: f[:2])))
        for title, found in sorted(rows.items())
    )


def _row_title(
    site: str, rack: Rack | None, inside: Sequence[HostLine], places: Mapping[str, Location]
) -> str:
    place = places.get(rack.location) if rack else None
    if place is not None:
        above = places.get(place.parent)
        names = [one.title or f"{one.kind} {one.name}" for one in (above, place) if one]
        return f"{site}: {', '.join(names)}"
    pod = (rack.pod if rack else "") or next((host.pod for host in inside), "")
    return f"{site}: pod {pod}" if pod else f"{site}: no place told"


def tile(key: tuple[str, str], rack: Rack | None, inside: Sequence[HostLine]) -> Tile:
    """One rack with its hosts as cells: shape, words and tone say the same."""
    ordered = sorted(inside, key=lambda host: (-(host.position or 0), host.slot))
    tone = worst(host.look for host in inside)
    bad = sum(host.look.tone == tone for host in inside)
    told = counted(len(inside), "host")
    if inside and tone != "good":
        told += f", {bad} {_short(tone)}"
    elif inside:
        told += ", all ready"
    limit = rack.power_limit_watts if rack else None
    held = watts(sum(host.reserved_watts for host in inside))
    cells = tuple(
        Cell(
            tone=host.look.tone,
            symbol=host.look.symbol,
            x=(index % CELLS_A_ROW) * CELL_PX,
            y=(index // CELLS_A_ROW) * CELL_PX,
        )
        for index, host in enumerate(ordered)
    )
    lines = max(1, -(-len(cells) // CELLS_A_ROW))
    return Tile(
        name=key[1],
        path=rack_path(*key),
        tone=tone,
        symbol=SYMBOLS[tone],
        told=told,
        watts=f"{held} of {watts(limit)}" if limit else held,
        cells=cells,
        height=lines * CELL_PX,
    )


def _short(tone: Tone) -> str:
    short: dict[Tone, str] = {
        "stop": "parked",
        "warn": "with a problem",
        "hand": "for repair",
        "gone": "leaving",
    }
    return short.get(tone, MEANINGS[tone])


@dataclass(frozen=True, slots=True)
class Box:
    """Something in a rack, as it is drawn."""

    name: str
    told: str
    right: str
    href: str
    tone: str
    symbol: str
    y: float
    height: float
    warm: str = ""
    """The tone of its warmest sensor, or of its leak: drawn as a stripe; empty: not read."""

    @property
    def middle(self) -> float:
        """Where its text stands."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Unit:
    """A rack unit's number beside the frame."""

    number: int
    y: float


@dataclass(frozen=True, slots=True)
class Elevation:
    """A rack, unit by unit, from the top down."""

    units: int
    boxes: tuple[Box, ...]
    numbers: tuple[Unit, ...]
    unplaced: tuple[HostLine, ...]
    """Hosts whose unit nobody told."""
    width: int
    height: float
    left: int
    top: int
    inner_width: int


def elevation(
    rack: Rack | None,
    hosts: Sequence[HostLine],
    equipment: Iterable[Equipment],
    pods: Mapping[str, Pod],
    heats: Mapping[str, Heat],
) -> Elevation:
    """Where everything in a rack sits. Heights come from the specs of the hosts' pods."""
    placed = [(host, *_place(host, pods.get(host.pod))) for host in hosts]
    gear = [(one, *_gear_place(one, pods.get(one.pod))) for one in equipment]
    tops = [unit + high - 1 for _, unit, high in (*placed, *gear) if unit is not None]
    units = _units(rack, hosts, pods, least=int(max(tops, default=0)))
    boxes = [
        *(
            _host_box(host, heats.get(host.name), unit, high, units)
            for host, unit, high in placed
            if unit is not None
        ),
        *(_gear_box(one, unit, high, units) for one, unit, high in gear if unit is not None),
    ]
    return Elevation(
        units=units,
        boxes=tuple(sorted(boxes, key=lambda box: box.y)),
        numbers=tuple(
            Unit(number=n, y=TOP_PX + (units - n) * UNIT_PX + UNIT_PX / 2)
            for n in range(units, 0, -1)
        ),
        unplaced=tuple(host for host, unit, _ in placed if unit is None),
        width=WIDTH_PX,
        height=2 * TOP_PX + units * UNIT_PX,
        left=LEFT_PX,
        top=TOP_PX,
        inner_width=WIDTH_PX - LEFT_PX - 4,
    )


def _units(
    rack: Rack | None, hosts: Sequence[HostLine], pods: Mapping[str, Pod], *, least: int
) -> int:
    if rack is not None:
        return max(rack.height_units, least)
    designed = (
        one["units"]
        for host in hosts
        for one in _racks_of(pods.get(host.pod))
        if one["name"] == host.rack
    )
    return max(next(iter(designed), UNITS_DEFAULT), least)


def _racks_of(pod: Pod | None) -> Sequence[dict[str, Any]]:
    found: Sequence[dict[str, Any]] = pod.spec_document.get("racks", ()) if pod else ()
    return found


def _place(host: HostLine, pod: Pod | None) -> tuple[float | None, float]:
    kinds = pod.spec_document.get("host_types", {}) if pod else {}
    chassis = kinds.get(host.host_type, {}).get("chassis") or {}
    high = float(chassis.get("height_units") or 1)  # one where the chassis is not described
    if host.position is not None:
        return host.position, high
    for rack in _racks_of(pod):
        for slot in rack.get("slots", ()):
            if slot["slot"] == host.slot:
                return float(slot["unit"]), high
    return None, high


def _gear_place(one: Equipment, pod: Pod | None) -> tuple[float | None, float]:
    for kind in (pod.spec_document.get("rack_types", {}) if pod else {}).values():
        for item in kind.get("equipment", ()):
            if one.name.endswith(item["name"]):
                return one.position or item.get("unit"), float(item.get("height_units") or 1)
    return one.position, 1.0


def _host_box(host: HostLine, heat: Heat | None, unit: float, high: float, units: int) -> Box:
    leaking = heat is not None and heat.leak is not None and heat.leak.tone != "good"
    parts = [
        f"leak {heat.leak.label}" if leaking and heat and heat.leak else "",
        _warmth(heat),
        "" if leaking else _drawn(host, heat),
    ]
    warm = heat.leak if leaking and heat else heat.warm if heat else None
    return Box(
        name=host.name,
        told=host.look.label,
        right=" · ".join(part for part in parts if part),
        href=f"/hosts/{host.name}",
        tone=f"tint-{host.look.tone}",
        symbol=host.look.symbol,
        y=TOP_PX + (units - unit - high + 1) * UNIT_PX + 1,
        height=high * UNIT_PX - 2,
        warm=warm.tone if warm else "",
    )


def _warmth(heat: Heat | None) -> str:
    """The warmest sensor as it is now, else the coolant's return at the last look."""
    if heat is None:
        return ""
    return heat.now.heat if heat.now and heat.now.heat else heat.back


def _drawn(host: HostLine, heat: Heat | None) -> str:
    """What its meter says, else what is held for it: a drawing has no room for both."""
    drawn = heat.now.watts if heat and heat.now else None
    return f"{watts(host.reserved_watts)} held" if drawn is None else f"{watts(drawn)} drawn"


def _gear_box(one: Equipment, unit: float, high: float, units: int) -> Box:
    return Box(
        name=one.name,
        told=one.model or one.kind.replace("-", " "),
        right="",
        href="",
        tone="tint-gear",
        symbol="▭",
        y=TOP_PX + (units - unit - high + 1) * UNIT_PX + 1,
        height=high * UNIT_PX - 2,
    )
