"""Matching: is the host built as its slot's type says, and may the pod's bring-up start it?"""

from __future__ import annotations

from inventory.model import Host
from inventory.states import HostState
from pods.match import critical, match
from provisioning.lifecycle.decision import Advance, Decision, Hold, Look, Seen, Wait, Wanted

LOOK = Look.NOTHING
APPROVAL_RECHECK_S = 60.0  # `pod up` wakes the hosts at once
CANARY_RECHECK_S = 1.0


def decide_matching(host: Host, _seen: Seen, wanted: Wanted) -> Decision:
    """Park a host that is built wrong; start one that is right when its turn has come."""
    if host.facts is None:
        return Advance(HostState.INSPECTING, "no facts on record")
    wrong = critical(match(wanted.host_type, host.facts))
    if wrong:
        return Hold(
            "spec-mismatch",
            "; ".join(f"{m.path}: wanted {m.wanted}, found {m.found}" for m in wrong),
            f"{wrong[0].remedy}: podyard host retry {host.name}",
        )
    if wanted.brake:
        return Wait(wanted.brake, CANARY_RECHECK_S)
    if not wanted.bring_up:
        return Wait(
            f"matches its spec; waiting for the plan: podyard pod up {host.pod}",
            APPROVAL_RECHECK_S,
        )
    if not wanted.canary_clear:
        return Wait("waiting for the canary wave", CANARY_RECHECK_S)
    return Advance(HostState.PREPARING, "matches its spec")
