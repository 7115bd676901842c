"""Expected hosts out of a NetBox in which people planned them: read there, and nothing written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inventory.expected_hosts import ExpectedHost
from inventory.expecting.importing import plan_import
from inventory.netbox.expecting import devices_of
from inventory.secrets import SecretBox
from inventory.store.protocol import Change
from inventory.store.reading import every
from pods import catalogue
from tests.contract.netbox.conftest import NetboxBed
from tests.migrated import fresh_store
from tests.unit.inventory.records import NOW, make_pod

pytestmark = pytest.mark.timeout(2400)
SPEC = catalogue.load("lab-4")
RACK, SLOTS = SPEC.racks[0].name, SPEC.racks[0].slots
MAC, OTHER_MAC = "4C:D9:8F:20:73:01", "4C:D9:8F:20:74:01"


@pytest.fixture
def place(bed: NetboxBed) -> dict[str, int]:
    """The site and rack that the pod names, and what a device needs."""
    site = bed.make("dcim/sites", name="here", slug="here")["id"]
    maker = bed.make("dcim/manufacturers", name="Dell", slug="dell")["id"]
    return {
        "site": site,
        "rack": bed.make("dcim/racks", name=RACK.upper(), site=site, u_height=42)["id"],
        "role": bed.make("dcim/device-roles", name="GPU host", slug="gpu-host", color="00aa00")[
            "id"
        ],
        "device_type": bed.make(
            "dcim/device-types", manufacturer=maker, model="XE9680", slug="xe9680"
        )["id"],
    }


def device(bed: NetboxBed, place: dict[str, int], number: int, **fields: Any) -> int:
    given = {
        "name": f"R1-H{number}",
        "serial": f"SN{number}",
        "position": SLOTS[number - 1].unit,
        "face": "front",
        **place,
        **fields,
    }
    return int(bed.make("dcim/devices", **given)["id"])


def port(bed: NetboxBed, device: int, name: str, mac: str, *, managing: bool) -> int:
    """An interface with its MAC address, which NetBox keeps as an object of its own.

    The fake shows it with its interface alone, and takes it there.
    """
    given = {"device": device, "name": name, "type": "1000base-t", "mgmt_only": managing}
    if bed.fake is not None:
        return int(bed.make("dcim/interfaces", **given, mac_address=mac)["id"])
    made = bed.make("dcim/interfaces", **given)["id"]
    address = bed.make(
        "dcim/mac-addresses",
        mac_address=mac,
        assigned_object_type="dcim.interface",
        assigned_object_id=made,
    )["id"]
    bed.edit("dcim/interfaces", made, primary_mac_address=address)
    return int(made)


def test_planned_devices_are_expected_with_their_management_port_and_address(
    bed: NetboxBed, place: dict[str, int], tmp_path: Path
) -> None:
    first, second = device(bed, place, 1), device(bed, place, 2, serial="")
    device(bed, place, 3, name="a-switch", position=40, serial="SW1")
    bmc = port(bed, first, "bmc", MAC, managing=True)
    port(bed, first, "eth0", OTHER_MAC, managing=False)
    address = bed.make(
        "ipam/ip-addresses",
        address="10.20.0.1/24",
        assigned_object_type="dcim.interface",
        assigned_object_id=bmc,
    )["id"]
    bed.edit("dcim/devices", first, oob_ip=address)
    bed.sent.clear()
    client = bed.connect()
    store = fresh_store(tmp_path)
    store.apply(Change(insert=(make_pod(),)), now=NOW)

    wanting = devices_of(client, make_pod(), account="")
    assert [(fault.line, fault.column) for fault in wanting.faults] == [(second, "serial")]

    bed.edit("dcim/devices", second, serial="SN2")
    listed = devices_of(client, make_pod(), account="")
    box = SecretBox(bytes(32))
    done = plan_import(store, box, listed, source="netbox")
    assert not done.faults
    store.apply(done.change(now=NOW, actor="jane", source="netbox"), now=NOW)

    rows = {one.name: one for one in every(store, ExpectedHost)}
    assert set(rows) == {"r1-h1", "r1-h2"}
    assert (rows["r1-h1"].slot, rows["r1-h1"].serial) == (SLOTS[0].slot, "SN1")
    assert rows["r1-h1"].macs == (MAC.lower(),)
    assert rows["r1-h1"].bmc == "redfish+https://10.20.0.1"
    assert (rows["r1-h2"].macs, rows["r1-h2"].bmc) == ((), "")
    assert {one.source for one in rows.values()} == {"netbox"}
    assert set(bed.sent) == {"GET"}, "nothing is written there"
    again = plan_import(store, box, devices_of(client, make_pod(), account=""), source="netbox")
    assert (len(again.created), len(again.updated), again.unchanged) == (0, 0, 2)
    client.close()
    store.close()
