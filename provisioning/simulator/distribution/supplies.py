"""Which of a host's supplies hang on which of its feeds, and which of them are without input."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from provisioning.simulator.faults import Fault


def dead_supplies(
    host: str, slots: Sequence[str], feeds: Sequence[str], live: Collection[str]
) -> tuple[Fault, ...]:
    """A fault for every supply on a feed that does not reach the host.

    The lower half hangs on the first feed, as racks are cabled; of an odd number it has one more.
    """
    first = (len(slots) + 1) // 2 if len(feeds) > 1 else len(slots)
    halves = (slots[:first], slots[first:])
    return tuple(
        Fault(kind="dead-supply", host=host, parameters={"slot": slot})
        for feed, half in zip(feeds, halves, strict=False)
        if feed not in live
        for slot in half
    )
