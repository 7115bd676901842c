"""Whether what a machine says of itself shows that it is the host that a record names.

Both ends ask: the boot door before it gives orders, and the host before it carries out what cannot
be undone. Some firmware tells no serial number, and some tells what its vendor forgot to fill in:
that is nobody's, and says nothing about whose host it is. So two questions are kept apart: whether
something speaks against it, and whether anything speaks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pods.errors import shown

MAC_DIGITS = 12
GROUP_BIT = 1
"""Of a MAC's first byte: an address of many, never of one card."""
PLACEHOLDERS = frozenset(
    {
        "0123456789",
        "123456789",
        "1234567890",
        "chassis serial number",
        "default string",
        "default",
        "empty",
        "invalid",
        "n/a",
        "na",
        "none",
        "not applicable",
        "not available",
        "not specified",
        "null",
        "o.e.m.",
        "oem",
        "serial number",
        "system serial number",
        "tbd",
        "to be filled by o.e.m",
        "to be filled by o.e.m.",
        "to be filled by oem",
        "unknown",
        "unspecified",
    }
)
"""What boards of many vendors tell where a serial number belongs."""
ONE_SIGN = re.compile(r"(.)\1*")  # 00000000, XXXXXXX, dots


@dataclass(frozen=True, slots=True)
class Marks:
    """What a host is told by: its serial number, and the MAC addresses of its ports."""

    serial: str = ""
    macs: tuple[str, ...] = ()


def serial_told(text: str) -> str:
    """A serial number in lower case; nothing where what is told is no host's own."""
    told = " ".join(text.lower().split())
    return "" if told in PLACEHOLDERS or ONE_SIGN.fullmatch(told) else told


def against(recorded: Marks, found: Marks) -> str:
    """What shows that it is another host; or nothing. What one side does not know shows nothing."""
    theirs, ours = serial_told(found.serial), serial_told(recorded.serial)
    if theirs and ours and theirs != ours:
        serial = shown(found.serial.strip())
        return f"the host that booted has serial {serial}, the record {recorded.serial}"
    known, macs = _small(recorded.macs), _small(found.macs)
    if known and macs and not known & macs:
        return f"the host that booted has MAC {shown(', '.join(sorted(macs)))}, none on record"
    return ""


def unproven(recorded: Marks, found: Marks) -> str:
    """Why nothing may be destroyed on it; empty where a serial number or a MAC address agrees."""
    if other := against(recorded, found):
        return other
    theirs, ours = serial_told(found.serial), serial_told(recorded.serial)
    if (theirs and theirs == ours) or _small(recorded.macs) & _small(found.macs):
        return ""
    return (
        f"the host that booted says neither serial {recorded.serial or '(none on record)'} nor a "
        "MAC address on record"
    )


def _small(macs: Iterable[str]) -> set[str]:
    """Those that name one card: firmware fills in zeros or ones where it does not know."""
    return {mac.lower() for mac in macs if _is_of_a_card(mac)}


def _is_of_a_card(mac: str) -> bool:
    digits = "".join(sign for sign in mac.lower() if sign in "0123456789abcdef")
    if len(set(digits)) < 2:  # noqa: PLR2004 - zeros, ones, or nothing
        return False
    return len(digits) != MAC_DIGITS or not int(digits[:2], 16) & GROUP_BIT
