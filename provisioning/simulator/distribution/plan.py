"""Which feeds a hall has, who hangs on them, and the machines that stand around its hosts.

Derived from the spec and the seed like the hosts themselves. Racks with power shelves have no PDUs:
their hosts hang on a busbar. A rack whose type lists no CDU gets one where liquid cools it, and
every rack whose hosts have supplies of their own gets a PDU for each of its feeds.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from pods.cabling import cabling_of
from pods.cooling import flow_lpm as flow_for
from pods.plan import equipment
from pods.racktype import EquipmentSpec
from pods.spec import FeedSpec, PodSpec, RackSpec, SlotSpec
from provisioning.simulator.distribution.breaker import Breaker
from provisioning.simulator.faults import Fault

Kind = Literal["pdu", "power-shelf", "cdu", "leaf-switch"]
Neighbour = tuple[str, str]
"""A node and its port."""
RECTIFIERS, RECTIFIER_WATTS = 6, 5500.0
"""Lite-On's shelf for NVL72: six of 5.5 kW are 33 kW."""
CDU_WATTS = 250_000.0
"""Supermicro's LCS-SCDU-250L4001 fits a rack and takes 250 kW."""
PUMPS = ("Pump1", "Pump2")
"""Of a CDU; each alone moves half of the designed flow."""
RISE_KELVIN = 15.0
"""Where a spec tells none; between the 10 and 20 K for which loops are designed."""
SUPPLY_CELSIUS = 25.0
"""A usual supply of a rack's own loop."""


@dataclass(frozen=True, slots=True)
class FeedPlan:
    """One feed."""

    name: str
    spec: FeedSpec
    breaker: Breaker


@dataclass(frozen=True, slots=True)
class MachinePlan:
    """One machine with a management address of its own that is no host."""

    name: str
    kind: Kind
    rack: str
    unit: int = 0
    model: str = "Lab PDU"
    serial: str = ""
    uuid: str = ""
    feed: str = ""
    """What a PDU or a shelf hangs on."""
    hosts: tuple[str, ...] = ()
    """Who gets power or coolant from it; in the order of the outlets."""
    capacity_watts: float = 0.0
    """What a shelf delivers or a CDU takes away."""
    rectifiers: int = 0
    flow_lpm: float = 0.0
    """What a CDU is designed to move."""
    ports: tuple[tuple[str, Neighbour], ...] = ()
    """A switch's ports, with what is at the other end of each cable."""
    port_gbps: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DistributionPlan:
    """Feeds and machines of one hall."""

    feeds: Mapping[str, FeedPlan] = field(default_factory=dict)
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Host to the feeds of its supplies."""
    base: Mapping[str, tuple[tuple[str, ...], float]] = field(default_factory=dict)
    """What draws all the time and is no host: its feeds and its watts."""
    machines: tuple[MachinePlan, ...] = ()
    faults: Mapping[str, tuple[Fault, ...]] = field(default_factory=dict)
    """What is wrong with machines by their names, and with feeds by theirs after `feed/`."""


def distribution_of(
    spec: PodSpec, names: Sequence[str], cables: Mapping[str, Sequence[Neighbour]], *, seed: int
) -> DistributionPlan:
    """The distribution of a hall of these hosts, named in the spec's order, as it was cabled."""
    places = list(zip(names, spec.slots(), strict=True))
    in_rack: dict[str, list[tuple[str, SlotSpec]]] = {}
    for name, (rack, slot) in places:
        in_rack.setdefault(rack.name, []).append((name, slot))
    found = [
        machine
        for rack in spec.racks
        for machine in _of_rack(spec, rack, in_rack.get(rack.name, []))
    ]
    return DistributionPlan(
        feeds={
            name: FeedPlan(name, feed, Breaker.of(feed))
            for name, feed in sorted(spec.feeds.items())
        },
        inputs={name: _both(slot) for name, (_, slot) in places},
        base={one.name: (one.feeds, float(one.running_watts)) for one in equipment(spec)},
        machines=tuple(_stamped(spec, one, seed) for one in (*found, *_switches(spec, cables))),
    )


def _both(slot: SlotSpec) -> tuple[str, ...]:
    return tuple(dict.fromkeys(feed for feed in (slot.feed, slot.feed_b) if feed))


def _stamped(spec: PodSpec, machine: MachinePlan, seed: int) -> MachinePlan:
    source = random.Random(f"{seed}/{spec.identity}/machine/{machine.name}")
    serial = "LABM" + "".join(source.choices("0123456789ABCDEFGHJKLMNP", k=9))
    identity = str(uuid.UUID(int=source.getrandbits(128), version=4))
    return replace(machine, serial=serial, uuid=identity)


def _of_rack(
    spec: PodSpec, rack: RackSpec, hosts: Sequence[tuple[str, SlotSpec]]
) -> Iterator[MachinePlan]:
    rack_type = spec.type_of(rack)
    parts = rack_type.equipment if rack_type else ()
    shelves = [part for part in parts if part.kind == "power-shelf"]
    feeds = tuple(dict.fromkeys(feed for _, slot in hosts for feed in _both(slot)))
    if shelves:
        names = tuple(name for name, _ in hosts)
        for number, part in enumerate(shelves):
            # The first half on one feed, the rest on the other: either must carry the rack.
            yield _shelf(rack, part, names, feed=feeds[number * len(feeds) // len(shelves)])
    else:
        for feed in feeds:
            fed = tuple(name for name, slot in hosts if feed in _both(slot))
            short = feed.removeprefix(f"{rack.name}-")
            yield MachinePlan(f"{rack.name}-pdu-{short}", "pdu", rack.name, feed=feed, hosts=fed)
    yield from _coolers(spec, rack, parts, hosts)


def _shelf(
    rack: RackSpec, part: EquipmentSpec, hosts: tuple[str, ...], *, feed: str
) -> MachinePlan:
    count, watts = part.psu_count or RECTIFIERS, part.psu_watts or RECTIFIER_WATTS
    return MachinePlan(
        name=f"{rack.name}-{part.name}",
        kind="power-shelf",
        rack=rack.name,
        unit=part.unit or 0,
        model=part.model or "Lab Shelf",
        feed=feed,
        hosts=hosts,
        rectifiers=count,
        capacity_watts=float(part.capacity_watts or count * watts),
    )


def _coolers(
    spec: PodSpec,
    rack: RackSpec,
    parts: Sequence[EquipmentSpec],
    hosts: Sequence[tuple[str, SlotSpec]],
) -> Iterator[MachinePlan]:
    rack_type = spec.type_of(rack)
    kinds = [spec.host_types[slot.host_type] for _, slot in hosts]
    cooling = [one.cooling for one in kinds] + [rack_type.cooling if rack_type else None]
    if not any(one is not None and one.kind != "air" for one in cooling):
        return
    told = rack_type.cooling.flow_lpm if rack_type and rack_type.cooling else None
    heat = sum(one.power.nameplate_watts for one in kinds)
    flow = told or round(flow_for(heat, rise_kelvin=RISE_KELVIN), 1)
    fitted: list[EquipmentSpec | None] = [part for part in parts if part.kind == "cdu"]
    for part in fitted or [None]:
        yield MachinePlan(
            name=f"{rack.name}-{part.name if part else 'cdu'}",
            kind="cdu",
            rack=rack.name,
            unit=(part.unit if part else None) or 0,
            model=(part.model if part else None) or "Lab CDU",
            hosts=tuple(name for name, _ in hosts),
            capacity_watts=float((part.capacity_watts if part else None) or CDU_WATTS),
            flow_lpm=flow / max(1, len(fitted)),
        )


def _switches(spec: PodSpec, cables: Mapping[str, Sequence[Neighbour]]) -> Iterator[MachinePlan]:
    """The switches at which hosts end, with what was really plugged into each port."""
    if spec.fabric is None:
        return
    plan = cabling_of(spec)
    plugged: dict[str, dict[str, Neighbour]] = {}
    for host, ends in cables.items():
        for number, (node, port) in enumerate(ends):
            plugged.setdefault(node, {})[port] = (host, f"NIC{number}")
    speeds = {(cable.z.node, cable.z.port): cable.gbps for cable in plan.cables}
    for place in plan.switches:
        ports = plugged.get(place.node)
        if ports is None:
            continue
        yield MachinePlan(
            name=place.node,
            kind="leaf-switch",
            rack=place.rack,
            unit=place.unit,
            model=place.type,
            hosts=tuple(dict.fromkeys(host for host, _ in ports.values())),
            ports=tuple(ports.items()),
            port_gbps={port: speeds.get((place.node, port), 0) for port in ports},
        )
