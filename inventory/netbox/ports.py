"""Ports of devices and the cables between them, as NetBox should show them.

Data goes between interfaces. Power goes from an outlet of what supplies it to a power port of what
draws it: from a PDU to a power shelf, from either to everything else. NetBox knows no other way, so
a power cable between two of a kind is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from inventory.netbox.records import Records
from inventory.netbox.wanted import NAME_MAX, Ref, Wanted, clip, marks
from inventory.places import Cable, CableEnd

CABLE_TYPES = {
    "dac": "dac-passive", "aoc": "aoc", "mmf": "mmf", "smf": "smf", "cat5e": "cat5e",
    "cat6": "cat6", "cat6a": "cat6a", "cat8": "cat8", "power": "power",
}  # fmt: skip
POWER = "power"
SUPPLIES = {"pdu": 2, "power-shelf": 1}
"""Kind of equipment to how near it is to the feed: the nearer end is the outlet."""
PORT_TYPES = {
    "interface": "dcim.interface",
    "power-port": "dcim.powerport",
    "power-outlet": "dcim.poweroutlet",
}
"""Kind of port to the name that a cable's end gives it."""


def interface(device: Ref, key: str, name: str, owner: str, fields: Mapping[str, Any]) -> Wanted:
    """A network port of a device; `key` is the id of our record of the device."""
    return _port("interface", device, key, name, {**fields, **marks(f"{key}/{name}", owner)})


def cables_of(records: Records, owner: str) -> Iterator[Wanted]:
    """Cables, and the ports that they are in, where both ends are known."""
    devices = {f"host/{host.id}": "" for host in records.hosts}
    devices |= {f"equipment/{one.id}": one.kind for one in records.equipment}
    for cable in records.cables:
        ends = (cable.a, cable.z)
        if cable.status == "removed" or any(_device(end) not in devices for end in ends):
            continue
        kinds = _kinds(cable, [devices[_device(end)] for end in ends])
        if not kinds:
            continue
        for end, kind in zip(ends, kinds, strict=True):
            fields = marks(f"{end.id}/{end.port}", owner)
            other = {"type": "other"} if kind == "interface" else {}
            yield _port(kind, Ref(_device(end)), end.id, end.port, {**other, **fields})
        yield _cable(cable, kinds, owner)


def _device(end: CableEnd) -> str:
    return f"{end.kind}/{end.id}"


def _kinds(cable: Cable, equipment: list[str]) -> tuple[str, ...]:
    """The kind of port at either end; none where NetBox has no such cable."""
    if cable.kind != POWER:
        return ("interface", "interface")
    near, far = (SUPPLIES.get(one, 0) for one in equipment)
    if near == far:
        return ()
    return ("power-outlet", "power-port") if near > far else ("power-port", "power-outlet")


def _port(kind: str, device: Ref, key: str, name: str, fields: Mapping[str, Any]) -> Wanted:
    named = clip(name, NAME_MAX)
    return Wanted(
        kind, f"{kind}/{key}/{name}", named, {"device": device, "name": named}, dict(fields)
    )


def _cable(cable: Cable, kinds: tuple[str, ...], owner: str) -> Wanted:
    fields: dict[str, Any] = {"status": cable.status, **marks(cable.id, owner)}
    if cable.kind in CABLE_TYPES:
        fields["type"] = CABLE_TYPES[cable.kind]
    if cable.label:
        fields["label"] = clip(cable.label, 100)
    if cable.length_m is not None:
        fields |= {"length": round(cable.length_m, 2), "length_unit": "m"}
    a, z = (_end(end, kind) for end, kind in zip((cable.a, cable.z), kinds, strict=True))
    return Wanted(
        "cable", f"cable/{cable.id}", cable.label or cable.id,
        {"a_terminations": [a], "b_terminations": [z]}, fields,
    )  # fmt: skip


def _end(end: CableEnd, kind: str) -> dict[str, Any]:
    return {"object_type": PORT_TYPES[kind], "object_id": Ref(f"{kind}/{end.id}/{end.port}")}
