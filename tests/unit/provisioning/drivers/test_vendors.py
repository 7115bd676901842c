"""Every quirk is named once, cited, dated by its firmware, recorded, and of its own maker alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provisioning.drivers.vendors.quirk import Habits, Maker, Quirk
from provisioning.drivers.vendors.registry import QUIRKS, habits, quirks_of

RECORDED = Path(__file__).parents[3] / "integration" / "drivers" / "recorded"
STRANGER = Maker(vendor="contoso", model="3500", bmc_model="widget", bmc_firmware="1.0")


def recorded(quirk: Quirk) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RECORDED / f"{quirk.name}.json").read_text())
    return found


def maker(payload: dict[str, Any]) -> Maker:
    vendor = payload["root"]["Vendor"] or payload["system"]["Manufacturer"]
    return Maker(
        vendor=vendor.lower(),
        model=payload["system"]["Model"].lower(),
        bmc_model=payload["manager"]["Model"].lower(),
        bmc_firmware=payload["manager"]["FirmwareVersion"].lower(),
    )


def test_names_are_told_apart_and_begin_with_their_maker() -> None:
    assert len({quirk.name for quirk in QUIRKS}) == len(QUIRKS)
    for quirk in QUIRKS:
        assert quirk.name.startswith(f"{quirk.vendor.lower()}-")


@pytest.mark.parametrize("quirk", QUIRKS, ids=lambda quirk: quirk.name)
def test_quirk_is_cited_recorded_and_does_something(quirk: Quirk) -> None:
    assert all((quirk.seen_on, quirk.source, quirk.meaning))
    assert quirk.habit or quirk.cured_by
    assert quirk in quirks_of(maker(recorded(quirk)))
    assert not quirk.applies(STRANGER)


def test_every_payload_is_of_a_quirk() -> None:
    assert {path.stem for path in RECORDED.glob("*.json")} == {quirk.name for quirk in QUIRKS}


@pytest.mark.parametrize("quirk", QUIRKS, ids=lambda quirk: quirk.name)
def test_quirk_of_one_maker_is_not_of_another(quirk: Quirk) -> None:
    mine = maker(recorded(quirk))
    assert {one.vendor for one in quirks_of(mine)} == {quirk.vendor}


def test_unknown_maker_gets_the_standard() -> None:
    assert habits(STRANGER) == Habits()


def test_habits_of_two_quirks_are_joined() -> None:
    idrac10 = Maker(
        vendor="dell", model="poweredge r670", bmc_model="17g monolithic", bmc_firmware="1"
    )
    found = habits(idrac10)
    assert found.busy_messages == {"SYS518"}
    assert found.busy_after == {"power on": {409}}


@pytest.mark.parametrize("quirk", QUIRKS, ids=lambda quirk: quirk.name)
def test_what_cures_a_quirk_without_a_habit_exists(quirk: Quirk) -> None:
    if not quirk.cured_by:
        return
    path = Path("provisioning/drivers") / quirk.cured_by.partition(":")[0]
    assert (Path(__file__).parents[4] / path).is_file()
