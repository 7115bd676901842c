"""Does the host stand where the spec puts it, and do the trays of a rack agree on their order?

The position comes from two kinds of source. A placement that a person typed into the BMC may be
stale, so a difference warns. A tray that reads its slot from the rack's cable cartridge cannot be
mistaken, so two trays in one slot block both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pods.facts import PositionFact
from pods.match_finding import Mismatch, blocks, same_text, warns
from pods.spec import RackSpec, SlotSpec


def match_place(rack: RackSpec, slot: SlotSpec, found: PositionFact) -> tuple[Mismatch, ...]:
    """Where the BMC says that it stands, against the slot that it was registered in."""
    return tuple(_place(rack, slot, found))


def match_trays(found: Mapping[str, PositionFact]) -> tuple[Mismatch, ...]:
    """Trays of one rack that claim one slot: slot name to what the tray there says."""
    claims: dict[int, str] = {}
    mismatches: list[Mismatch] = []
    for name, position in found.items():
        claimed = position.chassis_slot
        if claimed is None:
            continue
        other = claims.setdefault(claimed, name)
        if other != name:
            mismatches += [_claimed(name, other, claimed), _claimed(other, name, claimed)]
    return tuple(mismatches)


def _claimed(name: str, other: str, claimed: int) -> Mismatch:
    return blocks(
        f"{name}.position.chassis_slot",
        "a slot of its own",
        f"{claimed}, as {other} says too",
        meaning="one of the two is registered under another host's BMC address",
        remedy=f"light the locator of {name} and look which tray answers: podyard host bmc",
    )


def _place(rack: RackSpec, slot: SlotSpec, found: PositionFact) -> Iterator[Mismatch]:
    if found.rack and not same_text(rack.name, found.rack):
        yield warns(
            "position.rack",
            rack.name,
            found.rack,
            meaning="hands would be sent to the wrong rack, or the BMC's note is stale",
            remedy=f"look which host is in {slot.slot}, then correct the BMC's placement",
        )
    if found.unit is not None and found.unit != slot.unit:
        yield warns(
            "position.unit",
            slot.unit,
            found.unit,
            meaning="hands would open the wrong host, or the BMC's note is stale",
            remedy=f"look which host is in {slot.slot}, then correct the BMC's placement",
        )
    if found.tray_index is not None and found.tray_index not in _tray_numbers(rack, slot):
        yield warns(
            "position.tray_index",
            _tray_numbers(rack, slot)[0],
            found.tray_index,
            meaning="two trays are swapped, or one is registered under another's BMC address",
            remedy=f"light the locator of {slot.slot} and look which tray answers: "
            "podyard host bmc corrects an address",
        )


def _tray_numbers(rack: RackSpec, slot: SlotSpec) -> tuple[int, int]:
    """A tray's number from the bottom and from the top: makers count from either end."""
    units = sorted(one.unit for one in rack.slots)
    rank = units.index(slot.unit) if slot.unit in units else 0
    return rank, len(units) - 1 - rank
