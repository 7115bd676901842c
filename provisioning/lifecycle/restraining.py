"""What a decision may still become while people hold podyard back.

Three things hold it back: a host is paused, a host is quarantined, or the whole fleet is on hold.
Looking, writing down what is seen and offering less go on under all of them. Something that cannot
be undone and was begun is driven to a known end, for nothing is safer than knowing; nothing new is
begun. A pause and a quarantine also keep the host in its state, so that what a person looks at does
not move; a fleet hold only keeps hosts from being started.

Pure, and applied to every decision at one place, so that no decider can forget it.
"""

from __future__ import annotations

from inventory.model import Host
from inventory.states import HostState
from provisioning.lifecycle.actions import (
    EraseDrive,
    NoteLeak,
    RecordConfigured,
    RecordDoubt,
    RecordDrivesRead,
    RecordFacts,
    RecordFindings,
    RecordIdentity,
    RecordInspection,
    RecordMismatches,
    RecordUnerased,
    SettleByHand,
    SettleInBand,
    StopLoad,
    Suspend,
    UpdateFirmware,
    WithdrawUnit,
)
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Wait, Wanted

HARMLESS = (
    RecordIdentity,
    RecordFindings,
    RecordFacts,
    RecordMismatches,
    RecordInspection,
    RecordConfigured,
    RecordDrivesRead,
    RecordUnerased,
    SettleByHand,
    SettleInBand,
    NoteLeak,
    RecordDoubt,
    StopLoad,
    Suspend,
    WithdrawUnit,
)
"""What may always be done: write down what is seen or said, and offer less."""

RECHECK_S = 15.0  # whoever lets go wakes the hosts; this only bounds a lost wake-up


def held_back(host: Host, *, hold: str = "") -> str:
    """Why nothing new may be begun on this host; empty when it may."""
    if host.quarantine:
        return f"quarantined: {host.quarantine}; podyard host retry {host.name} ends it"
    if host.paused:
        return f"paused: {host.paused}; podyard host resume {host.name} lets it go on"
    return hold


def restrain(decision: Decision, host: Host, wanted: Wanted, *, hold: str = "") -> Decision:
    """The decision as far as it may be carried out now."""
    why = held_back(host, hold=hold)
    if not why:
        return decision
    match decision:
        case Hold():
            return decision
        case Wait(_, recheck_after_s, _, notice):
            return Wait(why, recheck_after_s, others=True, notice=notice)
        case Do(action) if isinstance(action, HARMLESS) or was_begun(action, wanted):
            return decision
        case Advance(to) if not (host.paused or host.quarantine) and to is not HostState.PREPARING:
            return decision
        case _:
            return Wait(why, RECHECK_S, others=True)


def was_begun(action: object, wanted: Wanted) -> bool:
    """What cannot be undone and was begun: it is driven to a known end under every restraint."""
    return isinstance(action, UpdateFirmware | EraseDrive) and action.step in wanted.open_steps


def set_apart_first(host: Host) -> Do | None:
    """A quarantined host leaves the offer before it is left alone; whoever holds it keeps it."""
    if host.quarantine and host.certificate_id:
        return Do(WithdrawUnit(), f"quarantined: {host.quarantine}")
    return None
