"""Repairing: a person has the host. Retry sends it back to the beginning."""

from __future__ import annotations

from inventory.model import Host
from provisioning.lifecycle.decision import Decision, Look, Seen, Wait, Wanted

LOOK = Look.NOTHING
RECHECK_S = 300.0


def decide_repairing(_host: Host, _seen: Seen, _wanted: Wanted) -> Decision:
    """Nothing happens to a host that a person works on."""
    return Wait("a person works on it; podyard host retry when it is done", RECHECK_S)
