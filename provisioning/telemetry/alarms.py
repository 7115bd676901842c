"""What in a round is a reason to look at the whole host now.

Telemetry decides nothing. What it reads may be one wrong answer of a BMC, and suspending a
certificate over that would cost a tenant a host. So an alarm only brings forward what happens every
quarter of an hour anyway: the controller reads the hardware whole, and again when something
contradicts the certificate, and then its own rules say what follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DRY = 0.0
LOST_SHARE = 0.1
"""A draw below this share of the one before is a host that stopped, not one that rests."""
LEAK, FEED, DRAW = "leak", "feed-lost", "draw-lost"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One reason."""

    kind: str
    what: str


def alarms(before: Mapping[str, float], now: Mapping[str, float]) -> tuple[Alarm, ...]:
    """What became worse since the round before; the same trouble alarms once."""
    found: list[Alarm] = []
    for name, value in now.items():
        word, _, place = name.partition(".")
        if word == LEAK and value > max(DRY, before.get(name, DRY)):
            state = "liquid" if value > 1 else "a little liquid"
            found.append(Alarm(LEAK, f"leak detector {place} sees {state}"))
    dead = now.get("feedless", 0.0)
    if dead > before.get("feedless", 0.0):
        found.append(Alarm(FEED, f"{dead:.0f} power supplies have no input"))
    drawn, drew = now.get("power"), before.get("power")
    if drawn is not None and drew and drawn < LOST_SHARE * drew:
        found.append(Alarm(DRAW, f"the draw fell from {drew:.0f} W to {drawn:.0f} W"))
    return tuple(found)
