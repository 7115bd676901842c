"""Which hosts are read: the ready ones and every powered one, as long as reading cannot hurt.

A BMC that is being flashed is left alone, and so is one whose account podyard does not know for
sure: some lock it after a few wrong passwords, and reading the temperature is not worth that.
"""

from __future__ import annotations

from dataclasses import dataclass

from inventory.model import Host
from inventory.states import HostState, PowerState
from inventory.store.protocol import Store

NEVER = frozenset(
    {
        HostState.ENROLLED.value,
        HostState.REGISTERING.value,
        HostState.PREPARING.value,
        HostState.RETIRED.value,
    }
)
NOT_WITH = frozenset(
    {"credentials-refused", "certificate-changed", "wrong-host", "bmc-misconfigured"}
)
"""Problems with which a BMC is not spoken to until a person has said something."""
POWERED = frozenset({PowerState.ON.value, PowerState.POWERING_ON.value})


@dataclass(frozen=True, slots=True)
class Polled:
    """One host that is read."""

    id: str
    name: str
    is_ready: bool


def polled(store: Store) -> dict[str, Polled]:
    """By id. Five columns of the hosts' table and no record: as cheap as a list of names."""
    found: dict[str, Polled] = {}
    for row in store.tally(Host, "key", "name", "state", "power", "problem"):
        host_id, name, state, power, problem = row
        if state in NEVER or problem in NOT_WITH:
            continue
        ready = state == HostState.READY.value
        if ready or power in POWERED:
            found[host_id] = Polled(host_id, name, ready)
    return found
