"""The places that a pod's spec describes: its site, racks, feeds, switches and cables as records.

A pod is applied to a site that may know some of them already, from NetBox or from a person: what
is there is left as it is. Switches are named after their pod, because every pod has a `leaf-1-1`.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from inventory.model import Host, Pod, Record
from inventory.places import Cable, CableEnd, Equipment, PowerFeed, Rack, Site
from inventory.store.protocol import PAGE_MAX, Needed, Store
from inventory.store.query import Condition, Query
from inventory.store.rows import chunks
from pods.cabling import Cabling, End, cabling_of
from pods.racktype import EquipmentSpec
from pods.spec import FeedSpec, PodSpec, RackSpec

EQUIPMENT = {
    "pdu": "pdu",
    "power-shelf": "power-shelf",
    "cdu": "cdu",
    "nvlink-switch": "switch",
    "leaf-switch": "switch",
    "management-switch": "switch",
}
"""What a rack type calls a thing, to what we list it as; `other` is nobody's to manage."""


@dataclass(frozen=True, slots=True)
class Present:
    """What a site knows already, by name."""

    site: bool = False
    racks: Collection[str] = ()
    feeds: Collection[str] = ()
    equipment: Collection[str] = ()


def places_of(
    spec: PodSpec, pod: Pod, *, present: Present, host_ids: Mapping[str, str]
) -> tuple[Record, ...]:
    """What a pod brings to its site. `host_ids` maps a slot to the host that fills it."""
    cabling = cabling_of(spec) if spec.fabric is not None else None
    switches = dict(_switches(cabling, pod)) if cabling else {}
    equipment = [*_equipment(spec, pod), *switches.values()]
    found: list[Record] = [] if present.site else [Site(name=pod.site)]
    found += [r for r in _racks(spec, pod, cabling) if r.name not in present.racks]
    found += [f for f in _feeds(spec, pod) if f.name not in present.feeds]
    found += [e for e in equipment if e.name not in present.equipment]
    found += _cables(cabling, pod, switches, host_ids) if cabling else ()
    return tuple(found)


def stood_on(store: Store, hosts: Iterable[Host]) -> tuple[Needed, ...]:
    """The places that are there and that these hosts name: none may go while hosts are written.

    Hosts name racks and feeds by name, and may come before them: what is not there is not needed.
    """
    named: dict[type[Record], set[str]] = {Rack: set(), PowerFeed: set()}
    sites: set[str] = set()
    for host in hosts:
        sites.add(host.site)
        named[Rack].add(f"{host.site}/{host.rack}")
        named[PowerFeed].update(f"{host.site}/{feed}" for feed in (host.feed, host.feed_b) if feed)
    found = [Needed(Site, name) for name in sorted(store.get_many(Site, sites))]
    for kind, slugs in named.items():
        for some in chunks(sorted(slugs)):
            asked = Query((Condition("slug", "in", tuple(some)),), limit=PAGE_MAX, counted=False)
            found += [Needed(kind, row.key) for row in store.outline(kind, asked).rows]
    return tuple(found)


def link_domain(spec: PodSpec, host_type: str, *, rack: str, pod: str, host: str) -> str:
    """The scale-up domain that a host's accelerators are in: the host, or all of its rack."""
    kind = spec.host_types[host_type]
    if kind.scale_up_domain is None or kind.accelerators is None:
        return ""
    return f"{pod}-{rack}" if kind.scale_up_domain > kind.accelerators.count else host


def _racks(spec: PodSpec, pod: Pod, cabling: Cabling | None) -> Iterator[Rack]:
    for rack in spec.racks:
        kind = spec.type_of(rack)
        yield Rack(
            id=str(uuid.uuid4()),
            name=rack.name,
            site=pod.site,
            pod=pod.name,
            rack_type=rack.type or "",
            height_units=rack.units,
            form="orv3" if kind is not None and kind.unit_standard == "ORv3" else "eia",
            max_weight_kg=kind.weight_limit_kg if kind else None,
            power_limit_watts=kind.power_limit_watts if kind else None,
        )
    known = {rack.name for rack in spec.racks}
    for name in dict.fromkeys(s.rack for s in cabling.switches) if cabling else ():
        if name not in known:
            yield Rack(id=str(uuid.uuid4()), name=name, site=pod.site, pod=pod.name)


def _feeds(spec: PodSpec, pod: Pod) -> Iterator[PowerFeed]:
    for name, feed in spec.feeds.items():
        yield PowerFeed(
            id=str(uuid.uuid4()),
            name=name,
            site=pod.site,
            pod=pod.name,
            racks=tuple(rack.name for rack in spec.racks if name in _fed_by(rack)),
            side="B" if _is_second(spec, name) else "A",
            **_breaker(feed),
        )


def _breaker(feed: FeedSpec) -> dict[str, float]:
    return {
        "volts": feed.volts,
        "amps": feed.rated_amps,
        "phases": feed.phases,
        "continuous_share": feed.continuous_limit,
    }


def _fed_by(rack: RackSpec) -> set[str | None]:
    slots = {feed for slot in rack.slots for feed in (slot.feed, slot.feed_b)}
    return {rack.feed, rack.feed_b, *slots}


def _is_second(spec: PodSpec, feed: str) -> bool:
    first = {rack.feed for rack in spec.racks} | {slot.feed for _, slot in spec.slots()}
    return feed not in first


def _equipment(spec: PodSpec, pod: Pod) -> Iterator[Equipment]:
    for rack in spec.racks:
        kind = spec.type_of(rack)
        for one in kind.equipment if kind else ():
            if one.kind in EQUIPMENT:
                yield _piece(one, rack, pod)


def _piece(one: EquipmentSpec, rack: RackSpec, pod: Pod) -> Equipment:
    return Equipment.model_validate(
        {
            "id": str(uuid.uuid4()),
            "kind": EQUIPMENT[one.kind],
            "name": _short(f"{pod.name}-{rack.name}-{one.name}"),
            "site": pod.site,
            "pod": pod.name,
            "rack": rack.name,
            "position": one.unit,
            "model": one.model or "",
        }
    )


def _switches(cabling: Cabling, pod: Pod) -> Iterator[tuple[str, Equipment]]:
    for switch in cabling.switches:
        yield (
            switch.node,
            Equipment(
                id=str(uuid.uuid4()),
                kind="switch",
                name=_short(f"{pod.name}-{switch.node}"),
                site=pod.site,
                pod=pod.name,
                rack=switch.rack,
                position=switch.unit,
                model=switch.type,
            ),
        )


def _cables(
    cabling: Cabling, pod: Pod, switches: Mapping[str, Equipment], host_ids: Mapping[str, str]
) -> Iterator[Cable]:
    for cable in cabling.cables:
        yield Cable(
            id=str(uuid.uuid4()),
            label=cable.label,
            site=pod.site,
            pod=pod.name,
            a=_end(cable.a, switches, host_ids),
            z=_end(cable.z, switches, host_ids),
            kind=cable.type,
            length_m=cable.length_m,
        )


def _end(end: End, switches: Mapping[str, Equipment], host_ids: Mapping[str, str]) -> CableEnd:
    """A host that is still to come has no id: its slot's name stands for it."""
    if end.node in switches:
        switch = switches[end.node]
        return CableEnd(kind="equipment", id=switch.id, name=switch.name, port=end.port)
    return CableEnd(kind="host", id=host_ids.get(end.node, ""), name=end.node, port=end.port)


def filled(cables: Collection[Cable], host_ids: Mapping[str, str]) -> tuple[Cable, ...]:
    """Cables whose end waited for a host that came now."""
    return tuple(
        cable.model_copy(update={"a": cable.a.model_copy(update={"id": host_ids[cable.a.name]})})
        for cable in cables
        if cable.a.kind == "host" and not cable.a.id and cable.a.name in host_ids
    )


def _short(name: str) -> str:
    """A name that fits, its end kept: that is what tells one from another."""
    return name[-63:].lstrip("-.")
