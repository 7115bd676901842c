"""Whose a BMC is: one sign is enough, two that disagree are none."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.expected_hosts import ExpectedHost
from inventory.expecting.matching import NO_UUID, Match, match
from inventory.found_bmcs import FoundBmc
from tests.unit.inventory.records import NOW

UUID = "92384634-2938-2342-8820-489239905423"
OTHER = "92384634-2938-2342-8820-000000000001"
PIN = f"sha256:{'a' * 64}"


def expect(name: str = "h1", **fields: Any) -> ExpectedHost:
    given = {"pod": "lab", "slot": name, "serial": f"SN-{name}", **fields}
    return ExpectedHost(id=f"id-{name}", name=name, **given)


def see(number: int = 1, **fields: Any) -> FoundBmc:
    given = {
        "id": f"f{number}",
        "address": f"redfish+https://10.0.0.{number}",
        "ip": f"10.0.0.{number}",
        "network": "n",
        "fingerprint": PIN,
        "first_seen_at": NOW,
        "seen_at": NOW,
        **fields,
    }
    return FoundBmc(**given)


def said(rows: list[ExpectedHost], seen: list[FoundBmc]) -> dict[str, Match]:
    return match(rows, seen)


@pytest.mark.parametrize(
    ("row", "seen", "by"),
    [
        ({}, {"serials": ("SN-h1",)}, ("serial",)),
        ({"uuid": UUID}, {"uuid": UUID}, ("uuid",)),
        ({"macs": ("4c:d9:8f:20:73:84",)}, {"macs": ("4c:d9:8f:20:73:84",)}, ("mac",)),
        ({"bmc": "redfish+https://10.0.0.1"}, {}, ("address",)),
        ({"bmc": "redfish+https://10.0.0.1/redfish/v1/Systems/1"}, {}, ("address",)),
        ({"uuid": UUID}, {"uuid": UUID, "serials": ("SN-h1",)}, ("serial", "uuid")),
        ({"fingerprint": PIN, "uuid": UUID}, {"uuid": UUID}, ("uuid",)),
    ],
)
def test_a_sign_that_both_have_is_a_match(
    row: dict[str, Any], seen: dict[str, Any], by: tuple[str, ...]
) -> None:
    found = said([expect(**row), expect("h2")], [see(**seen)])["f1"]
    assert found.expected is not None
    assert (found.expected.name, found.by, found.why) == ("h1", by, "")


@pytest.mark.parametrize(
    ("row", "seen", "why"),
    [
        ({}, {}, "no expected host has"),
        ({"uuid": NO_UUID}, {"uuid": NO_UUID}, "no expected host has"),
        ({"uuid": UUID}, {"uuid": UUID, "serials": ("SN-else",)}, "its serial number is SN-else"),
        ({"uuid": UUID}, {"uuid": OTHER, "serials": ("SN-h1",)}, "its UUID is"),
        ({"bmc": "redfish+https://10.0.0.9"}, {"serials": ("SN-h1",)}, "not at redfish+https"),
        (
            {"fingerprint": f"sha256:{'b' * 64}"},
            {"serials": ("SN-h1",)},
            "its certificate is not the expected one",
        ),
    ],
)
def test_signs_that_disagree_are_none(row: dict[str, Any], seen: dict[str, Any], why: str) -> None:
    found = said([expect(**row)], [see(**seen)])["f1"]
    assert found.expected is None
    assert why in found.why


def test_signs_of_two_rows_are_nobodys() -> None:
    rows = [expect("h1"), expect("h2", uuid=UUID)]
    found = said(rows, [see(serials=("SN-h1",), uuid=UUID)])["f1"]
    assert found.expected is None
    assert "h1 (by serial), h2 (by uuid)" in found.why


def test_two_bmcs_that_show_the_same_signs_are_both_nobodys() -> None:
    """A vendor that ships one UUID in every BMC, or somebody who shows another's serial number."""
    found = said([expect(uuid=UUID)], [see(1, uuid=UUID), see(2, uuid=UUID)])
    assert all(one.expected is None for one in found.values())
    assert all("another BMC shows the same signs of h1" in one.why for one in found.values())
