"""Draining: the host's units are out of the offer; their claims are given time to end."""

from __future__ import annotations

from datetime import datetime

from inventory.model import AgentSeen, Host
from inventory.states import HostState
from provisioning.lifecycle.actions import WithdrawUnit
from provisioning.lifecycle.decision import Advance, Decision, Do, Look, Seen, Wait, Wanted
from provisioning.lifecycle.turns import is_its_turn

LOOK = Look.NOTHING
RECHECK_S = 5.0
POWER_EVERY_S = 60  # it is its tenant's, and only shown


def looks_draining(host: Host, wanted: Wanted, _agent: AgentSeen | None, now: datetime) -> Look:
    """Whether a host that a claim still holds has its power."""
    turn = is_its_turn(host, now, every_s=POWER_EVERY_S, for_s=RECHECK_S)
    return Look.POWER if turn and not wanted.unit_free else LOOK


def decide_draining(host: Host, _seen: Seen, wanted: Wanted) -> Decision:
    """Withdraw first, so that no new claim lands; then wait for the claim that is there."""
    if host.certificate_id:
        return Do(WithdrawUnit(), "nothing new may be placed here")
    if not wanted.unit_free:
        return Wait("a claim still holds this host's unit", RECHECK_S, others=True)
    return Advance(HostState.CLEANING, "no claim holds it")
