"""Whether a host's power is as its record says that it should be: shown beside every state.

Power drift is a person's doing or a fault, and never acted upon unless the pod's policy says so.
What podyard itself is about to change is none: a host on its way up, or one that it has just asked
to shut down.
"""

from __future__ import annotations

from inventory.model import Host
from inventory.states import HostState, PowerState

_RUNS = frozenset({HostState.READY, HostState.DRAINING, HostState.ACCEPTING})
_RESTS = frozenset({HostState.ENROLLED, HostState.MATCHING, HostState.RETIRED})


def power_drift(host: Host) -> str:
    """What is other than it should be; empty: nothing is, as far as anybody looked."""
    if host.state in _RUNS and host.power is PowerState.OFF and host.shutdown_at is None:
        return f"it is off, and a host that is {host.state} runs"
    if host.state in _RESTS and host.power is PowerState.ON and host.boot is None:
        return f"it is on, and podyard did not switch it on: a host that is {host.state} rests"
    return ""
