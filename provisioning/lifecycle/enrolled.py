"""Enrolled: the record exists, and nothing was asked of the hardware yet."""

from __future__ import annotations

from datetime import datetime

from inventory.model import AgentSeen, Host
from inventory.states import HostState, PowerState
from provisioning.lifecycle.actions import PowerOff
from provisioning.lifecycle.decision import Advance, Decision, Do, Look, Seen, Wait, Wanted

LOOK = Look.NOTHING
IDLE_RECHECK_S = 300.0  # intent wakes the host at once; this only bounds a lost wake-up


def looks_enrolled(host: Host, _wanted: Wanted, _agent: AgentSeen | None, _now: datetime) -> Look:
    """The power of a host that rests: of one that was never registered nobody knows the BMC."""
    return Look.POWER if host.uuid and host.target == "enrolled" else LOOK


def decide_enrolled(host: Host, seen: Seen, wanted: Wanted) -> Decision:
    """Start when people want the host ready; retire it when they want that.

    A host that somebody switched on is shown; the pod's policy may have it switched off again.
    """
    match host.target:
        case "ready":
            return Advance(HostState.REGISTERING, "wanted ready")
        case "retired":
            return Advance(HostState.RETIRED, "wanted retired")
        case "repairing":
            return Advance(HostState.REPAIRING, "wanted for repair")
        case "enrolled" if seen.power is PowerState.ON and wanted.restore_power:
            return Do(PowerOff(), "switched on by somebody; the pod's policy restores it")
        case "enrolled":
            return Wait("enrolled; nothing is wanted of it", IDLE_RECHECK_S)
