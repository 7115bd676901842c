"""Repairing: a person has the host. It leaves for where it is wanted next.

Whoever worked on it may have changed anything, so nothing that was learned before counts: the boot
is forgotten, the unit withdrawn, and a host that comes back registers anew. What tenants left on it
is no matter of the repair: a host that came here before it was cleaned is cleaned first.
"""

from __future__ import annotations

from inventory.model import Host
from inventory.states import HostState
from provisioning.lifecycle.actions import ForgetBoot, WithdrawUnit
from provisioning.lifecycle.decision import Advance, Decision, Do, Look, Seen, Wait, Wanted

LOOK = Look.NOTHING
RECHECK_S = 300.0
CLAIM_RECHECK_S = 5.0


def decide_repairing(host: Host, _seen: Seen, wanted: Wanted) -> Decision:
    """Nothing happens to the hardware of a host that a person works on."""
    if host.certificate_id:
        return Do(WithdrawUnit(), "nothing new may be placed here")
    if not wanted.unit_free:
        return Wait(
            "a claim still holds this host's unit: do not touch it yet",
            CLAIM_RECHECK_S,
            others=True,
        )
    match host.target:
        case "repairing":
            why = f" ({host.maintenance})" if host.maintenance else ""
            return Wait(
                f"a person works on it{why}; podyard host retry {host.name} when it is done",
                RECHECK_S,
            )
        case "ready" if host.uncleaned:
            return Advance(HostState.CLEANING, "repaired; what tenants left is still on it")
        case "ready" if host.boot is not None or host.configured_boot_id or host.acceptance_order:
            return Do(ForgetBoot(), "the repair ended whatever ran")
        case "ready":
            return Advance(HostState.REGISTERING, "repaired")
        case _:
            return Advance(HostState.CLEANING, f"wanted {host.target}")
