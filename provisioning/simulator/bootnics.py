"""The NICs that a host's firmware boots from: in which order, and which of them gets an address.

One port of a host hangs on the network of which hosts are started, the spec's boot port; no other
gets an address there. Firmware asks the first of its order and gives up when that one gets none.
"""

from __future__ import annotations

from collections.abc import Iterable

from provisioning.simulator.cards import port_slots
from provisioning.simulator.defects import planted
from provisioning.simulator.hall import HostPlan
from provisioning.simulator.state import HostState


def boot_port(plan: HostPlan) -> str:
    """The port on the network that hosts are started over."""
    slots = port_slots(plan)
    return plan.host_type.nics.boot or (slots[0] if slots else "")


def boot_order(plan: HostPlan, state: HostState) -> tuple[str, ...]:
    """Every NIC, the one that is asked first at the front."""
    delivered = port_slots(plan)
    if planted(plan.faults, "wrong-nic"):
        wired = boot_port(plan)
        delivered = (*(one for one in delivered if one != wired), wired)
    return tuple(state.boot_order) or delivered


def put_in_order(plan: HostPlan, state: HostState, slots: Iterable[str]) -> bool:
    """Take a new order; what it leaves out follows as it was. False: nothing changes."""
    now = boot_order(plan, state)
    fresh = tuple(dict.fromkeys((*slots, *now)))
    state.boot_order = list(fresh)
    return fresh != now


def coming_order(plan: HostPlan, state: HostState) -> tuple[str, ...]:
    """What the next start asks, in order."""
    return tuple(state.boot_order_coming) or boot_order(plan, state)


def stage(plan: HostPlan, state: HostState, slots: Iterable[str]) -> bool:
    """Keep a new order for the next start. False: it is the one that comes anyway."""
    coming = coming_order(plan, state)
    fresh = tuple(dict.fromkeys((*slots, *coming)))
    state.boot_order_coming = list(fresh)
    return fresh != coming


def mac_of(plan: HostPlan, slot: str) -> str:
    """The address of a port."""
    return plan.macs[port_slots(plan).index(slot)]
