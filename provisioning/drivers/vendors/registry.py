"""Every quirk, and what they make of one BMC."""

from __future__ import annotations

from provisioning.drivers.vendors import dell, hpe, lenovo, nvidia, openbmc, supermicro
from provisioning.drivers.vendors.quirk import Habits, Maker, Quirk, habits_of

QUIRKS: tuple[Quirk, ...] = (
    *dell.QUIRKS,
    *hpe.QUIRKS,
    *supermicro.QUIRKS,
    *lenovo.QUIRKS,
    *nvidia.QUIRKS,
    *openbmc.QUIRKS,
)


def habits(maker: Maker) -> Habits:
    """What this BMC wants of its client."""
    return habits_of(maker, QUIRKS)


def quirks_of(maker: Maker) -> tuple[Quirk, ...]:
    """The quirks that are expected of it."""
    return tuple(quirk for quirk in QUIRKS if quirk.applies(maker))
