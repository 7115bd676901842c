"""Enrolled: the record exists, and nothing was asked of the hardware yet."""

from __future__ import annotations

from inventory.model import Host
from inventory.states import HostState
from provisioning.lifecycle.decision import Advance, Decision, Look, Seen, Wait, Wanted

LOOK = Look.NOTHING
IDLE_RECHECK_S = 300.0  # intent wakes the host at once; this only bounds a lost wake-up


def decide_enrolled(host: Host, _seen: Seen, _wanted: Wanted) -> Decision:
    """Start when people want the host ready; retire it when they want that."""
    match host.target:
        case "ready":
            return Advance(HostState.REGISTERING, "wanted ready")
        case "retired":
            return Advance(HostState.RETIRED, "wanted retired")
        case "repairing":
            return Advance(HostState.REPAIRING, "wanted for repair")
        case "enrolled":
            return Wait("enrolled; nothing is wanted of it", IDLE_RECHECK_S)
