"""Devices of NetBox as expected hosts: what stands in a pod's racks where its slots are.

Read only. A device fills a slot when it stands in the rack of that name with its lowest unit where
the slot has it; switches and shelves stand elsewhere. What NetBox does not say (a serial number)
is a fault like one of a list, told by the device's id there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from inventory.errors import NotFound
from inventory.expecting.lists import Fault, Listed, doubles, read_cells
from inventory.model import Pod
from inventory.netbox.door import NetBoxReading
from inventory.netbox.kinds import OWN_ID
from pods.spec import PodSpec

Place = tuple[str, float]
"""A rack's name and the lowest unit."""


def devices_of(netbox: NetBoxReading, pod: Pod, *, account: str) -> Listed:
    """The devices that stand where a pod has its slots, as rows of a list."""
    slots = _slots(pod)
    sites = [row.id for row in netbox.every("site", slug=[pod.site])]
    if not sites:
        raise NotFound(
            f"NetBox has no site {pod.site!r}, where pod {pod.name} is",
            hint="create it there, or call it as the pod does",
        )
    racks = {row.id: str(row.fields["name"]).lower() for row in netbox.every("rack", site_id=sites)}
    placed = [
        (row, slot)
        for row in netbox.every("device", site_id=sites)
        if not row.fields.get(OWN_ID) and (slot := slots.get(_place(row.fields, racks)))
    ]
    macs = _macs(netbox, [row.id for row, _ in placed])
    found = Listed()
    for row, slot in placed:
        given = {
            "name": str(row.fields["name"] or "").lower(),
            "pod": pod.name,
            "slot": slot,
            "serial": str(row.fields["serial"] or ""),
            "mac": " ".join(macs.get(row.id, ())),
            "bmc": _address(row.raw.get("oob_ip")),
            "account": account,
        }
        read_cells(found, given, row.id)
    if not placed:
        hint = "give them their rack and position there; a slot's unit is the lowest one"
        message = f"no device stands where pod {pod.name} has its slots"
        found.faults.append(Fault(0, "", "", message, hint))
    found.faults += doubles(found.rows)
    return found


def _slots(pod: Pod) -> dict[Place, str]:
    spec = PodSpec.model_validate_json(json.dumps(pod.spec_document))
    return {(rack.name, float(slot.unit)): slot.slot for rack, slot in spec.slots()}


def _place(fields: Mapping[str, Any], racks: Mapping[int, str]) -> Place:
    position = fields.get("position")
    return racks.get(fields.get("rack") or 0, ""), float(position) if position else 0.0


def _macs(netbox: NetBoxReading, devices: Iterable[int]) -> dict[int, list[str]]:
    """MAC addresses by device: those of the management ports, or of all where none is marked."""
    wanted = list(devices)
    managing: dict[int, list[str]] = {}
    others: dict[int, list[str]] = {}
    for row in netbox.every("interface", device_id=wanted) if wanted else ():
        if mac := row.fields.get("mac_address"):
            into = managing if row.fields.get("mgmt_only") else others
            into.setdefault(row.fields["device"], []).append(str(mac))
    return others | managing


def _address(oob_ip: object) -> str:
    """The out-of-band address without its length; empty where there is none."""
    said = oob_ip.get("address") if isinstance(oob_ip, dict) else None
    return str(said).partition("/")[0] if said else ""
