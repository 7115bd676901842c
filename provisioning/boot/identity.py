"""Whether the agent that presents a boot token runs on the host that its medium was made for.

Only what both sides know is held against each other. Some firmware tells no serial number, and some
tells what its vendor forgot to fill in: that is nobody's, and says nothing about whose host it is.
"""

from __future__ import annotations

import re

from inventory.agents import EnrolRequest
from inventory.model import Host
from pods.errors import shown

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


def serial_told(text: str) -> str:
    """A serial number in lower case; nothing where what is told is no host's own."""
    told = " ".join(text.lower().split())
    return "" if told in PLACEHOLDERS or ONE_SIGN.fullmatch(told) else told


def another_host(host: Host, request: EnrolRequest) -> str:
    """What shows that the agent runs on another host than the medium was made for; or nothing."""
    found, recorded = serial_told(request.found_serial), serial_told(host.serial)
    if found and recorded and found != recorded:
        serial = shown(request.found_serial.strip())
        return f"the host that booted has serial {serial}, the record {host.serial}"
    known = {nic.mac.lower() for nic in host.facts.nics} if host.facts else set()
    macs = {mac.lower() for mac in request.macs}
    if known and macs and not known & macs:
        return f"the host that booted has MAC {shown(', '.join(sorted(macs)))}, none on record"
    return ""
