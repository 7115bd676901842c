"""Ready: certified and offered. The loop only watches, and leaves when people want it to."""

from __future__ import annotations

from inventory.model import Host
from inventory.states import HostState, PowerState
from provisioning.lifecycle.actions import WithdrawUnit
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Look, Seen, Wait, Wanted

LOOK = Look.POWER
LOOK_AGAIN_S = 5.0
WATCH_S = 30.0  # one read of one resource; health comes from the agent, which calls every 10 s


def decide_ready(host: Host, seen: Seen, _wanted: Wanted) -> Decision:
    """Drain when the host is wanted elsewhere; take it out of the offer when its power is gone."""
    if host.target != "ready":
        return Advance(HostState.DRAINING, f"wanted {host.target}")
    if seen.power is PowerState.OFF:
        return _without_power(host)
    return Wait("ready", WATCH_S)


def _without_power(host: Host) -> Decision:
    """BMCs misread: only a second look in a row counts. Nobody is evicted, nothing forced on."""
    if host.power is not PowerState.OFF:
        return Wait("its power reads Off: looking once more", LOOK_AGAIN_S)
    if host.certificate_id:
        return Do(WithdrawUnit(), "it lost its power: nothing new may be placed here")
    return Hold(
        "power-lost",
        "the host was ready and is switched off",
        f"find out who switched it off; podyard host want {host.name} enrolled, then ready, "
        "brings it up anew",
    )
