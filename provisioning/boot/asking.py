"""Writing down that a boot medium was asked for.

It tells two failures apart that look alike from the BMC: a host whose network never came up asks
for nothing, and one that fetched its medium and then fell silent has another trouble.
"""

from __future__ import annotations

from datetime import datetime

from inventory.errors import Conflict, StaleWrite
from inventory.model import Host
from inventory.store.protocol import Change, Store

TRIES = 3
"""The controller writes the same record: then its version decides, and the next look finds it."""


def note_asked(store: Store, host_id: str, media_id: str, *, now: datetime) -> None:
    """The first time only: media are read in many pieces. Losing every race loses a remark."""
    for _ in range(TRIES):
        host = store.get(Host, host_id)
        boot = host.boot if host is not None else None
        if host is None or boot is None or boot.media_id != media_id or boot.asked_at is not None:
            return
        asked = boot.model_copy(update={"asked_at": now})
        try:
            store.apply(Change(replace=(host.model_copy(update={"boot": asked}),)), now=now)
        except (Conflict, StaleWrite):
            continue
        return
