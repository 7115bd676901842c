"""A hall of as many hosts as somebody wants to see: the racks of a small spec, over and over.

Every copy of a rack has copies of the feeds that its slots hang on, so that budgets mean in a
thousand hosts what they mean in four. The spec that comes out is one like any other, and is written
beside the hall for `podyard pod apply`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice

from pods.spec import FeedSpec, PodSpec, RackSpec, SlotSpec
from provisioning.simulator.errors import HallError

NAMED = "{name}-x{hosts}"


def widened(spec: PodSpec, *, hosts: int) -> PodSpec:
    """The same design with so many hosts. The last rack may be filled in part."""
    if spec.fabric is not None or spec.scalable_unit is not None:
        raise HallError(
            f"spec {spec.identity} cannot be widened to {hosts} hosts: its fabric joins its racks",
            hint="take a spec without a fabric, as lab-4, or leave --hosts out",
        )
    racks: list[RackSpec] = []
    feeds: dict[str, FeedSpec] = {}
    left = hosts
    for rack, mine in _copies(spec):
        taken = tuple(islice(rack.slots, left))
        racks.append(rack.model_copy(update={"slots": taken}))
        feeds |= mine
        left -= len(taken)
        if not left:
            break
    name = NAMED.format(name=spec.name, hosts=hosts)
    found = {"name": name, "racks": tuple(racks), "feeds": feeds, "sources": {}}
    return spec.model_copy(update=found)


def _copies(spec: PodSpec) -> Iterator[tuple[RackSpec, dict[str, FeedSpec]]]:
    for number in count(1):
        for rack in spec.racks:
            slots = tuple(_slot(slot, number) for slot in rack.slots)
            fed = {slot.feed for slot in rack.slots} | {slot.feed_b for slot in rack.slots}
            names = [feed for feed in (*fed, rack.feed, rack.feed_b) if feed]
            copied = {
                "name": f"{rack.name}-{number}",
                "slots": slots,
                "feed": _numbered(rack.feed, number),
                "feed_b": _numbered(rack.feed_b, number),
            }
            feeds = {f"{feed}-{number}": spec.feeds[feed] for feed in sorted(names)}
            yield rack.model_copy(update=copied), feeds


def _slot(slot: SlotSpec, number: int) -> SlotSpec:
    return slot.model_copy(
        update={
            "slot": f"{slot.slot}-{number}",
            "feed": f"{slot.feed}-{number}",
            "feed_b": _numbered(slot.feed_b, number),
        }
    )


def _numbered(name: str | None, number: int) -> str | None:
    return None if name is None else f"{name}-{number}"
