"""The page of what ran where says what the beds declare, and the beds declare all of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from provisioning.drivers.capabilities import Capability
from tests.contract.bmc.bed import ROOT
from tests.contract.bmc.declared import BEDS, Declaration, Maker

RECORD = ROOT / "docs" / "reference" / "bmc-capabilities.json"
PAGE = RECORD.with_suffix(".md")
PROVED_BY_OTHERS = {
    Capability.POWER,
    Capability.BOOT_SOURCE,
    Capability.MEDIA,
    Capability.SENSORS,
    Capability.INDICATOR,
    Capability.LOGS,
    Capability.ACCOUNTS,
    Capability.CIPHERS,
}
"""What some program that others wrote must go on showing."""


def passed(ran: Mapping[str, Any], what: Capability) -> int:
    return int(ran.get(what, {}).get("passed", 0))


@pytest.mark.parametrize("bed", BEDS.values(), ids=BEDS)
def test_what_a_bed_declares_is_what_ran_on_it(bed: Declaration) -> None:
    recorded = json.loads(RECORD.read_text())["beds"][bed.name]
    assert {what for what in Capability if passed(recorded["ran"], what)} == set(bed.has)
    assert not [what for what, counts in recorded["ran"].items() if counts.get("failed")]
    assert recorded["without"] == {str(one): why for one, why in bed.without.items()}
    assert (recorded["what"], recorded["by"]) == (bed.what, bed.by)


def test_what_others_can_show_is_shown_by_others() -> None:
    beds = json.loads(RECORD.read_text())["beds"]
    shown = {
        what
        for what in Capability
        for name, bed in BEDS.items()
        if bed.whose is Maker.OTHERS and passed(beds[name]["ran"], what)
    }
    assert shown == PROVED_BY_OTHERS


def test_page_names_what_no_other_program_showed() -> None:
    listed = PAGE.read_text().partition("**Shown by nobody else's program**")[2]
    named = listed.partition("**What `")[0]
    for what in Capability:
        assert (f"- {what}: " in named) == (what not in PROVED_BY_OTHERS), what
