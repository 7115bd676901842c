"""Matching looks from every side: parts, place, neighbours, profiles; only what blocks parks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from inventory.states import HostState
from pods.facts import DriveFact, HardwareFacts, PositionFact
from pods.match_finding import Mismatch, blocks, notes, warns
from provisioning.findings import SHOWN_MAX, findings, shortened
from provisioning.lifecycle.actions import RecordFacts, RecordMismatches
from provisioning.lifecycle.decision import (
    Advance,
    Around,
    Decision,
    Do,
    Hold,
    Look,
    Place,
    Wait,
)
from provisioning.lifecycle.inspecting import decide_inspecting, looks_inspecting
from provisioning.lifecycle.matching import decide_matching
from tests.make import NOW, lab, make_facts, make_host, make_seen, make_wanted

SAID: dict[str, Any] = {"meaning": "m", "remedy": "do it"}
SWAP = blocks("cabling.c1+c2", "a", "b", **SAID)
PROFILE = notes("P: Chassis", "there", "not there", **SAID)


def decided(facts: HardwareFacts | None = None, **wanted: Any) -> Decision:
    """What is answered once what was found is on record."""
    whole = make_wanted(**wanted)
    host = make_host(state=HostState.MATCHING, facts=facts or make_facts())
    answer = decide_matching(host, make_seen(), whole)
    if isinstance(answer, Do):
        assert isinstance(answer.action, RecordMismatches)
        assert answer.action.found == findings(host, whole)
        host = host.model_copy(update={"mismatches": answer.action.found})
        answer = decide_matching(host, make_seen(), whole)
    return answer


def test_a_swapped_cable_parks_the_host_although_its_parts_are_right() -> None:
    answer = decided(around=Around((SWAP,), NOW))
    assert isinstance(answer, Hold)
    assert (answer.problem, answer.message) == ("spec-mismatch", str(SWAP))


def test_what_warns_or_notes_is_recorded_and_parks_nobody() -> None:
    rack = lab().racks[0]
    elsewhere = make_facts(position=PositionFact(rack="r9", unit=9))
    place = Place(rack, rack.slots[0])
    answer = decided(elsewhere, place=place, around=Around((warns("x", 1, 2, **SAID),), NOW))
    assert isinstance(answer, Advance)


def test_the_place_is_compared_with_the_slot() -> None:
    rack = lab().racks[0]
    host = make_host(facts=make_facts(position=PositionFact(rack="r9")))
    found = findings(host, make_wanted(place=Place(rack, rack.slots[0])))
    assert [one.path for one in found] == ["position.rack"]


def test_firmware_ahead_of_the_baseline_is_told() -> None:
    host = make_host(facts=make_facts(firmware={"BIOS": "9.0.0", "BMC": "1.8.0"}))
    assert [one.path for one in findings(host, make_wanted())] == ["firmware.BIOS"]


def test_a_host_whose_facts_are_younger_than_the_map_waits_for_the_next() -> None:
    older = NOW - timedelta(seconds=1)
    assert isinstance(decided(around=Around((), older)), Wait)
    assert isinstance(decided(around=Around((), NOW)), Advance)


def test_a_mismatch_that_went_away_leaves_the_record() -> None:
    host = make_host(state=HostState.MATCHING, mismatches=(SWAP,))
    answer = decide_matching(host, make_seen(), make_wanted())
    assert isinstance(answer, Do)
    assert answer.action == RecordMismatches(())


def test_of_thousands_of_findings_the_gravest_are_kept_in_their_order() -> None:
    drives = [notes(f"n{n}", 1, 2, **SAID) for n in range(3 * SHOWN_MAX)]
    found = shortened([*drives, SWAP])
    assert len(found) == SHOWN_MAX
    assert found[-1] == SWAP


def test_profiles_are_only_read_where_the_spec_names_one() -> None:
    host = make_host(state=HostState.INSPECTING)
    assert Look.PROFILES not in looks_inspecting(host, make_wanted(), None, NOW)
    assert Look.PROFILES in looks_inspecting(host, make_wanted(profiles=("P",)), None, NOW)


def inspected(seen: tuple[Mismatch, ...] | None, **host: Any) -> Decision:
    return decide_inspecting(
        make_host(state=HostState.INSPECTING, **host),
        make_seen(facts=make_facts(), conformance=seen),
        make_wanted(profiles=("P",)),
    )


def test_what_a_bmc_misses_of_a_profile_is_recorded_with_the_facts() -> None:
    answer = inspected((PROFILE,))
    assert isinstance(answer, Do)
    assert answer.action == RecordFacts()
    assert isinstance(inspected((PROFILE,), conformance=(PROFILE,)), Advance)
    lacking = make_host(facts=make_facts(), conformance=(PROFILE,))
    assert findings(lacking, make_wanted()) == (PROFILE,)


def test_a_profile_that_nobody_could_check_is_not_taken_for_satisfied() -> None:
    answer = inspected(None)
    assert isinstance(answer, Hold)
    assert answer.problem == "profile-unchecked"


def test_a_place_that_changed_is_recorded_although_no_part_did() -> None:
    """The digest of what was built leaves the place out; the record does not."""
    moved = make_facts(position=PositionFact(unit=7))
    host = make_host(state=HostState.INSPECTING, facts=make_facts())
    answer = decide_inspecting(host, make_seen(facts=moved), make_wanted())
    assert isinstance(answer, Do)


def test_a_drive_too_many_is_told_and_the_host_goes_on() -> None:
    more = make_facts(
        drives=tuple(DriveFact(slot=f"D{n}", model="d", capacity_gib=480) for n in range(2))
    )
    assert isinstance(decided(more), Advance)
