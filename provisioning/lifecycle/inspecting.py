"""Inspecting: read the whole hardware out of band, without changing anything.

An adopted host has nothing out of band. What it tells of itself is recorded, and there its way
ends: nobody could switch it on or off, boot it or say what is in it, and none of that is claimed.
"""

from __future__ import annotations

from datetime import datetime

from inventory.model import AgentSeen, Host
from inventory.states import HostState
from pods.facts import HardwareFacts
from provisioning.lifecycle.actions import RecordFacts
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Look, Seen, Wait, Wanted
from provisioning.lifecycle.recognising import stranger

LOOK = Look.FACTS | Look.POWER
RECHECK_S = 5.0
ADOPTED = "ssh"
"""The source of facts that a host told by itself, having no BMC."""


def looks_inspecting(_host: Host, wanted: Wanted, _agent: AgentSeen | None, _now: datetime) -> Look:
    """Every resource is only read where the spec names a profile that asks for it."""
    return LOOK | Look.PROFILES if wanted.profiles else LOOK


def decide_inspecting(host: Host, seen: Seen, wanted: Wanted) -> Decision:
    """Record the facts when they are newer than the state; then compare them."""
    if seen.facts is None:
        return Wait("the hardware has not been read yet", RECHECK_S)
    if (other := stranger(host, seen.facts)) is not None:
        return other
    if wanted.profiles and seen.conformance is None and seen.facts.source != ADOPTED:
        return Hold(
            "profile-unchecked",
            f"{', '.join(wanted.profiles)} cannot be checked: this driver lists no resources",
            f"take another driver, or a spec without profiles; then podyard host retry {host.name}",
        )
    checked = host.conformance if seen.conformance is None else seen.conformance
    if host.facts != seen.facts or host.conformance != checked:
        return Do(RecordFacts(), "hardware read over Redfish")
    if seen.facts.source == ADOPTED:
        return _without_bmc(host, seen.facts)
    return Advance(HostState.MATCHING, "facts recorded")


def _without_bmc(host: Host, facts: HardwareFacts) -> Hold:
    return Hold(
        "no-bmc",
        f"{facts.manufacturer} {facts.model} is registered by {host.bmc.address}; podyard has no "
        "BMC there, so it cannot read its parts, switch it or boot it",
        "give it the address of its BMC, and its account: podyard host bmc "
        f"{host.name} --address redfish+https://HOST:PORT --fingerprint sha256:DIGITS "
        "--username USER --password-file FILE",
    )
