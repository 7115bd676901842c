"""What tells one host from another, and what only looks as if it did."""

from __future__ import annotations

import pytest

from inventory.same_host import Marks, against, unproven

CARD = "02:00:00:00:00:01"


@pytest.mark.parametrize(
    "filler",
    ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "00-00-00-00-00-00", "", "01:00:5e:00:00:01"],
)
def test_address_of_no_card_proves_nothing_and_speaks_against_nobody(filler: str) -> None:
    recorded = Marks(serial="Default string", macs=(filler, CARD))
    assert unproven(recorded, Marks(serial="Default string", macs=(filler,)))
    other = Marks(serial="Default string", macs=(filler, "02:00:00:00:00:02"))
    assert unproven(recorded, other)
    assert against(recorded, Marks(serial="", macs=(filler,))) == ""


def test_address_of_a_card_proves_its_host() -> None:
    recorded = Marks(serial="Default string", macs=(CARD,))
    assert unproven(recorded, Marks(serial="", macs=(CARD.upper(),))) == ""
