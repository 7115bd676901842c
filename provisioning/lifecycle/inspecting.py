"""Inspecting: read the whole hardware out of band, without changing anything.

An adopted host has nothing out of band: its agent is started here, and tells what is in it.
"""

from __future__ import annotations

from datetime import datetime

from inventory.model import AgentSeen, Host
from inventory.states import HostState
from provisioning.lifecycle.actions import RecordFacts
from provisioning.lifecycle.adopted import beyond_reach, is_adopted, until_it_reports
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Look, Seen, Wait, Wanted
from provisioning.lifecycle.recognising import stranger

LOOK = Look.FACTS | Look.POWER
RECHECK_S = 5.0


def looks_inspecting(_host: Host, wanted: Wanted, _agent: AgentSeen | None, _now: datetime) -> Look:
    """Every resource is only read where the spec names a profile that asks for it."""
    return LOOK | Look.PROFILES if wanted.profiles else LOOK


def decide_inspecting(host: Host, seen: Seen, wanted: Wanted) -> Decision:
    """Record the facts when they are newer than the state; then compare them."""
    if seen.facts is None:
        return Wait("the hardware has not been read yet", RECHECK_S)
    if (other := stranger(host, seen.facts)) is not None:
        return other
    if wanted.profiles and seen.conformance is None:
        return Hold(
            "profile-unchecked",
            f"{', '.join(wanted.profiles)} cannot be checked: this driver lists no resources",
            f"take another driver, or a spec without profiles; then podyard host retry {host.name}",
        )
    checked = host.conformance if seen.conformance is None else seen.conformance
    if host.facts != seen.facts or host.conformance != checked:
        return Do(RecordFacts(), "hardware read over Redfish")
    if is_adopted(host) and (step := beyond_reach(host, wanted) or until_it_reports(host, seen)):
        return step
    return Advance(HostState.MATCHING, "facts recorded")
