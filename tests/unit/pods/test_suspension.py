"""Suspension: its rules, each with what happened and what to do; the unseen suspends nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pods import catalogue
from pods.acceptance import Measurement
from pods.certificate import HostReference, Predicate, issue, verify
from pods.facts import HardwareFacts, LeakDetectorFact
from pods.keys import SigningKey
from pods.suspension import Observation, suspensions

MakeFacts = Callable[..., HardwareFacts]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DRAINS = frozenset({48, 79})


@pytest.fixture
def said(make_facts: MakeFacts) -> Predicate:
    lab, facts = catalogue.load("lab-4"), make_facts()
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32)), "production")
    raw = issue(
        lab,
        pod="lab",
        unit="u",
        host=HostReference(name="h1", slot="r1-h1", serial=facts.serial, uuid=facts.uuid),
        facts=facts,
        measurements=[
            Measurement(test=floor.test, value=1.0, reference=1.0)
            for floor in lab.acceptance.floors
        ],
        key=key,
        now=NOW,
    ).to_bytes()
    return verify(raw, ring=key.ring(), now=NOW).predicate


def rules(said: Predicate, certified: HardwareFacts | None, **seen: Any) -> list[str]:
    found = suspensions(said, Observation(**seen), drain_xids=DRAINS, certified=certified)
    assert all(one.what and one.remedy for one in found)
    return [one.rule for one in found]


def test_a_host_as_it_was_certified_stands(said: Predicate, make_facts: MakeFacts) -> None:
    later = make_facts(observed_at=datetime(2026, 4, 1, tzinfo=UTC), source="agent")
    assert rules(said, make_facts(), facts=later) == []


def test_what_could_not_be_looked_at_suspends_nothing(
    said: Predicate, make_facts: MakeFacts
) -> None:
    assert rules(said, make_facts()) == []


def test_liquid_at_a_detector_waits_for_a_person_and_a_little_of_it_only_warns(
    said: Predicate, make_facts: MakeFacts
) -> None:
    def told(state: str) -> list[str]:
        wet = make_facts(leak_detectors=(LeakDetectorFact(slot="tray", state=state),))
        found = suspensions(said, Observation(facts=wet), drain_xids=DRAINS, certified=wet)
        assert all(one.cure == "person" for one in found)
        return [str(one) for one in found]

    assert told("Critical") == ["leak: leak detector tray sees liquid"]
    assert told("Warning") == told("OK") == told("") == []


def test_a_changed_part_is_named_with_its_place(said: Predicate, make_facts: MakeFacts) -> None:
    before = make_facts()
    gone = make_facts(memory=before.memory[:3])
    found = suspensions(said, Observation(facts=gone), drain_xids=DRAINS, certified=before)
    assert [one.rule for one in found] == ["part_changed"]
    assert "memory DIMM.4: 16 GiB was certified, nothing is there" in str(found[0])


def test_another_host_in_the_slot_is_one_change_not_a_hundred(
    said: Predicate, make_facts: MakeFacts
) -> None:
    other = make_facts(serial="LAB0002", memory=())
    assert rules(said, make_facts(), facts=other) == ["part_changed"]


def test_a_link_that_is_down_is_no_changed_part(said: Predicate, make_facts: MakeFacts) -> None:
    before = make_facts()
    down = tuple(nic.model_copy(update={"link_up": False}) for nic in before.nics)
    assert rules(said, before, facts=make_facts(nics=down)) == []


def test_firmware_that_drifted_either_way_suspends(said: Predicate, make_facts: MakeFacts) -> None:
    newer = make_facts(firmware={"BIOS": "9.9", "BMC": "1.8.0"})
    assert rules(said, None, facts=newer) == ["firmware_drift"]
    unreported = make_facts(firmware={"BIOS": "2.4.1"})
    assert rules(said, None, facts=unreported) == ["firmware_drift"]


def test_only_xids_of_the_sites_policy_suspend(said: Predicate, make_facts: MakeFacts) -> None:
    assert rules(said, None, xids=(13, 43)) == []
    found = suspensions(said, Observation(xids=(79, 13, 79)), drain_xids=DRAINS)
    assert [str(one) for one in found] == ["drain xid: Xid 79 was reported since it was certified"]


def test_a_lost_feed_suspends_and_everything_wrong_is_named_at_once(
    said: Predicate, make_facts: MakeFacts
) -> None:
    worse = make_facts(firmware={}, drives=())
    assert rules(said, make_facts(), facts=worse, xids=(48,), feeds_lost=("a",)) == [
        "part_changed",
        "firmware_drift",
        "firmware_drift",
        "drain_xid",
        "feed_lost",
    ]
