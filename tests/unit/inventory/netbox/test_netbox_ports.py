"""Cables as NetBox can hold them, and which are left out."""

from __future__ import annotations

import pytest

from inventory.netbox.ports import cables_of
from inventory.netbox.records import Records
from inventory.places import Cable, CableEnd, Equipment
from tests.beds.netbox_fleet import fleet_host

HOST = fleet_host("r1", 0)
ENDS = {"host": ("host", HOST.id)} | {
    kind: ("equipment", kind) for kind in ("pdu", "power-shelf", "switch", "cdu", "gone")
}


def kinds_of(kind: str, a: str, z: str, *, status: str = "connected") -> list[str]:
    """What NetBox is to hold of one cable."""
    ends = [CableEnd(kind=ENDS[end][0], id=ENDS[end][1], port=f"{end}1") for end in (a, z)]  # type: ignore[arg-type]
    cable = Cable(id="c", a=ends[0], z=ends[1], kind=kind, status=status)  # type: ignore[arg-type]
    equipment = tuple(
        Equipment(id=one, kind=one, name=one, site="zrh1")  # type: ignore[arg-type]
        for one in ("pdu", "power-shelf", "switch", "cdu")
    )
    records = Records(hosts=(HOST,), equipment=equipment, cables=(cable,))
    return [one.kind for one in cables_of(records, "podyard")]


@pytest.mark.parametrize(
    ("kind", "a", "z", "wanted"),
    [
        ("cat6a", "host", "switch", ["interface", "interface", "cable"]),
        ("power", "host", "pdu", ["power-port", "power-outlet", "cable"]),
        ("power", "power-shelf", "host", ["power-outlet", "power-port", "cable"]),
        ("power", "pdu", "cdu", ["power-outlet", "power-port", "cable"]),
        ("power", "power-shelf", "pdu", ["power-port", "power-outlet", "cable"]),
        ("power", "pdu", "pdu", []),
        ("power", "host", "switch", []),
        ("power", "host", "gone", []),
        ("cat6a", "gone", "switch", []),
    ],
)
def test_a_cable_ends_in_ports_of_its_kind(kind: str, a: str, z: str, wanted: list[str]) -> None:
    assert kinds_of(kind, a, z) == wanted


def test_a_cable_that_was_pulled_is_no_cable() -> None:
    assert kinds_of("power", "host", "pdu", status="removed") == []
