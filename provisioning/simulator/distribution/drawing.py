"""What a host draws: by its power state, by what runs on it, and by the limit that it holds.

Standby is its BMC and the rail for it; the inrush lasts from power-on until the fans have settled;
then it draws what is typical, or its nameplate under a full load. A limit bends the two last: the
first moment after power-on is over before any limit takes hold.
"""

from __future__ import annotations

from enum import StrEnum

from pods.spec import PowerSpec


class Drawing(StrEnum):
    """Where a host is, as far as watts go."""

    NOTHING = "nothing"
    STANDBY = "standby"
    INRUSH = "inrush"
    TYPICAL = "typical"
    LOADED = "loaded"


def drawn_watts(power: PowerSpec, drawing: Drawing, *, limit_watts: float | None) -> float:
    """What the host's inputs carry together."""
    match drawing:
        case Drawing.NOTHING:
            return 0.0
        case Drawing.STANDBY:
            return float(power.standby_watts)
        case Drawing.INRUSH:
            return float(power.inrush_watts)
        case Drawing.TYPICAL:
            wanted = float(power.typical_watts)
        case Drawing.LOADED:
            wanted = float(power.nameplate_watts)
    return wanted if limit_watts is None else min(wanted, limit_watts)
