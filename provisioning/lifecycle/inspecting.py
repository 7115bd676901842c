"""Inspecting: read the whole hardware out of band, without changing anything."""

from __future__ import annotations

from inventory.model import Host
from inventory.states import HostState
from provisioning.lifecycle.actions import RecordFacts
from provisioning.lifecycle.decision import Advance, Decision, Do, Look, Seen, Wait, Wanted

LOOK = Look.FACTS | Look.POWER
RECHECK_S = 5.0


def decide_inspecting(host: Host, seen: Seen, _wanted: Wanted) -> Decision:
    """Record the facts when they are newer than the state; then compare them."""
    if seen.facts is None:
        return Wait("the hardware has not been read yet", RECHECK_S)
    if host.facts is None or host.facts.digest() != seen.facts.digest():
        return Do(RecordFacts(), "hardware read over Redfish")
    return Advance(HostState.MATCHING, "facts recorded")
