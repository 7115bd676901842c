"""Whether what tenants left may still be on a host: known from its moves, not from what it runs.

Whatever ran is forgotten on several ways, by a repair for one, and the disks keep what it wrote.
"""

from __future__ import annotations

from inventory.model import Host
from inventory.states import HostState


def is_uncleaned(host: Host, to: HostState) -> bool:
    """Once the host has moved to this state; only *cleaning* that came to its end clears it."""
    if host.state in {HostState.READY, HostState.DRAINING}:
        return True
    return host.uncleaned and (host.state, to) != (HostState.CLEANING, HostState.ENROLLED)
