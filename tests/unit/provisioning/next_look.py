"""When a controller that is stepped by hand looks at a host next."""

from __future__ import annotations

from datetime import datetime

from inventory.model import Host
from provisioning.controller import Controller


def next_look(controller: Controller, host: Host) -> datetime:
    """As its record says; or later, where the last look changed nothing of it."""
    put_off = controller._resting._waiting.get(host.id)
    if put_off is not None and put_off.version == host.version:
        return put_off.until
    return host.wake_at
