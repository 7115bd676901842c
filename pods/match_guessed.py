"""A host must not be parked because it differs from a guess.

Catalogues hold figures that nobody published: a stand-in for the processor of a tray, a drive's
size. Where the host type says so of a figure, what differs from it warns at most, and says why.
"""

from __future__ import annotations

from pods.match_finding import Mismatch
from pods.spec import HostType

SPELLED = {
    "memory.capacity_gib": "memory.module_gib",
    "power_supplies.count": "psus.count",
    "power_supplies.capacity_watts": "psus.capacity_watts",
}
"""Paths of findings that a host type spells otherwise."""


def softened(host_type: HostType, found: Mismatch) -> Mismatch:
    """The finding, no graver than the figure behind it is certain."""
    if found.severity != "critical" or not host_type.is_uncertain(designed(found.path)):
        return found
    meaning = f"{found.meaning}; but what is wanted here is only a guess of the spec"
    remedy = f"compare with the delivery note; correct the spec, or {found.remedy}"
    return found.model_copy(update={"severity": "warning", "meaning": meaning, "remedy": remedy})


def designed(path: str) -> str:
    """Where a host type has what was compared: slots have names of their own, figures do not."""
    first, _, rest = path.partition(".")
    last = rest.rpartition(".")[2]
    figure = f"{first}.{last}" if last else first
    return SPELLED.get(figure, figure)
