"""Ready: certified and offered. The loop only watches, and leaves when people want it to."""

from __future__ import annotations

from inventory.model import Host
from inventory.states import HostState
from provisioning.lifecycle.decision import Advance, Decision, Look, Seen, Wait, Wanted

LOOK = Look.POWER
WATCH_S = 30.0  # one read of one resource; health comes from the agent, which calls every 10 s


def decide_ready(host: Host, _seen: Seen, _wanted: Wanted) -> Decision:
    """Drain when the host is wanted elsewhere."""
    if host.target != "ready":
        return Advance(HostState.DRAINING, f"wanted {host.target}")
    return Wait("ready", WATCH_S)
