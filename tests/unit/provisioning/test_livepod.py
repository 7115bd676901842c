"""A pod that is kept up host by host says what one that is read whole says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from inventory.model import Host, Problem
from inventory.states import HostState, PowerState
from pods.facts import PositionFact
from pods.plan import PlannedHost, plan_bring_up
from provisioning.admission import Admitted, admit, draw_ledger, wiring_of
from provisioning.livepod import LivePod
from provisioning.poddesign import design_of
from provisioning.rooms import PROMISED, Rooms
from tests.make import NOW, lab, make_boot, make_facts, make_host, make_pod

SLOTS = [slot.slot for _, slot in lab().slots()]
PLAN = plan_bring_up(lab(), pod="lab", hosts=[PlannedHost(name=s, slot=s) for s in SLOTS])
POD = make_pod(plan=PLAN, bring_up="running")
PARKED = Problem(kind="boot-failed", message="m", since=NOW)
LATE = Problem(kind="bmc-unreachable", message="m", since=NOW, next_at=NOW)
STARTING = 1200


def host(slot: str, **fields: Any) -> Host:
    whole = {"id": slot, "name": slot, "slot": slot, "serial": slot, "state": HostState.BOOTING}
    return make_host(**{**whole, **fields})


def live(*hosts: Host) -> LivePod:
    made = LivePod(POD, design_of(POD))
    made.read(hosts, there={host.id for host in hosts}, at=NOW)
    return made


CHANGES = st.fixed_dictionaries(
    {
        "slot": st.sampled_from(SLOTS),
        "state": st.sampled_from(list(HostState)),
        "power": st.sampled_from(list(PowerState)),
        "target": st.sampled_from(["ready", "enrolled"]),
        "reserved_watts": st.sampled_from([20, 700, STARTING]),
        "boot": st.sampled_from([None, make_boot(), make_boot(powered_at=NOW)]),
        "problem": st.sampled_from([None, PARKED, LATE, LATE.model_copy(update={"seen": 5})]),
    }
)


@given(st.lists(CHANGES, max_size=30))
def test_what_is_noted_one_by_one_is_what_is_read_at_once(changes: list[dict[str, Any]]) -> None:
    one_by_one, hosts = live(), dict[str, Host]()
    for version, fields in enumerate(changes, start=1):
        fresh = host(**fields, version=version)
        hosts[fresh.name] = fresh
        one_by_one.note(fresh)
        one_by_one.ledger.first_due("a")
        assert isinstance(one_by_one.brake, str)
    at_once = live(*hosts.values())
    drawn = draw_ledger(list(hosts.values()), wiring_of(lab()), PLAN)
    assert one_by_one.ready == at_once.ready
    assert one_by_one.brake == at_once.brake
    assert one_by_one.gates == at_once.gates
    for ledger in (one_by_one.ledger, at_once.ledger):
        assert ledger.held == drawn.held
        assert ledger.first_due("a") == drawn.first_due("a")
        assert ledger.trial_due == drawn.trial_due
        assert {line: round(watts) for line, watts in ledger.carried.items()} == {
            line: round(watts) for line, watts in drawn.carried.items()
        }


def test_what_was_read_late_does_not_undo_what_was_noted_since() -> None:
    pod = live(host(SLOTS[0]))
    pod.note(host(SLOTS[0], state=HostState.READY, version=7))
    pod.read([host(SLOTS[0], version=6)], there={SLOTS[0]}, at=NOW)
    assert pod.ready == {SLOTS[0]}


def test_a_host_that_is_gone_holds_nothing() -> None:
    pod = live(*(host(slot, reserved_watts=STARTING) for slot in SLOTS))
    pod.read([], there={SLOTS[0]}, at=NOW)
    assert pod.ledger.held == {SLOTS[0]: STARTING}
    assert sum(pod.ledger.carried.values()) == STARTING


def test_supposing_leaves_no_trace() -> None:
    ledger = live(*(host(slot) for slot in SLOTS)).ledger
    before = dict(ledger.carried), dict(ledger.held)
    with ledger.supposing([(host(SLOTS[0]), 3600)]):
        assert not isinstance(admit(ledger, host(SLOTS[0]), 4000), Admitted)
    assert (ledger.carried, ledger.held) == before


def test_findings_are_drawn_again_only_for_facts_that_came_since() -> None:
    pod = live(*(host(slot) for slot in SLOTS))
    assert pod.may_draw(NOW)
    pod.draw(NOW)
    later = NOW + timedelta(seconds=9)
    assert not pod.may_draw(later)
    assert pod.as_of == later
    facts = make_facts(observed_at=later, position=PositionFact(chassis_slot=1))
    pod.note(host(SLOTS[1], facts=facts, version=2))
    assert not pod.may_draw(NOW)  # a pause between two, by the size of the pod
    assert pod.may_draw(later)


def running(slot: str, watts: int, **fields: Any) -> Host:
    return host(
        slot, state=HostState.ACCEPTING, power=PowerState.ON, reserved_watts=watts, **fields
    )


def waiting_beside(*others: Host) -> tuple[LivePod, Rooms]:
    """Every other host of the lab waits for its start."""
    waiting = [host(slot) for slot in SLOTS[len(others) :]]
    pod, rooms = live(*others, *waiting), Rooms()
    for one in waiting:
        rooms.wait_for_watts(pod, one, STARTING, now=NOW)
    return pod, rooms


def test_who_waits_for_watts_is_woken_when_enough_were_given_back() -> None:
    pod, rooms = waiting_beside(*(running(slot, STARTING) for slot in SLOTS[:3]))
    woken = [rooms.fetch()]
    for slot in SLOTS[:3]:
        rooms.noted(pod, pod.note(running(slot, 700, version=2)), now=NOW)
        woken.append(rooms.fetch())
    assert woken == [[], [], [], [SLOTS[3]]]
    assert rooms.fetch() == []


def test_the_same_watts_are_not_promised_twice_until_nobody_came_for_them() -> None:
    pod, rooms = waiting_beside(running(SLOTS[0], 2400))
    assert rooms.fetch() == [SLOTS[1]]
    rooms.noted(pod, ("a",), now=NOW)
    assert rooms.fetch() == []
    rooms.noted(pod, ("a",), now=NOW + PROMISED)
    assert rooms.fetch() == [SLOTS[2]]


def test_the_brake_hears_of_those_who_came_furthest_though_others_began_before_them() -> None:
    """Only so many are counted: they are not to be those who passed nothing yet."""
    slots = [f"s{n}" for n in range(100)]
    pod = live()
    pod._planned_hosts = frozenset(slots)
    for slot in slots[:50]:
        pod.note(host(slot, state=HostState.PREPARING))
    for slot in slots[50:88]:
        pod.note(host(slot, state=HostState.ACCEPTING))
    for slot in slots[88:]:
        pod.note(host(slot, state=HostState.PREPARING, problem=PARKED))
    assert pod.brake == ""
    for slot in slots[50:88]:
        pod.note(host(slot, state=HostState.PREPARING, version=2))
    assert pod.brake.startswith("stopped: 12 of the last 20 hosts are parked")


def test_who_waits_at_a_gate_is_woken_when_it_opens() -> None:
    canary, *rest = SLOTS
    pod = live(
        host(canary, state=HostState.ACCEPTING),
        *(host(slot, state=HostState.MATCHING) for slot in rest),
    )
    rooms = Rooms()
    for slot in rest:
        rooms.wait_for_gate(pod, host(slot, state=HostState.MATCHING), pod.gates)
    assert rooms.fetch() == []
    ready = host(canary, state=HostState.READY, version=2)
    rooms.noted(pod, pod.note(ready), now=NOW)
    assert rooms.fetch() == sorted(rest)


def test_a_gate_that_opened_while_somebody_decided_to_wait_is_not_missed() -> None:
    pod, rooms = live(*(host(slot, state=HostState.MATCHING) for slot in SLOTS)), Rooms()
    seen = pod.gates
    pod.note(host(SLOTS[0], state=HostState.READY, version=2))
    rooms.wait_for_gate(pod, host(SLOTS[1]), seen)
    assert rooms.fetch() == [SLOTS[1]]
