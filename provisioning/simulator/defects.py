"""Which part of a host a planted fault strikes: the one that it names, or one drawn by the seed.

A fault about a part takes `slot=`, spelled as the host's BMC spells it. Every defect is looked for
once when the host's parts are put together, so that a misspelt slot stops the start and is not
silently harmless.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from provisioning.simulator.errors import UnknownFault
from provisioning.simulator.faults import Fault


def planted(faults: Iterable[Fault], kind: str) -> tuple[Fault, ...]:
    """Every fault of this kind, in the order in which they were asked for."""
    return tuple(fault for fault in faults if fault.kind == kind)


def struck(
    faults: Iterable[Fault], kind: str, slots: Sequence[str], *, seed: str
) -> dict[str, Fault]:
    """Slot to the fault that strikes it. Two faults without a slot strike two different ones."""
    found: dict[str, Fault] = {}
    striking = planted(faults, kind)
    if not striking:  # nearly always, of each of a host's parts: a source costs more than the rest
        return found
    source = random.Random(f"{seed}/{kind}")
    for fault in striking:
        left = [slot for slot in slots if slot not in found]
        named = fault.word("slot")
        if named and named not in slots:
            raise UnknownFault(
                f"fault {kind!r} on host {fault.host!r} names slot {named!r}",
                hint="the slots are " + (", ".join(slots) or "none: this host has no such part"),
            )
        if not left:
            raise UnknownFault(
                f"fault {kind!r} on host {fault.host!r} finds no part to strike",
                hint="this host type has fewer of them; plant the fault on another host",
            )
        found[named or source.choice(left)] = fault
    return found
