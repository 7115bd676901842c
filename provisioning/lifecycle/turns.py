"""Each host's own moment in a period: what is looked at seldom is not looked at of all at once.

Derived from the host's id and the time alone, so that nothing must be remembered. Pure.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from inventory.model import Host


def is_its_turn(host: Host, now: datetime, *, every_s: int, for_s: float) -> bool:
    """Whether now lies in the part of the period that is this host's: for one look of many."""
    offset_s = int.from_bytes(hashlib.sha256(host.id.encode()).digest()[:4]) % every_s
    return (now.timestamp() - offset_s) % every_s < for_s
