"""Draining: the host's units are out of the offer; their claims are given time to end."""

from __future__ import annotations

from inventory.model import Host
from inventory.states import HostState
from provisioning.lifecycle.actions import WithdrawUnit
from provisioning.lifecycle.decision import Advance, Decision, Do, Look, Seen, Wait, Wanted

LOOK = Look.NOTHING
RECHECK_S = 5.0


def decide_draining(host: Host, _seen: Seen, wanted: Wanted) -> Decision:
    """Withdraw first, so that no new claim lands; then wait for the claim that is there."""
    if host.certificate_id:
        return Do(WithdrawUnit(), "nothing new may be placed here")
    if not wanted.unit_free:
        return Wait("a claim still holds this host's unit", RECHECK_S, others=True)
    return Advance(HostState.CLEANING, "no claim holds it")
