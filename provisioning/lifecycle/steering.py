"""Where people call a host away from what it is doing, or from where it is parked.

The deciders of the states where a host rests follow wishes themselves; those of the way up only
carry it on, and a parked host is not decided at all. This is the one place where a wish outranks
both. It is pure, and answers None while the host is on its way
or while leaving would do harm: an update that was begun is driven to its end first, and a host
with a certificate leaves through draining, so that no tenant loses it unasked.
"""

from __future__ import annotations

from inventory.model import Host
from inventory.states import HostState, PowerState
from provisioning.lifecycle.adopted import is_adopted
from provisioning.lifecycle.decision import Advance, Wanted

PASSING_LOOKS_MAX = 5  # with doubling pauses from 2 s: a minute, longer than a BMC restarts


def steer(host: Host, wanted: Wanted) -> Advance | None:
    """The move that a person's wish asks for now, or None: decide as ever."""
    reason = _called_away(host)
    if not reason:
        return None
    match host.state:
        case HostState.DRAINING | HostState.REPAIRING | HostState.RETIRED:
            return None
        case HostState.READY:
            return Advance(HostState.DRAINING, reason)
        case HostState.ENROLLED:
            return _from_enrolled(host, reason)
        case HostState.CLEANING:
            # A BMC that does not let itself be cleaned is a reason for repair, not against it.
            stuck = host.target == "repairing" and host.problem is not None
            return Advance(HostState.REPAIRING, reason) if stuck else None
        case HostState.REGISTERING if host.target == "ready":
            return None  # it is where another identity is recorded
        case _:
            return _from_the_way_up(host, wanted, reason)


def _called_away(host: Host) -> str:
    if host.target != "ready":
        return f"wanted {host.target}"
    return "another identity is expected" if host.register_again else ""


def _from_enrolled(host: Host, reason: str) -> Advance | None:
    """A host that may run something is switched off before it is retired, where podyard can."""
    switched = host.power is PowerState.OFF or is_adopted(host)
    running = host.target == "retired" and not switched
    leaves = host.target == "repairing" or running
    return Advance(HostState.REPAIRING, reason) if leaves else None


def _from_the_way_up(host: Host, wanted: Wanted, reason: str) -> Advance | None:
    if not _stuck(host) and (wanted.open_steps or host.certificate_id):
        return None
    return Advance(HostState.REPAIRING, reason)


def _stuck(host: Host) -> bool:
    """Parked, or out of reach for so many looks that it is no passing trouble."""
    problem = host.problem
    return problem is not None and (problem.parked or problem.seen >= PASSING_LOOKS_MAX)
