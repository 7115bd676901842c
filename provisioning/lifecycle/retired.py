"""Retired: the end. The record stays for its history."""

from __future__ import annotations

from inventory.model import Host
from provisioning.lifecycle.decision import Decision, Look, Seen, Wait, Wanted

LOOK = Look.NOTHING
RECHECK_S = 86400.0


def decide_retired(_host: Host, _seen: Seen, _wanted: Wanted) -> Decision:
    """Nothing is ever done to a retired host."""
    return Wait("retired", RECHECK_S)
