"""From the records to a plan: what a bring-up of this pod would do now.

The plan is computed when it is asked for, from what inspection found, and becomes binding when a
person approves its digest: hosts are then started in its waves, and nothing destructive happens
that it does not list.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from inventory.model import Host, Pod
from inventory.states import HostState, PowerState
from pods.expectation import Past
from pods.plan import Plan, PlannedHost, plan_bring_up
from pods.spec import PodSpec

LAST_IN = 10
"""One in so many hosts of a pod is among its last: where in trouble, soon not waited for."""
UNINSPECTED = frozenset({HostState.ENROLLED, HostState.REGISTERING, HostState.INSPECTING})


def hosts_not_inspected(hosts: Sequence[Host]) -> tuple[str, ...]:
    """Names of hosts whose facts are still to come; a parked host is not waited for."""
    return tuple(
        h.name
        for h in hosts
        if h.state in UNINSPECTED and not (h.problem is not None and h.problem.parked)
    )


def mostly_inspected_at(hosts: Sequence[Host]) -> datetime | None:
    """When nine in ten of these hosts had been inspected; None: they have not."""
    told = sorted(one.facts.observed_at for one in hosts if one.facts is not None)
    enough = len(hosts) - len(hosts) // LAST_IN
    return told[enough - 1] if 0 < enough <= len(told) else None


def plan_of(pod: Pod, spec: PodSpec, hosts: Sequence[Host], *, past: Past | None = None) -> Plan:
    """The plan for this pod as its hosts now are. Hosts without facts that are parked stay out."""
    known = [h for h in hosts if h.facts is not None]
    return plan_bring_up(
        spec,
        pod=pod.name,
        hosts=[
            PlannedHost(name=h.name, slot=h.slot, facts=h.facts, powered=h.power is PowerState.ON)
            for h in known
        ],
        past=past,
    )
