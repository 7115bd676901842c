"""A ready host is watched: what contradicts its certificate is read twice, then suspends it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from inventory.agents import XidSeen
from inventory.model import Problem, SuspendedFor
from inventory.states import HostState, PowerState
from pods.certificate import Predicate
from pods.facts import AcceleratorFact, PowerSupplyFact
from provisioning.lifecycle.actions import RecordInspection, Suspend, WithdrawUnit
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Look, Wait
from provisioning.lifecycle.ready import decide_ready, looks_ready, out_of_sight
from tests.make import NOW, make_agent, make_facts, make_host, make_seen, make_wanted
from tests.unit.provisioning.certified import certified

GPU = AcceleratorFact(slot="GPU.1", model="Lab Accelerator", memory_gib=16, serial="A")
BUILT = make_facts(accelerators=(GPU,))
SWAPPED = make_facts(accelerators=(GPU.model_copy(update={"serial": "B"}),))
FLASHED = BUILT.model_copy(update={"firmware": {**BUILT.firmware, "BIOS": "2.5.0"}})
READY: dict[str, Any] = {
    "state": HostState.READY,
    "certificate_id": "c",
    "facts": BUILT,
    "configured_boot_id": "b1",
    "power": PowerState.ON,
}
LATER = NOW + timedelta(minutes=5)


@pytest.fixture(scope="module")
def said() -> Predicate:
    return certified(BUILT)


def decide(said: Predicate, host: dict[str, Any] | None = None, **seen: Any) -> Decision:
    """What is answered about a certified host; `wanted` among `seen` is what is wanted of it."""
    wanted = {"certified": said, **seen.pop("wanted", {})}
    whole = {"power": PowerState.ON, "agent": make_agent(), **seen}
    return decide_ready(
        make_host(**{**READY, **(host or {})}), make_seen(**whole), make_wanted(**wanted)
    )


def with_xids(*codes: int, at: datetime = LATER) -> Any:
    agent = make_agent()
    assert agent.observed is not None
    xids = tuple(XidSeen(code=code, last_at=at) for code in codes)
    return agent.model_copy(update={"observed": agent.observed.model_copy(update={"xids": xids})})


def suspended(cure: str = "accept", what: str = "x") -> dict[str, Any]:
    cause = SuspendedFor.model_validate(
        {"rule": "part_changed", "what": what, "remedy": "r", "cure": cure, "since": NOW}
    )
    return {"suspended": (cause,)}


def causes(answer: Decision) -> list[str]:
    assert isinstance(answer, Do), answer
    assert isinstance(answer.action, Suspend), answer
    return [str(cause) for cause in answer.action.causes]


@pytest.mark.parametrize("facts", [SWAPPED, FLASHED, make_facts(accelerators=())])
def test_one_strange_answer_of_a_bmc_is_only_read_again(said: Predicate, facts: Any) -> None:
    answer = decide(said, facts=facts)
    assert isinstance(answer, Do)
    assert answer.action == RecordInspection(doubt=True)


def test_a_second_look_at_another_part_suspends_and_names_both(said: Predicate) -> None:
    assert causes(decide(said, {"doubt": SWAPPED.digest()}, facts=SWAPPED)) == [
        "part changed: accelerator GPU.1: A was certified, B is there"
    ]


def test_a_second_look_that_says_something_else_is_no_second_look(said: Predicate) -> None:
    answer = decide(said, {"doubt": FLASHED.digest()}, facts=SWAPPED)
    assert isinstance(answer, Do)
    assert answer.action == RecordInspection(doubt=True)


def test_another_firmware_suspends(said: Predicate) -> None:
    assert causes(decide(said, {"doubt": FLASHED.digest()}, facts=FLASHED)) == [
        "firmware drift: BIOS was certified at 2.4.1, it runs 2.5.0"
    ]


def test_a_host_as_it_was_certified_is_noted_as_read(said: Predicate) -> None:
    answer = decide(said, {"doubt": SWAPPED.digest()}, facts=BUILT)
    assert isinstance(answer, Do)
    assert answer.action == RecordInspection(doubt=False)


def test_a_mismatch_that_only_warns_suspends_nothing(said: Predicate) -> None:
    """More memory protection off, a worn drive: told, and nobody loses a host for it."""
    worn = BUILT.model_copy(
        update={"drives": (BUILT.drives[0].model_copy(update={"life_left_percent": 40.0}),)}
    )
    answer = decide(said, facts=worn)
    assert isinstance(answer, Do)
    assert answer.action == RecordInspection(doubt=False)


def test_a_drain_xid_suspends_at_once_and_a_programs_own_fault_does_not(said: Predicate) -> None:
    assert causes(decide(said, agent=with_xids(79))) == [
        "drain xid: Xid 79 was reported since it was certified"
    ]
    answer = decide(said, agent=with_xids(13, 31, 999))
    assert isinstance(answer, Wait)
    assert answer.reason.startswith("ready; Xid 999: not in the table")
    assert "13" not in answer.reason


def test_an_xid_from_before_the_certificate_is_history(said: Predicate) -> None:
    before = NOW - timedelta(minutes=1)
    assert isinstance(decide(said, agent=with_xids(79, at=before)), Wait)


def test_another_boot_is_accepted_again(said: Predicate) -> None:
    assert causes(decide(said, {"configured_boot_id": "an earlier one"})) == [
        "restarted: the host started again by itself since it was accepted"
    ]


def test_power_that_was_off_and_is_on_again_counts_when_the_agent_is_gone(
    said: Predicate,
) -> None:
    silent = make_agent(seen_at=NOW - timedelta(minutes=5))
    was_off = {"power": PowerState.OFF}
    assert causes(decide(said, was_off, agent=silent))
    assert isinstance(decide(said, was_off, agent=make_agent()), Wait)  # the BMC misread


def test_half_the_supplies_without_input_is_a_lost_feed(said: Predicate) -> None:
    halved = BUILT.model_copy(
        update={
            "power_supplies": tuple(
                PowerSupplyFact(slot=f"PSU{n}", input_status="LossOfInput" if n < 2 else "Normal")
                for n in range(4)
            )
        }
    )
    base = {"facts": halved, "doubt": halved.digest()}
    two = {"wanted": {"feeds": ("a", "b")}}
    assert causes(decide(said, base, facts=halved, **two)) == [
        "feed lost: feed a is without power: the host runs on what is left"
    ]
    answer = decide(said, base, facts=halved, wanted={"feeds": ("a",)})
    assert isinstance(answer, Do)
    assert answer.action == RecordInspection(doubt=False)


def test_what_is_written_down_is_not_written_again(said: Predicate) -> None:
    what = "accelerator GPU.1: A was certified, B is there"
    answer = decide(
        said,
        {"doubt": SWAPPED.digest()},
        facts=SWAPPED,
        wanted=suspended(what=what),
    )
    assert isinstance(answer, Advance)
    assert answer.to is HostState.DRAINING
    assert what in answer.reason


def test_a_part_to_replace_waits_for_hands(said: Predicate) -> None:
    answer = decide(said, wanted=suspended("person"))
    assert isinstance(answer, Hold)
    assert "podyard host repair r1-h1" in answer.remedy


def test_a_lost_feed_is_waited_for_before_it_is_accepted_again(said: Predicate) -> None:
    dark = tuple(PowerSupplyFact(slot=f"PSU{n}", input_status="LossOfInput") for n in range(2))
    lost = BUILT.model_copy(update={"power_supplies": dark})
    wanted = {**suspended("wait", "feed a or b is without power: the host runs on what is left")}
    wanted["suspended"] = (wanted["suspended"][0].model_copy(update={"rule": "feed_lost"}),)
    feeds = {**wanted, "feeds": ("a", "b")}
    assert isinstance(decide(said, {"facts": lost}, facts=lost, wanted=feeds), Wait)
    answer = decide(said, {"facts": BUILT}, facts=BUILT, wanted=feeds)
    assert isinstance(answer, Advance)


def looked(minutes: float, **host: Any) -> Look:
    return looks_ready(
        make_host(**{**READY, **host}), make_wanted(), None, NOW + timedelta(minutes=minutes)
    )


def turns(host_id: str) -> Iterator[int]:
    return (m for m in range(16) if Look.FACTS in looked(m, id=host_id))


def test_the_whole_hardware_is_read_within_every_period_and_not_in_one_minute() -> None:
    firsts = [next(turns(f"host-{n}")) for n in range(60)]
    assert all(first <= 15 for first in firsts)
    assert len(set(firsts)) > 8


def test_after_a_reading_the_next_is_a_period_later() -> None:
    first = next(turns("host-1"))
    done = NOW + timedelta(minutes=first)
    assert Look.FACTS not in looked(first + 1, inspected_at=done)
    assert Look.FACTS in looked(first + 16, inspected_at=done)


def test_a_doubt_asks_at_once() -> None:
    assert Look.FACTS not in looked(0)
    assert Look.FACTS in looked(0, doubt="sha256:1")


# Power that is away, and agents that say nothing


def quiet(seconds: float) -> Any:
    return make_agent().model_copy(update={"seen_at": NOW - timedelta(seconds=seconds)})


def trouble(kind: str, *, since_s: float) -> Problem:
    since = NOW - timedelta(seconds=since_s)
    return Problem(kind=kind, message="x", since=since, next_at=NOW)


def test_a_host_found_off_is_shown_and_looked_at_again(said: Predicate) -> None:
    """It stayed parked for ever, also when its power came back."""
    off = {"power": PowerState.OFF, "certificate_id": ""}
    answer = decide(said, off, power=PowerState.OFF)
    assert isinstance(answer, Wait)
    assert answer.notice is not None
    assert answer.notice.kind == "power-lost"


def test_power_that_comes_back_leads_to_another_acceptance(said: Predicate) -> None:
    back = decide(said, {"power": PowerState.OFF, "certificate_id": ""}, power=PowerState.ON)
    assert isinstance(back, Advance)
    assert back.to is HostState.DRAINING


def test_power_is_only_restored_where_the_policy_says_so(said: Predicate) -> None:
    off = {"power": PowerState.OFF, "certificate_id": ""}
    answer = decide(said, off, power=PowerState.OFF, wanted={"restore_power": True})
    assert isinstance(answer, Advance)
    assert answer.to is HostState.DRAINING


@pytest.mark.parametrize("seconds", [0.0, 20.0, 89.0])
def test_an_agent_that_missed_a_few_calls_is_nothing(said: Predicate, seconds: float) -> None:
    answer = decide(said, agent=quiet(seconds))
    assert isinstance(answer, Wait)
    assert answer.notice is None


def test_a_silent_agent_with_power_on_is_shown(said: Predicate) -> None:
    answer = decide(said, agent=quiet(120))
    assert isinstance(answer, Wait)
    assert answer.notice is not None
    assert answer.notice.kind == "agent-silent"


def test_long_silence_takes_the_host_out_of_the_offer_and_evicts_nobody(said: Predicate) -> None:
    known = {"problem": trouble("agent-silent", since_s=250)}
    answer = decide(said, known, agent=quiet(400), wanted={"unit_free": False})
    assert isinstance(answer, Do)
    assert isinstance(answer.action, WithdrawUnit)


@pytest.mark.parametrize(
    "problem", [None, trouble("agent-silent", since_s=10), trouble("bmc-busy", since_s=900)]
)
def test_after_an_outage_of_our_own_silence_must_last(said: Predicate, problem: Any) -> None:
    """Every agent was last heard before the outage: that says nothing of any of them."""
    answer = decide(said, {"problem": problem}, agent=quiet(3600))
    assert isinstance(answer, Wait)


def test_a_host_of_which_nobody_hears_anything_leaves_the_offer(said: Predicate) -> None:
    del said
    host = make_host(**{**READY, "problem": trouble("bmc-unreachable", since_s=400)})
    assert out_of_sight(host, quiet(400), NOW)
    assert not out_of_sight(host, quiet(20), NOW)  # its agent speaks: only the BMC is away
    fresh = host.model_copy(update={"problem": trouble("bmc-unreachable", since_s=60)})
    assert not out_of_sight(fresh, quiet(400), NOW)
    assert not out_of_sight(host.model_copy(update={"certificate_id": ""}), quiet(400), NOW)
