"""The states of a host and of everything above it, and the only list of allowed moves.

Each transient state names what it heads for by its allowed moves; a problem, maintenance, power
and health stand beside the state and never replace it. `allowed_time_s` says how long a host may
stay before that is an event in itself; each number carries its reason.
"""

from __future__ import annotations

from enum import StrEnum


class HostState(StrEnum):
    """Where a host is on its way to being offered."""

    ENROLLED = "enrolled"
    REGISTERING = "registering"
    INSPECTING = "inspecting"
    MATCHING = "matching"
    PREPARING = "preparing"
    BOOTING = "booting"
    CONFIGURING = "configuring"
    ACCEPTING = "accepting"
    READY = "ready"
    DRAINING = "draining"
    CLEANING = "cleaning"
    REPAIRING = "repairing"
    RETIRED = "retired"


class PowerState(StrEnum):
    """Redfish's spelling."""

    ON = "On"
    OFF = "Off"
    POWERING_ON = "PoweringOn"
    POWERING_OFF = "PoweringOff"
    UNKNOWN = "Unknown"


class Health(StrEnum):
    """Redfish's spelling, and Unknown: unknown is not dead."""

    OK = "OK"
    WARNING = "Warning"
    CRITICAL = "Critical"
    UNKNOWN = "Unknown"


class UnitState(StrEnum):
    """What may be done with a compute unit."""

    AVAILABLE = "available"
    CLAIMED = "claimed"
    DRAINING = "draining"
    WITHDRAWN = "withdrawn"


class ClaimState(StrEnum):
    """A tenant's hold on units, from asking to having."""

    PENDING = "pending"
    BOUND = "bound"
    RELEASING = "releasing"
    RELEASED = "released"


STABLE = frozenset({HostState.ENROLLED, HostState.READY, HostState.RETIRED})
"""States that a host may stay in without anyone waiting for anything."""

TRANSITIONS: frozenset[tuple[HostState, HostState]] = frozenset(
    {
        (HostState.ENROLLED, HostState.REGISTERING),
        (HostState.REGISTERING, HostState.INSPECTING),
        (HostState.INSPECTING, HostState.MATCHING),
        (HostState.MATCHING, HostState.PREPARING),
        (HostState.MATCHING, HostState.INSPECTING),  # a part was replaced: look again
        (HostState.PREPARING, HostState.BOOTING),
        (HostState.PREPARING, HostState.INSPECTING),
        (HostState.BOOTING, HostState.CONFIGURING),
        (HostState.BOOTING, HostState.PREPARING),
        (HostState.CONFIGURING, HostState.ACCEPTING),
        (HostState.CONFIGURING, HostState.BOOTING),
        (HostState.ACCEPTING, HostState.READY),
        (HostState.ACCEPTING, HostState.BOOTING),
        (HostState.READY, HostState.DRAINING),
        (HostState.DRAINING, HostState.CLEANING),
        (HostState.CLEANING, HostState.ENROLLED),
        (HostState.REPAIRING, HostState.REGISTERING),
        (HostState.REPAIRING, HostState.CLEANING),  # wanted elsewhere: off before it rests
        *((state, HostState.REPAIRING) for state in HostState if state is not HostState.REPAIRING),
        (HostState.ENROLLED, HostState.RETIRED),
        (HostState.REPAIRING, HostState.RETIRED),
    }
) - {(HostState.RETIRED, HostState.REPAIRING)}

ALLOWED_TIME_S: dict[HostState, float] = {
    HostState.REGISTERING: 120.0,  # log-in and three reads; a BMC that reboots takes about 90 s
    HostState.INSPECTING: 300.0,  # about 40 reads at the 2-4 s of a slow BMC
    HostState.MATCHING: 30.0,  # pure: only the loop's own pace counts
    HostState.PREPARING: 3600.0,  # one firmware update may take 40 min on HGX boards
    HostState.BOOTING: 1800.0,  # memory training on 2 TiB hosts takes 10-15 min
    HostState.CONFIGURING: 1800.0,  # a playbook run, once more after a failure
    HostState.ACCEPTING: 3600.0,  # hosts of one physical machine take turns
    HostState.DRAINING: 3600.0,  # the tenant's own grace
    HostState.CLEANING: 3600.0,  # NVMe sanitize of a large drive
    HostState.REPAIRING: 7 * 86400.0,  # a spare part's delivery
}
"""Seconds a host may stay in a transient state before that is an event and a problem."""
