"""Every cable of a pod: both ends with rack, unit and port, its type, length class and label.

The point-to-point sheet is what cabling contractors work from and what a fabric manager verifies
against, so its columns are those that the field uses (A-Node, A-Type, A-Port, Z-Node, …). Lengths
are estimated from where the racks stand, in classes that are for sale: a sheet that asks for
3.7 m is of no use. Racks are taken to stand in rows, in the order of the spec, switches in racks
behind them; a site with another floor gives another `Floor`.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pods.errors import FabricError
from pods.spec import PodSpec
from pods.topology import FabricSpec, Link, LinkKind, Switch, Tier, layout

LENGTHS_M = (1, 2, 3, 5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500)
"""Lengths for sale: passive copper to 3 m, active copper to 5, optical beyond."""

COPPER_PASSIVE_M_MAX = 3
COPPER_ACTIVE_M_MAX = 5
"""At 100 Gb/s a lane and more; slower lanes reach further."""

MULTIMODE_M_MAX = 50
"""What short-reach optics of 400 and 800 Gb/s are specified for over OM4."""

COPPER_GBPS_MAX = 10
"""Up to here a twisted pair does."""

COLUMNS = (
    "Label",
    "Kind",
    "A-Node",
    "A-Type",
    "A-Rack",
    "A-U",
    "A-Port",
    "Z-Node",
    "Z-Type",
    "Z-Rack",
    "Z-U",
    "Z-Port",
    "Cable-Type",
    "Length-m",
    "Gbps",
)


@dataclass(frozen=True, slots=True)
class Floor:
    """How racks stand. The defaults are 600 mm racks in rows of 16 with hot and cold aisles."""

    racks_per_row: int = 16
    rack_pitch_m: float = 0.6
    row_pitch_m: float = 3.0
    """Half a pair of aisles and a rack's depth."""
    tray_m: float = 0.5
    """Cable tray above the rack."""
    slack_m: float = 1.0
    """For both ends together: dressing and a service loop."""
    unit_m: float = 0.04445


@dataclass(frozen=True, slots=True)
class Place:
    """Where a host or switch stands."""

    node: str
    type: str
    rack: str
    unit: int
    rack_units: int
    rack_index: int


@dataclass(frozen=True, slots=True)
class End:
    """One end of a cable."""

    node: str
    type: str
    rack: str
    unit: int
    port: str


@dataclass(frozen=True, slots=True)
class Cable:
    """One cable. Its label is printed on both ends."""

    label: str
    kind: LinkKind
    a: End
    z: End
    type: str
    """NetBox's word: dac-passive, dac-active, mmf-om4, smf-os2, cat6a."""
    length_m: int
    """The length class: the shortest for sale that reaches."""
    gbps: int


@dataclass(frozen=True, slots=True)
class Cabling:
    """All cables of a pod, and the switches that they need."""

    cables: tuple[Cable, ...]
    switches: tuple[Place, ...]
    switch_counts: Mapping[Tier, int]
    cable_counts: Mapping[LinkKind, int]

    def neighbours(self) -> dict[tuple[str, str], tuple[str, str]]:
        """What each port should see at its other end: what LLDP is held against."""
        found: dict[tuple[str, str], tuple[str, str]] = {}
        for cable in self.cables:
            a, z = (cable.a.node, cable.a.port), (cable.z.node, cable.z.port)
            found[a] = z
            found[z] = a
        return found


def cabling_of(spec: PodSpec, *, count: int = 1, floor: Floor | None = None) -> Cabling:
    """Every cable of `count` pods of this spec that share one fabric."""
    if spec.fabric is None:
        raise FabricError(
            f"{spec.identity} has no fabric, so there is nothing to cable",
            hint="add `fabric:` to the spec, or choose one whose `podyard spec show` lists it",
        )
    hosts = _host_places(spec, count)
    return cabling(spec.fabric, hosts, floor=floor or Floor())


def cabling(fabric: FabricSpec, hosts: Sequence[Place], *, floor: Floor) -> Cabling:
    """Every cable of these hosts, in the order in which they are given."""
    found = layout(fabric, [host.node for host in hosts])
    switches = _switch_places(fabric, found.switches, hosts)
    places = {place.node: place for place in (*hosts, *switches)}
    numbers: dict[str, int] = {}
    cables = tuple(_cable(link, places, floor, numbers) for link in found.links)
    return Cabling(
        cables=cables,
        switches=switches,
        switch_counts=Counter(switch.tier for switch in found.switches),
        cable_counts=Counter(link.kind for link in found.links),
    )


def point_to_point(cables: Sequence[Cable]) -> str:
    """The cables as CSV, a line each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(
        (
            cable.label,
            cable.kind,
            *_end_columns(cable.a),
            *_end_columns(cable.z),
            cable.type,
            cable.length_m,
            cable.gbps,
        )
        for cable in cables
    )
    return text.getvalue()


def netbox_cable(cable: Cable) -> dict[str, str | int]:
    """A cable as NetBox's bulk import takes it: names, not ids, so that it needs no lookup."""
    return {
        "side_a_device": cable.a.node,
        "side_a_type": "dcim.interface",
        "side_a_name": cable.a.port,
        "side_b_device": cable.z.node,
        "side_b_type": "dcim.interface",
        "side_b_name": cable.z.port,
        "type": cable.type,
        "status": "planned",
        "label": cable.label,
        "length": cable.length_m,
        "length_unit": "m",
    }


def _end_columns(end: End) -> tuple[str, str, str, int, str]:
    return end.node, end.type, end.rack, end.unit, end.port


def _host_places(spec: PodSpec, count: int) -> list[Place]:
    """Hosts of every copy, named after their slot, with `su1-` before it when there are more."""
    if count < 1:
        raise FabricError(f"{count} pods have no cables", hint="give a count of 1 or more")
    indices = {rack.name: index for index, rack in enumerate(spec.racks)}
    places: list[Place] = []
    for copy in range(count):
        prefix = f"su{copy + 1}-" if count > 1 else ""
        places.extend(
            Place(
                node=f"{prefix}{slot.slot}",
                type=spec.host_types[slot.host_type].model,
                rack=f"{prefix}{rack.name}",
                unit=slot.unit,
                rack_units=rack.units,
                rack_index=copy * len(indices) + indices[rack.name],
            )
            for rack, slot in spec.slots()
        )
    return places


def _switch_places(
    fabric: FabricSpec, switches: Sequence[Switch], hosts: Sequence[Place]
) -> tuple[Place, ...]:
    """Switches from the top of racks of their own downwards, in racks that follow the hosts'."""
    rack_units = max((host.rack_units for host in hosts), default=42)
    first = max((host.rack_index for host in hosts), default=-1) + 1
    places: list[Place] = []
    rack, in_rack, top = 0, 0, rack_units
    for switch in switches:
        height = switch.model.units
        if height > rack_units:
            raise FabricError(
                f"switch {switch.model.model} is {height} units high, the racks have {rack_units}",
                hint="correct the switch's units, or the racks'",
            )
        if in_rack == fabric.switches_per_rack or top - height < 0:
            rack, in_rack, top = rack + 1, 0, rack_units
        top -= height
        in_rack += 1
        places.append(
            Place(
                node=switch.name,
                type=switch.model.model,
                rack=f"net{rack + 1}",
                unit=top + 1,
                rack_units=rack_units,
                rack_index=first + rack,
            )
        )
    return tuple(places)


def _cable(link: Link, places: Mapping[str, Place], floor: Floor, numbers: dict[str, int]) -> Cable:
    a, z = places[link.a_node], places[link.z_node]
    length_m = length_class_m(_run_m(a, z, floor))
    number = numbers[link.kind] = numbers.get(link.kind, 0) + 1
    return Cable(
        label=f"{LABELS[link.kind]}{number:05d}",
        kind=link.kind,
        a=End(a.node, a.type, a.rack, a.unit, link.a_port),
        z=End(z.node, z.type, z.rack, z.unit, link.z_port),
        type=cable_type(length_m, gbps=link.gbps),
        length_m=length_m,
        gbps=link.gbps,
    )


LABELS: dict[LinkKind, str] = {
    "host-leaf": "HL",
    "leaf-spine": "LS",
    "spine-core": "SC",
    "north-south": "NS",
    "management": "MG",
}
"""A label is short enough for a flag and says the kind: HL00017."""


def _run_m(a: Place, z: Place, floor: Floor) -> float:
    """Metres from port to port, over the tray unless both stand in one rack."""
    if a.rack_index == z.rack_index:
        return abs(a.unit - z.unit) * floor.unit_m + floor.slack_m
    rows = [place.rack_index // floor.racks_per_row for place in (a, z)]
    columns = [place.rack_index % floor.racks_per_row for place in (a, z)]
    risers = sum((place.rack_units - place.unit) * floor.unit_m for place in (a, z))
    along = abs(columns[0] - columns[1]) * floor.rack_pitch_m
    across = abs(rows[0] - rows[1]) * floor.row_pitch_m
    return risers + 2 * floor.tray_m + along + across + floor.slack_m


def length_class_m(run_m: float) -> int:
    """The shortest length for sale that reaches."""
    return next((m for m in LENGTHS_M if m >= run_m), math.ceil(run_m / 100) * 100)


def cable_type(length_m: int, *, gbps: int) -> str:
    """What reaches this far at this speed, in NetBox's words."""
    if gbps <= COPPER_GBPS_MAX:
        return "cat6a"
    if length_m <= COPPER_PASSIVE_M_MAX:
        return "dac-passive"
    if length_m <= COPPER_ACTIVE_M_MAX:
        return "dac-active"
    return "mmf-om4" if length_m <= MULTIMODE_M_MAX else "smf-os2"
