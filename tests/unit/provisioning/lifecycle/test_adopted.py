"""A host without a BMC: its agent is started, its spec may not ask for more, a person clears it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inventory.model import Host, Problem, Skipped
from inventory.states import HostState, PowerState
from inventory.verbs import NotNow, Verb, Wish, fields_of, retried
from provisioning.lifecycle.actions import (
    ForgetBoot,
    MakeBootMedium,
    RecordFacts,
    ReservePower,
    StartAgent,
)
from provisioning.lifecycle.adopted import STARTING_S, as_its_agent_tells
from provisioning.lifecycle.booting import decide_booting
from provisioning.lifecycle.cleaning import decide_cleaning
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Seen, Wait
from provisioning.lifecycle.inspecting import decide_inspecting
from provisioning.lifecycle.preparing import decide_preparing
from provisioning.lifecycle.steering import steer
from tests.make import NOW, make_agent, make_boot, make_facts, make_host, make_wanted

PLAIN = make_wanted(firmware=(), bios={}, planned_updates=frozenset())
FACTS = make_facts().model_copy(update={"source": "ssh"})


def adopted(**changes: Any) -> Host:
    access = make_host().bmc.model_copy(update={"address": "ssh://10.0.0.7"})
    return make_host(**{"bmc": access, "facts": FACTS, "state": HostState.INSPECTING, **changes})


def seen(**changes: Any) -> Seen:
    return Seen(**{"now": NOW, "facts": FACTS, "power": PowerState.UNKNOWN, **changes})


def inspected(host: Host, look: Seen, wanted: Any = PLAIN) -> Decision:
    return decide_inspecting(host, look, wanted)


def test_it_is_handed_a_boot_document_once_and_goes_on_with_its_agent_s_report() -> None:
    made, handed = make_boot(), make_boot(powered_at=NOW)
    assert inspected(adopted(facts=None), seen()) == Do(RecordFacts(), "hardware read over Redfish")
    assert isinstance(inspected(adopted(), seen()), Do)
    assert inspected(adopted(boot=made), seen()) == Do(
        StartAgent(), "its agent has not heard of this boot document"
    )
    assert isinstance(inspected(adopted(boot=handed), seen()), Wait)
    earlier = make_agent(media_id="of an earlier boot")
    assert isinstance(inspected(adopted(boot=handed), seen(agent=earlier)), Wait)
    done = inspected(adopted(boot=handed), seen(agent=make_agent()))
    assert done == Advance(HostState.MATCHING, "facts recorded")


def test_an_agent_that_does_not_come_is_started_three_times_and_then_a_person_looks() -> None:
    late = NOW + timedelta(seconds=STARTING_S + 1)
    for tries in (1, 2):
        host = adopted(boot=make_boot(powered_at=NOW, tries=tries))
        again = inspected(host, seen(now=late))
        assert isinstance(again, Do)
        assert again.action == MakeBootMedium(tries + 1)
    host = adopted(boot=make_boot(powered_at=NOW, tries=3))
    told = inspected(host, seen(now=late))
    assert isinstance(told, Hold)
    assert (told.problem, "journalctl -u podyard-agent" in told.remedy) == ("no-agent", True)
    problem = Problem(kind="no-agent", message="", since=NOW)
    parked = host.model_copy(update={"problem": problem})
    assert retried(parked, NOW)["boot"] is None


@pytest.mark.parametrize(
    ("asked", "named"),
    [({"bios": {"BootMode": "Uefi"}}, "a BIOS profile"), ({"firmware": None}, "BIOS 2.4.1")],
)
def test_a_spec_that_wants_what_nobody_can_read_parks_it(asked: dict[str, Any], named: str) -> None:
    if "firmware" in asked:
        asked = {"firmware": make_wanted().firmware}
    told = inspected(adopted(), seen(), make_wanted(**{"firmware": (), "bios": {}, **asked}))
    assert isinstance(told, Hold)
    assert told.problem == "no-bmc"
    assert named in told.message


def test_it_is_neither_flashed_nor_booted_and_its_watts_are_counted() -> None:
    on = make_boot(powered_at=NOW)
    prepared = decide_preparing(adopted(state=HostState.PREPARING), seen(), PLAIN)
    assert isinstance(prepared, Advance)
    assert prepared.to is HostState.BOOTING
    host = adopted(state=HostState.BOOTING, boot=on)
    held = decide_booting(host, seen(agent=make_agent()), PLAIN)
    assert isinstance(held, Do)
    assert isinstance(held.action, ReservePower)
    reserved = host.model_copy(update={"reserved_watts": held.action.watts})
    done = decide_booting(reserved, seen(agent=make_agent()), PLAIN)
    assert done == Advance(HostState.CONFIGURING, "its agent reported")


def test_what_ran_on_it_a_person_vouches_for_and_nobody_skips_it_elsewhere() -> None:
    ran = adopted(state=HostState.CLEANING, boot=make_boot(powered_at=NOW), reserved_watts=450)
    told = decide_cleaning(ran, seen(), PLAIN)
    assert isinstance(told, Hold)
    assert f"podyard host skip {ran.name} --why" in told.remedy
    problem = Problem(kind=told.problem, message="", since=NOW)
    wish = Wish(Verb.SKIP, by="jane", at=NOW, why="installed anew")
    said = fields_of(wish, ran.model_copy(update={"problem": problem}))
    assert not isinstance(said, NotNow)
    assert isinstance(said["skipped"], Skipped)
    elsewhere = ran.model_copy(update={"problem": problem, "state": HostState.INSPECTING})
    assert isinstance(fields_of(wish, elsewhere), NotNow)

    vouched = ran.model_copy(update={"skipped": said["skipped"]})
    back = decide_cleaning(vouched, seen(), PLAIN)
    assert isinstance(back, Do)
    assert isinstance(back.action, ReservePower)
    resting = vouched.model_copy(update={"reserved_watts": back.action.watts})
    assert decide_cleaning(resting, seen(), PLAIN) == Do(
        ForgetBoot(), "a person says that it is clean"
    )
    forgotten = resting.model_copy(update={"boot": None})
    assert decide_cleaning(forgotten, seen(), PLAIN) == Advance(HostState.ENROLLED, "clean")


def test_one_on_which_nothing_ran_needs_nobody_and_may_be_retired_though_it_is_on() -> None:
    fresh = adopted(state=HostState.CLEANING, reserved_watts=20)
    assert decide_cleaning(fresh, seen(), PLAIN) == Advance(HostState.ENROLLED, "clean")
    gone = adopted(state=HostState.ENROLLED, target="retired")
    assert steer(gone, PLAIN) is None


def test_who_it_is_tells_ssh_and_what_is_in_it_its_agent() -> None:
    bare = FACTS.model_copy(update={"accelerators": (), "memory": (), "drives": ()})
    other = make_facts().model_copy(update={"serial": "another", "source": "agent"})
    told = as_its_agent_tells(bare, other)
    assert (told.serial, told.source) == (FACTS.serial, "ssh")
    assert told.accelerators == other.accelerators
    assert as_its_agent_tells(bare, None) == bare
