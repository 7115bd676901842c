"""Every state's decider and what it needs to see: the one table that the controller works from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from inventory.model import AgentSeen, Host
from inventory.states import HostState
from provisioning.lifecycle import (
    accepting,
    booting,
    cleaning,
    configuring,
    deploying,
    draining,
    enrolled,
    inspecting,
    leaking,
    matching,
    preparing,
    ready,
    registering,
    repairing,
    retired,
)
from provisioning.lifecycle.decision import Decider, Look, Looks, Wanted


@dataclass(frozen=True, slots=True)
class StateRow:
    """How one state is decided. Most states always look at the same; `looks` says what else."""

    decide: Decider
    look: Look
    looks: Looks | None = None

    def look_at(
        self, host: Host, wanted: Wanted, *, agent: AgentSeen | None, now: datetime
    ) -> Look:
        """What this host's decider needs to see now."""
        found = self.look if self.looks is None else self.looks(host, wanted, agent, now)
        return found | leaking.LOOK if wanted.loop_leak else found


STATES: dict[HostState, StateRow] = {
    HostState.ENROLLED: StateRow(enrolled.decide_enrolled, enrolled.LOOK, enrolled.looks_enrolled),
    HostState.REGISTERING: StateRow(registering.decide_registering, registering.LOOK),
    HostState.INSPECTING: StateRow(
        inspecting.decide_inspecting, inspecting.LOOK, inspecting.looks_inspecting
    ),
    HostState.MATCHING: StateRow(matching.decide_matching, matching.LOOK),
    HostState.PREPARING: StateRow(preparing.decide_preparing, preparing.LOOK),
    HostState.BOOTING: StateRow(deploying.decide_booting, booting.LOOK, booting.looks_booting),
    HostState.CONFIGURING: StateRow(configuring.decide_configuring, configuring.LOOK),
    HostState.ACCEPTING: StateRow(
        accepting.decide_accepting, accepting.LOOK, accepting.looks_accepting
    ),
    HostState.READY: StateRow(ready.decide_ready, ready.LOOK, ready.looks_ready),
    HostState.DRAINING: StateRow(draining.decide_draining, draining.LOOK, draining.looks_draining),
    HostState.CLEANING: StateRow(cleaning.decide_cleaning, cleaning.LOOK, cleaning.looks_cleaning),
    HostState.REPAIRING: StateRow(repairing.decide_repairing, repairing.LOOK),
    HostState.RETIRED: StateRow(retired.decide_retired, retired.LOOK),
}

if STATES.keys() != set(HostState):  # a state without a decider must not start
    raise RuntimeError(f"states without a decider: {set(HostState) - STATES.keys()}")
