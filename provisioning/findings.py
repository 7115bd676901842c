"""Everything that is wrong with one host, from every side that can be looked at from.

The parts against the host's type, the firmware against the baseline, the place against the slot;
the neighbours against the cabling plan and the trays against each other, which only a look at the
whole pod shows; and what an interoperability profile misses in the BMC. One list, so that people
read the same in every place, and only what blocks parks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inventory.model import Host
from pods.match import Mismatch, match, match_firmware
from pods.match_place import match_place
from provisioning.lifecycle.decision import Wanted

SHOWN_MAX = 200
"""Of one host. A profile that a BMC misses altogether has thousands, and nobody reads them."""

_GRAVITY = {"blocks": 0, "warns": 1, "notes": 2}


def findings(host: Host, wanted: Wanted) -> tuple[Mismatch, ...]:
    """What is known to be wrong; nothing about a host whose hardware was not read yet."""
    facts = host.facts
    if facts is None:
        return ()
    place = wanted.place
    return shortened(
        (
            *match(wanted.host_type, facts),
            *match_firmware(wanted.firmware, facts.firmware),
            *(match_place(place.rack, place.slot, facts.position) if place else ()),
            *wanted.around.findings,
            *(host.conformance or ()),
        )
    )


def shortened(found: Sequence[Mismatch]) -> tuple[Mismatch, ...]:
    """The gravest where there are more than anybody reads; their order stays."""
    if len(found) <= SHOWN_MAX:
        return tuple(found)
    gravest = sorted(range(len(found)), key=lambda n: (_GRAVITY[found[n].effect], n))[:SHOWN_MAX]
    return tuple(found[n] for n in sorted(gravest))


def message_of(wrong: Iterable[Mismatch]) -> str:
    """The findings in one line, as a problem tells them."""
    return "; ".join(str(one) for one in wrong)
