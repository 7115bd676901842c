"""Parts that somebody changed while the hall runs: what a person's hands do to a rack.

A file beside the host, `hosts/NAME/swapped.json`, names slots and the serial numbers that sit there
now. It is read at every question, so that a test can change a part under a host that is in use and
see who notices; the operating system of the host goes on with what it found at its start.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

FILE = "swapped.json"


class HasSerial(Protocol):
    """Any part that sits in a slot and carries a number."""

    @property
    def slot(self) -> str:
        """Where it sits."""

    @property
    def serial(self) -> str:
        """What was written on it when the hall was built."""


def read_swapped(host: Path) -> dict[str, str]:
    """Slot to serial number, of one host's folder; nothing while nobody swapped anything."""
    try:
        found = json.loads((host / FILE).read_text())
    except (OSError, ValueError):  # not there, or being written at this moment
        return {}
    return {str(slot): str(serial) for slot, serial in dict(found).items()}
