"""Writing down what the boot door saw of a boot, and what an agent asked for there.

It tells failures apart that look alike from the BMC: a host whose network never came up asks for
nothing, one that fetched its medium and then fell silent has another trouble, and the agent of a
third one was there and was turned away. Only requests after power-on say something of the host:
before it a BMC reads a medium because it was inserted.
"""

from __future__ import annotations

from datetime import datetime

from inventory.errors import Conflict, StaleWrite
from inventory.model import Host
from inventory.store.protocol import Change, Store

TRIES = 3
"""The controller writes the same record: then its version decides, and the next look finds it."""
REFUSED_CHARS = 300


def note_asked(store: Store, host_id: str, media_id: str, *, now: datetime) -> None:
    """The first time only: media are read in many pieces. Losing every race loses a remark."""
    for _ in range(TRIES):
        host = store.get(Host, host_id)
        boot = host.boot if host is not None else None
        if boot is None or boot.powered_at is None or boot.asked_at is not None:
            return
        if _noted(store, host, media_id, {"asked_at": now}, now=now):
            return


def note_leave_asked(store: Store, host_id: str, media_id: str, *, now: datetime) -> None:
    """An agent asks whether it may destroy anything; it asks again when this is lost."""
    for _ in range(TRIES):
        host = store.get(Host, host_id)
        if _noted(store, host, media_id, {"leave_asked_at": now}, now=now):
            return


def note_refused(store: Store, host_id: str, media_id: str, why: str, *, now: datetime) -> None:
    """An agent presented this boot's token and was turned away."""
    for _ in range(TRIES):
        host = store.get(Host, host_id)
        if _noted(store, host, media_id, {"refused": why[:REFUSED_CHARS]}, now=now):
            return


def _noted(
    store: Store, host: Host | None, media_id: str, said: dict[str, object], *, now: datetime
) -> bool:
    """False when somebody else wrote the record meanwhile; another boot is none of ours."""
    if host is None or host.boot is None or host.boot.media_id != media_id:
        return True
    boot = host.boot.model_copy(update=said)
    if boot == host.boot:
        return True
    try:
        store.apply(Change(replace=(host.model_copy(update={"boot": boot}),)), now=now)
    except (Conflict, StaleWrite):
        return False
    return True
