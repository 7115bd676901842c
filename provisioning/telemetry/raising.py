"""An alarm is told once, and has the controller read the whole hardware now. It moves no host."""

from __future__ import annotations

import logging

from inventory.errors import StaleWrite
from inventory.model import Event, Host
from inventory.states import HostState
from inventory.store.protocol import Change
from provisioning.telemetry.alarms import Alarm
from provisioning.telemetry.roster import Polled
from provisioning.telemetry.world import World

log = logging.getLogger("podyard.telemetry")

WAKE_TRIES = 3
LOOKED_AT = frozenset({HostState.READY, HostState.ACCEPTING})
"""Where a host carries load, and its hardware is read whole when something is in doubt."""
_DOUBT = "telemetry"
"""Beside a host's state: its hardware is to be read whole at the next look."""


async def raise_alarm(world: World, who: Polled, found: tuple[Alarm, ...]) -> None:
    """Tell it once and let the controller read the whole hardware now."""
    why = "; ".join(one.what for one in found)
    log.warning("alarm", extra={"host": who.name, "why": why})
    for _ in range(WAKE_TRIES):
        try:
            await world.in_thread(_bring_forward, world, who, found)
        except StaleWrite:  # the controller wrote meanwhile
            continue
        return


def _bring_forward(world: World, who: Polled, found: tuple[Alarm, ...]) -> None:
    store, now = world.store, world.clock.now()
    host = store.get(Host, who.id)
    if host is None:
        return
    events = tuple(
        Event(
            at=now,
            actor="telemetry",
            kind="host.alarm",
            subject=f"host:{host.name}",
            new=one.kind,
            why=one.what,
        )
        for one in found
    )
    doubt = host.state in LOOKED_AT and not host.doubt
    fresh = (host.model_copy(update={"doubt": _DOUBT, "wake_at": now}),) if doubt else ()
    store.apply(Change(replace=fresh, events=events), now=now, fence=world.fence)
    store.wake_hosts(now=world.clock.now(), host_id=host.id)
