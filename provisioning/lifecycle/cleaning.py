"""Cleaning: between tenants nothing may be left. Memory-booted hosts lose all with their power.

What drives hold is `provisioning.lifecycle.erasing`'s, where the spec says how they are erased.
"""

from __future__ import annotations

from datetime import datetime

from inventory.model import AgentSeen, Host
from inventory.states import HostState
from provisioning.drivers.protocol import BmcIdentity, TaskPhase
from provisioning.lifecycle import erasing
from provisioning.lifecycle.actions import CertifyErasure, SettleByHand
from provisioning.lifecycle.adopted import decide_left, is_adopted
from provisioning.lifecycle.bootnic import look_at_nics
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Look, Seen, Wait, Wanted
from provisioning.lifecycle.erasing import decide_erasing, decide_reading, names_of, retired
from provisioning.lifecycle.resting import to_rest
from provisioning.lifecycle.skipping import has_skipped

LOOK = Look.IDENTITY | Look.POWER | Look.BOOT | Look.FIRMWARE
RECHECK_S = 1.0


def decide_cleaning(host: Host, seen: Seen, wanted: Wanted) -> Decision:
    """Off, medium out, record cleared, power given back."""
    identity = seen.identity
    if identity is not None and not _same(host, identity):
        return Hold(
            "wrong-host",
            f"the BMC at {host.bmc.address} reports serial {identity.serial}, UUID "
            f"{identity.uuid}; recorded {host.serial}, {host.uuid}: nothing was changed",
            f"correct the record: podyard host bmc {host.name} --address or --serial, then "
            f"podyard host retry {host.name}; or podyard host forget {host.name}",
        )
    if is_adopted(host):
        return decide_left(host, wanted)
    return (
        _unsettled(host, seen, wanted)
        or decide_reading(host, seen, wanted)
        or to_rest(host, seen, wanted)
        or decide_erasing(host, seen, wanted)
        or _certified(wanted)
        or _clean(wanted)
    )


def _unsettled(host: Host, seen: Seen, wanted: Wanted) -> Decision | None:
    """An update in flight outranks everything: power is its life."""
    erases = {one.task for one in wanted.erasures if one.task}
    if any(t.phase is TaskPhase.RUNNING and t.uri not in erases for t in seen.tasks):
        return Wait("a firmware update is running: it must not lose its power", RECHECK_S)
    if wanted.open_steps and has_skipped(host, "update"):
        return Do(SettleByHand(), "a person says how it ended")
    if updates := sorted(step for step in wanted.open_steps if step.startswith("firmware:")):
        return Hold(
            "update-unsettled",
            f"{', '.join(updates)} was begun and nobody knows how it ended",
            f"look at the BMC's firmware versions; podyard host want {host.name} ready settles it, "
            f"or say how it ended: podyard host skip {host.name} --why TEXT",
        )
    return None


def _certified(wanted: Wanted) -> Decision | None:
    """What became of the drives is signed before anybody else may have the host."""
    if wanted.erase is None or not wanted.erasures or wanted.erasure_certified:
        return None
    return Do(CertifyErasure(), "what became of its drives is to be signed")


def _clean(wanted: Wanted) -> Advance:
    left = retired(wanted)
    return Advance(HostState.ENROLLED, f"clean but for {names_of(left)}" if left else "clean")


def looks_cleaning(_host: Host, wanted: Wanted, _agent: AgentSeen | None, _now: datetime) -> Look:
    """The drives too, where the spec wants them erased."""
    return LOOK | erasing.LOOK | look_at_nics(wanted) if wanted.erase is not None else LOOK


def _same(host: Host, identity: BmcIdentity) -> bool:
    """A host may come here before it was ever registered: then it has no UUID on record."""
    return identity.serial == host.serial and (not host.uuid or identity.uuid == host.uuid)
