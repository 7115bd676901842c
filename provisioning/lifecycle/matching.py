"""Matching: is the host built, placed and cabled as its spec says, and may the bring-up start it?

Only what blocks parks. Whatever else was found is on the record, for whoever asks.
"""

from __future__ import annotations

from inventory.model import Host
from inventory.states import HostState
from pods.facts import HardwareFacts
from pods.match import critical
from provisioning.findings import findings, message_of
from provisioning.lifecycle.actions import RecordMismatches
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Look, Seen, Wait, Wanted
from provisioning.lifecycle.erasing import names_of
from provisioning.lifecycle.skipping import has_skipped
from provisioning.power.inputs import is_only_the_feed

LOOK = Look.NOTHING
APPROVAL_RECHECK_S = 60.0  # `pod up` wakes the hosts at once
CANARY_RECHECK_S = 120.0  # who waits is woken when the way is free; this bounds a lost wake-up
FEED_RECHECK_S = 300.0  # its whole hardware is read each time
AROUND_RECHECK_S = 0.5  # a map of ten thousand hosts is drawn every ten seconds


def decide_matching(host: Host, seen: Seen, wanted: Wanted) -> Decision:
    """Park a host that is built wrong; start one that is right when its turn has come."""
    if host.facts is None:
        return Advance(HostState.INSPECTING, "no facts on record")
    if wanted.around.as_of is not None and wanted.around.as_of < host.facts.observed_at:
        return Wait("waiting for a look at the whole pod", AROUND_RECHECK_S, others=True)
    found = findings(host, wanted)
    if found != host.mismatches:
        return Do(RecordMismatches(found), "compared with its spec, its place and its neighbours")
    wrong = critical(found)
    if wrong and is_only_the_feed(wrong, host.facts, wanted.feeds):
        if seen.age_s(host.facts.observed_at) >= FEED_RECHECK_S:
            return Advance(HostState.INSPECTING, "looks whether its feed is back")
        why = "waiting for power: half of its supplies have no input"
        return Wait(why, FEED_RECHECK_S, others=True)
    if wrong:
        return Hold(
            "spec-mismatch",
            message_of(wrong),
            f"{wrong[0].remedy}: podyard host retry {host.name}",
        )
    return _unerased(host, host.facts, wanted) or _in_turn(host, wanted)


def _unerased(host: Host, facts: HardwareFacts, wanted: Wanted) -> Hold | None:
    """A drive that the last cleaning left as it was is nobody else's to read."""
    drives = {drive.serial for drive in facts.drives}
    left = [one for one in wanted.unerased if one.serial in drives]
    if not left:
        return None
    return Hold(
        "drive-not-erased",
        f"it may hold what a tenant wrote: {names_of(left)}",
        f"pull the drive, or replace it, then podyard host retry {host.name}",
    )


def _in_turn(host: Host, wanted: Wanted) -> Decision:
    """It is built right: it starts when its bring-up lets it."""
    if wanted.brake:
        return Wait(wanted.brake, CANARY_RECHECK_S, others=True)
    if not wanted.bring_up:
        return Wait(
            f"matches its spec; waiting for the plan: podyard pod up {host.pod}",
            APPROVAL_RECHECK_S,
            others=True,
        )
    if has_skipped(host, "canary"):
        return Advance(HostState.PREPARING, "matches its spec; a person did not wait for others")
    if not wanted.canary_clear:
        return Wait("waiting for the canary wave", CANARY_RECHECK_S, others=True)
    if wanted.trial_waits:
        return Wait(wanted.trial_waits, CANARY_RECHECK_S, others=True)
    return Advance(HostState.PREPARING, "matches its spec")
