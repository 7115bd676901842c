"""A quirk: what a maker's BMC was seen doing, on which firmware, and what its client does instead.

The driver asks a BMC who made it once, and gets `Habits`: plain values that say what this BMC wants
of its client. So no code below `redfish/` asks for a maker's name, and a quirk is added in one
place with the firmware that showed it and the report that tells of it. What can be seen in the
answer itself (a free account slot, a missing action, a full session table) is not a quirk: that is
looked for on every BMC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

_JOINED = frozenset({"busy_after", "busy_messages", "insert_extra"})
"""Habits that two quirks of one BMC add to; of the others the last one counts."""


@dataclass(frozen=True, slots=True)
class Maker:
    """Who made a BMC and its host, in their own words, lower case."""

    vendor: str
    """ServiceRoot.Vendor, or the System's Manufacturer where that is missing."""
    model: str
    bmc_model: str
    bmc_firmware: str


@dataclass(frozen=True, slots=True)
class Habits:
    """What a BMC wants of its client; the defaults are the standard's."""

    cd_target: str = "Cd"
    """The boot target that means the virtual CD."""
    media_prefix: str = ""
    """Only drives whose id begins so take an image from a URL."""
    insert_bare: bool = False
    """InsertMedia with the image alone: other parameters are refused."""
    insert_extra: Mapping[str, Any] = field(default_factory=dict)
    """What InsertMedia must be told besides."""
    not_connected_is_empty: bool = False
    """The drive keeps the image's name after it was ejected."""
    clear_with_target: str = ""
    """The boot target to send along when an override is switched off."""
    busy_after: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Action to the refusals (HTTP) of it that only mean: not yet."""
    busy_messages: frozenset[str] = frozenset()
    """Message ids that only mean: not yet, whatever the status."""
    fetches: frozenset[str] = frozenset({"HTTP", "HTTPS", "TFTP", "FTP", "SCP", "NFS", "CIFS"})
    """How this BMC can fetch a firmware image; without HTTPS it must be pushed."""
    node_manager: bool = False
    """It has NVIDIA's NodeManager where others have a power limit."""


@dataclass(frozen=True, slots=True)
class Quirk:
    """One of them."""

    name: str
    vendor: str
    seen_on: str
    """Hardware and firmware that showed it."""
    source: str
    """Where it is told: a tracker's entry, a release note, a manual."""
    meaning: str
    applies: Callable[[Maker], bool]
    habit: Mapping[str, Any] = field(default_factory=dict)
    """The fields of `Habits` that it changes; empty where the driver does right on any BMC."""
    cured_by: str = ""
    """Where a quirk is cured that needs no habit."""


def habits_of(maker: Maker, quirks: tuple[Quirk, ...]) -> Habits:
    """All that apply, one after the other."""
    found = Habits()
    for quirk in quirks:
        if quirk.applies(maker):
            changed = {name: _joined(found, name, value) for name, value in quirk.habit.items()}
            found = replace(found, **changed)
    return found


def _joined(known: Habits, name: str, added: Any) -> Any:
    return getattr(known, name) | added if name in _JOINED else added


def made_by(*names: str) -> Callable[[Maker], bool]:
    """True for a BMC whose maker's name begins with one of these."""
    return lambda maker: maker.vendor.startswith(names)
