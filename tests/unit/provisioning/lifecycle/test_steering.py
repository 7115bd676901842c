"""Where a person's wish takes a host from, and what becomes of it on the way."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.model import Problem
from inventory.states import TRANSITIONS, HostState, PowerState
from provisioning.drivers.protocol import BmcIdentity, TaskPhase, TaskReading
from provisioning.lifecycle.actions import ForgetBoot, PowerOff, RecordIdentity, WithdrawUnit
from provisioning.lifecycle.cleaning import decide_cleaning
from provisioning.lifecycle.decision import Advance, Do, Hold, Wait
from provisioning.lifecycle.registering import decide_registering
from provisioning.lifecycle.repairing import decide_repairing
from provisioning.lifecycle.steering import steer
from tests.make import NOW, make_boot, make_host, make_seen, make_wanted

PARKED = Problem(kind="spec-mismatch", message="m", since=NOW)
RETRYING = Problem(kind="bmc-unreachable", message="m", since=NOW, next_at=NOW)
OPEN = frozenset({"firmware:BIOS:2.4.1"})
OFF, ON = PowerState.OFF, PowerState.ON
WAY_UP = (
    HostState.REGISTERING,
    HostState.INSPECTING,
    HostState.MATCHING,
    HostState.PREPARING,
    HostState.BOOTING,
    HostState.CONFIGURING,
    HostState.ACCEPTING,
)


def identity(**fields: str) -> BmcIdentity:
    given = {"serial": "S1", "uuid": "u-1", "manufacturer": "", "model": "", "bmc_firmware": ""}
    return BmcIdentity(**{**given, **fields})


@pytest.mark.parametrize("state", list(HostState))
def test_a_host_that_is_wanted_ready_is_never_steered(state: HostState) -> None:
    assert steer(make_host(state=state, problem=PARKED), make_wanted()) is None


@pytest.mark.parametrize("problem", [None, PARKED, RETRYING])
@pytest.mark.parametrize("target", ["enrolled", "repairing", "retired"])
@pytest.mark.parametrize("state", WAY_UP)
def test_a_wish_outranks_the_way_up_and_a_parked_problem(
    state: HostState, target: str, problem: Problem | None
) -> None:
    turn = steer(make_host(state=state, target=target, problem=problem), make_wanted())
    assert turn is not None
    assert turn.to is HostState.REPAIRING


MOVES: list[tuple[HostState, dict[str, Any], dict[str, Any], HostState | None]] = [
    (HostState.READY, {"target": "repairing"}, {}, HostState.DRAINING),
    (HostState.READY, {"target": "retired", "problem": PARKED}, {}, HostState.DRAINING),
    (HostState.READY, {"register_again": True}, {}, HostState.DRAINING),
    (HostState.DRAINING, {"target": "repairing"}, {"unit_free": False}, None),
    (HostState.CLEANING, {"target": "repairing"}, {}, None),
    (HostState.CLEANING, {"target": "repairing", "problem": RETRYING}, {}, HostState.REPAIRING),
    (HostState.CLEANING, {"target": "retired", "problem": PARKED}, {}, None),
    (HostState.ENROLLED, {"target": "repairing"}, {}, HostState.REPAIRING),
    (HostState.ENROLLED, {"target": "retired", "power": OFF}, {}, None),
    (HostState.ENROLLED, {"target": "retired", "power": ON}, {}, HostState.REPAIRING),
    (HostState.ENROLLED, {"target": "enrolled", "power": ON}, {}, None),
    (HostState.RETIRED, {"target": "repairing"}, {}, None),
    (HostState.PREPARING, {"target": "repairing"}, {"open_steps": OPEN}, None),
    (
        HostState.PREPARING,
        {"target": "repairing", "problem": RETRYING.model_copy(update={"seen": 5})},
        {"open_steps": OPEN},
        HostState.REPAIRING,
    ),
    (
        HostState.PREPARING,
        {"target": "repairing", "problem": RETRYING},
        {"open_steps": OPEN},
        None,
    ),
    (HostState.ACCEPTING, {"target": "retired", "certificate_id": "c"}, {}, None),
    (HostState.REGISTERING, {"register_again": True}, {}, None),
    (HostState.MATCHING, {"register_again": True}, {}, HostState.REPAIRING),
]


@pytest.mark.parametrize(("state", "host", "wanted", "to"), MOVES)
def test_each_state_is_left_as_it_may_be(
    state: HostState, host: dict[str, Any], wanted: dict[str, Any], to: HostState | None
) -> None:
    turn = steer(make_host(state=state, **host), make_wanted(**wanted))
    assert (turn.to if turn else None) is to
    assert to is None or (state, to) in TRANSITIONS


def test_a_repaired_host_forgets_its_boot_and_registers() -> None:
    host = make_host(state=HostState.REPAIRING, boot=make_boot())
    first = decide_repairing(host, make_seen(), make_wanted())
    assert isinstance(first, Do)
    assert isinstance(first.action, ForgetBoot)
    cleared = host.model_copy(update={"boot": None})
    assert decide_repairing(cleared, make_seen(), make_wanted()) == Advance(
        HostState.REGISTERING, "repaired"
    )


def test_a_host_in_repair_is_left_alone_and_says_how_it_ends() -> None:
    host = make_host(state=HostState.REPAIRING, target="repairing", maintenance="fan 2")
    answer = decide_repairing(host, make_seen(), make_wanted())
    assert isinstance(answer, Wait)
    assert "fan 2" in answer.reason
    assert "podyard host retry r1-h1" in answer.reason


def test_a_unit_leaves_the_offer_and_its_claim_is_waited_for() -> None:
    host = make_host(state=HostState.REPAIRING, target="retired", certificate_id="c")
    first = decide_repairing(host, make_seen(), make_wanted())
    assert isinstance(first, Do)
    assert isinstance(first.action, WithdrawUnit)
    held = host.model_copy(update={"certificate_id": ""})
    assert isinstance(decide_repairing(held, make_seen(), make_wanted(unit_free=False)), Wait)
    after = decide_repairing(held, make_seen(), make_wanted())
    assert isinstance(after, Advance)
    assert after.to is HostState.CLEANING


@pytest.mark.parametrize("found", [identity(serial="S2"), identity(uuid="u-2")])
def test_another_host_is_never_switched_off(found: BmcIdentity) -> None:
    host = make_host(state=HostState.CLEANING, target="retired")
    answer = decide_cleaning(host, make_seen(power=ON, identity=found), make_wanted())
    assert isinstance(answer, Hold)
    assert answer.problem == "wrong-host"
    assert "podyard host forget r1-h1" in answer.remedy


def test_the_right_host_is_switched_off_but_not_in_the_middle_of_an_update() -> None:
    host = make_host(state=HostState.CLEANING, target="retired")
    running = TaskReading(uri="/t/1", phase=TaskPhase.RUNNING)
    busy = make_seen(power=ON, identity=identity(), tasks=(running,))
    assert isinstance(decide_cleaning(host, busy, make_wanted()), Wait)
    free = make_seen(power=ON, identity=identity())
    answer = decide_cleaning(host, free, make_wanted())
    assert isinstance(answer, Do)
    assert isinstance(answer.action, PowerOff)


def test_an_expected_board_is_recorded_and_an_unexpected_one_names_the_command() -> None:
    seen = make_seen(identity=identity(uuid="u-2"))
    told = decide_registering(make_host(state=HostState.REGISTERING), seen, make_wanted())
    assert isinstance(told, Hold)
    assert "podyard host bmc r1-h1 --serial S1" in told.remedy
    expected = make_host(state=HostState.REGISTERING, uuid="", register_again=True)
    answer = decide_registering(expected, seen, make_wanted())
    assert isinstance(answer, Do)
    assert isinstance(answer.action, RecordIdentity)
