"""What a leak asks of every host on its loop, state by state: load, operating system, power."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inventory.model import Host, Problem
from inventory.states import HostState, PowerState
from pods.facts import LeakDetectorFact
from provisioning.drivers.protocol import BmcIdentity
from provisioning.lifecycle.actions import (
    ForgetBoot,
    NoteLeak,
    PowerOff,
    RecordDoubt,
    ReservePower,
    ShutDown,
    StopLoad,
    UpdateFirmware,
    WithdrawUnit,
)
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Wait
from provisioning.lifecycle.leaking import (
    DOUBT,
    GRACE_S,
    SHUTDOWN_S,
    decide_leak,
    decide_parked,
    goes_dark_parked,
)
from provisioning.lifecycle.restraining import restrain
from tests.make import NOW, lab, make_boot, make_facts, make_host, make_seen, make_wanted

WHAT = "leak detector ColdPlate sees liquid"
NEAR = "r1-h3, " + WHAT
STANDBY = int(lab().host_types["lab-cpu"].power.standby_watts)
ITEM = lab().firmware["lab-cpu"][0]


def wet(state: str = "Critical") -> Any:
    return make_facts(leak_detectors=(LeakDetectorFact(slot="ColdPlate", state=state),))


def decide(
    host: dict[str, Any], *, near: str = NEAR, wanted: dict[str, Any] | None = None, **seen: Any
) -> Decision | None:
    found: Host = make_host(**{"state_since": NOW, **host})
    return decide_leak(found, make_seen(**seen), make_wanted(loop_leak=near, **(wanted or {})))


def act(answer: Decision | None) -> object:
    assert isinstance(answer, Do), answer
    return answer.action


@pytest.mark.parametrize("state", [HostState.INSPECTING, HostState.ACCEPTING, HostState.READY])
def test_one_answer_is_none_and_two_are_a_leak(state: HostState) -> None:
    first = decide({"state": state}, near="", facts=wet())
    assert act(first) == RecordDoubt(f"{DOUBT}ColdPlate")
    again = decide({"state": state, "doubt": f"{DOUBT}ColdPlate"}, near="", facts=wet())
    assert act(again) == NoteLeak(WHAT)
    dry = decide({"state": state, "doubt": f"{DOUBT}ColdPlate"}, near="", facts=wet("OK"))
    assert act(dry) == RecordDoubt("")


def test_an_alarm_while_a_host_is_measured_is_answered_by_one_look() -> None:
    """Else its whole hardware would be read every few seconds until it is ready."""
    measured = {"state": HostState.ACCEPTING, "doubt": "telemetry"}
    assert act(decide(measured, near="", facts=wet("OK"))) == RecordDoubt("")
    assert act(decide(measured, near="", facts=wet())) == RecordDoubt(f"{DOUBT}ColdPlate")
    ready = {"state": HostState.READY, "doubt": "telemetry"}
    assert decide(ready, near="", facts=wet("OK")) is None  # its own decider ends that


def test_a_little_liquid_and_a_known_leak_say_nothing_new() -> None:
    ready = {"state": HostState.READY}
    assert decide(ready, near="", facts=wet("Warning")) is None
    assert not isinstance(decide({**ready, "leak": WHAT}, facts=wet()), Do)


@pytest.mark.parametrize("state", list(HostState))
def test_nothing_happens_where_nothing_leaks(state: HostState) -> None:
    assert decide({"state": state}, near="", facts=wet("OK"), power=PowerState.ON) is None


RUNS = {"state": HostState.ACCEPTING, "boot": make_boot(powered_at=NOW), "acceptance_order": "o1"}


def test_load_then_operating_system_then_power_then_its_watts() -> None:
    on, off = {"power": PowerState.ON}, {"power": PowerState.OFF}
    assert act(decide(RUNS, **on)) == StopLoad()
    idle = {**RUNS, "acceptance_order": ""}
    assert act(decide(idle, **on)) == ShutDown()
    asked = {**idle, "shutdown_at": NOW - timedelta(seconds=SHUTDOWN_S - 1)}
    assert isinstance(decide(asked, **on), Wait)
    deaf = {**idle, "shutdown_at": NOW - timedelta(seconds=SHUTDOWN_S)}
    assert act(decide(deaf, **on)) == PowerOff()
    assert isinstance(decide(deaf, power=PowerState.POWERING_OFF), Wait)
    held = {**deaf, "reserved_watts": 400}
    assert act(decide(held, **off)) == ReservePower(STANDBY)
    assert act(decide({**held, "reserved_watts": STANDBY}, **off)) == ForgetBoot()
    bare = {"state": HostState.ACCEPTING, "reserved_watts": STANDBY}
    answer = decide(bare, **off)
    assert isinstance(answer, Advance)
    assert answer.to is HostState.BOOTING
    waits = decide({**bare, "state": HostState.BOOTING}, **off)
    assert isinstance(waits, Wait)
    assert waits.others
    assert waits.notice is not None
    assert waits.notice.kind == "loop-closed"
    called = decide({**bare, "leak": WHAT}, **off)
    assert isinstance(called, Advance)
    assert called.to is HostState.REPAIRING


def test_a_host_that_is_in_the_offer_leaves_by_draining_for_a_claim_may_hold_it() -> None:
    """Whoever certified it died before it was moved on to ready."""
    assert decide({**RUNS, "certificate_id": "c"}, power=PowerState.ON) is None


@pytest.mark.parametrize("state", [HostState.MATCHING, HostState.PREPARING, HostState.BOOTING])
def test_nothing_is_started_on_a_loop_that_leaks(state: HostState) -> None:
    answer = decide({"state": state, "reserved_watts": STANDBY}, power=PowerState.OFF)
    assert isinstance(answer, Wait)
    assert NEAR in answer.reason


@pytest.mark.parametrize("state", [HostState.REGISTERING, HostState.INSPECTING])
def test_a_neighbour_may_still_be_read(state: HostState) -> None:
    assert decide({"state": state}) is None
    left = decide({"state": state, "leak": WHAT})
    assert isinstance(left, Advance)
    assert left.to is HostState.REPAIRING


def test_what_cannot_be_undone_and_was_begun_ends_first() -> None:
    begun = {"open_steps": frozenset({UpdateFirmware(ITEM).step})}
    preparing = {"state": HostState.PREPARING, "leak": WHAT}
    assert decide(preparing, wanted=begun, power=PowerState.ON) is None


DRAINS = {"state": HostState.DRAINING}
HELD = {"unit_free": False}
LATE = timedelta(seconds=GRACE_S)


def test_a_claim_is_waited_for_unless_the_policy_or_the_leak_itself_says_otherwise() -> None:
    late = {**DRAINS, "state_since": NOW - LATE}
    on = {"power": PowerState.ON}
    waits = decide(late, wanted=HELD, **on)
    assert isinstance(waits, Wait)
    assert act(decide(late, wanted={**HELD, "leak_stops_claims": True}, **on)) == ShutDown()
    assert act(decide({**late, "leak": WHAT}, wanted=HELD, **on)) == ShutDown()
    early = decide({**DRAINS, "leak": WHAT}, wanted=HELD, **on)
    assert isinstance(early, Wait)
    assert decide(late, **on) is None  # free: cleaned as ever
    assert decide({**late, "certificate_id": "c"}, wanted=HELD, **on) is None  # withdrawn first


def test_ready_hosts_of_the_loop_leave_the_offer_and_are_shut_down_before_they_are_cleaned() -> (
    None
):
    answer = decide({"state": HostState.READY, "certificate_id": "c"}, power=PowerState.ON)
    assert isinstance(answer, Advance)
    assert answer.to is HostState.DRAINING
    cleaning = {"state": HostState.CLEANING}
    assert act(decide(cleaning, power=PowerState.ON)) == ShutDown()
    assert decide(cleaning, power=PowerState.OFF) is None


def test_a_person_is_called_to_the_one_that_leaks_when_nobody_holds_it() -> None:
    repairing = {"state": HostState.REPAIRING, "leak": WHAT}
    answer = decide(repairing)
    assert isinstance(answer, Hold)
    assert answer.problem == "leak"
    assert "podyard host retry r1-h1" in answer.remedy
    assert decide(repairing, wanted=HELD) is None
    assert decide({"state": HostState.REPAIRING}) is None  # a neighbour that somebody repairs


def test_a_hold_keeps_power_as_it_is_and_lets_the_leak_be_written_down() -> None:
    host, wanted = make_host(**RUNS), make_wanted(loop_leak=NEAR)
    for action, kept in ((NoteLeak(WHAT), True), (StopLoad(), True), (ShutDown(), False)):
        answer = restrain(Do(action, "why"), host, wanted, hold="the fleet is on hold")
        assert isinstance(answer, Do) is kept


def parked(kind: str = "boot-failed") -> Problem:
    return Problem(kind=kind, message="m", since=NOW, remedy="r")


def who(serial: str = "S1") -> BmcIdentity:
    return BmcIdentity(serial=serial, uuid="u-1", manufacturer="P", model="L", bmc_firmware="1")


def stays(serial: str = "S1", **of: Any) -> Decision | None:
    """A parked host on a loop that leaks, looked at once."""
    seen = {name: of.pop(name) for name in ("power", "now") if name in of}
    host = make_host(**{"state": HostState.BOOTING, "problem": parked(), "uuid": "u-1", **of})
    return decide_parked(host, make_seen(identity=who(serial), **seen), make_wanted(loop_leak=NEAR))


def test_a_parked_host_on_a_leaking_loop_is_shut_down_and_stays_parked() -> None:
    assert act(stays(power=PowerState.ON)) == ShutDown()
    asked = NOW - timedelta(seconds=SHUTDOWN_S + 1)
    assert act(stays(power=PowerState.ON, shutdown_at=asked)) == PowerOff()
    assert isinstance(stays(power=PowerState.ON, shutdown_at=NOW), Wait)
    assert act(stays(power=PowerState.OFF, reserved_watts=700)) == ReservePower(STANDBY)
    assert stays(power=PowerState.OFF, reserved_watts=STANDBY) is None


def test_a_parked_host_leaves_the_offer_before_it_loses_its_power() -> None:
    assert act(stays(power=PowerState.ON, certificate_id="c1")) == WithdrawUnit()


def test_another_machine_keeps_its_power() -> None:
    assert stays("S2", power=PowerState.ON) is None


@pytest.mark.parametrize(
    ("kind", "state", "wanted", "goes"),
    [
        ("boot-failed", HostState.BOOTING, {}, True),
        ("acceptance-failed", HostState.REPAIRING, {}, True),
        ("boot-failed", HostState.BOOTING, {"loop_leak": ""}, False),
        ("wrong-host", HostState.BOOTING, {}, False),
        ("credentials-refused", HostState.BOOTING, {}, False),
        ("update-unsettled", HostState.PREPARING, {"open_steps": frozenset({"f"})}, False),
        ("drift", HostState.READY, {"unit_free": False}, False),
        ("drift", HostState.READY, {"unit_free": False, "leak_stops_claims": True}, True),
        ("overstayed", HostState.INSPECTING, {}, False),
    ],
)
def test_only_who_may_be_spoken_to_goes_dark_while_it_is_parked(
    kind: str, state: HostState, wanted: dict[str, Any], *, goes: bool
) -> None:
    host = make_host(state=state, problem=parked(kind))
    assert goes_dark_parked(host, make_wanted(**{"loop_leak": NEAR, **wanted})) is goes


ADOPTED = make_host().bmc.model_copy(update={"address": "ssh://10.0.0.7"})
UNKNOWN = {"power": PowerState.UNKNOWN}


@pytest.mark.parametrize(
    "state",
    [
        HostState.MATCHING,
        HostState.PREPARING,
        HostState.BOOTING,
        HostState.CONFIGURING,
        HostState.ACCEPTING,
        HostState.CLEANING,
    ],
)
def test_a_person_is_told_to_switch_off_a_host_that_podyard_cannot(state: HostState) -> None:
    host = {"state": state, "bmc": ADOPTED, "boot": make_boot(powered_at=NOW)}
    assert act(decide({**host, "acceptance_order": "o1"}, **UNKNOWN)) == StopLoad()
    told = decide(host, **UNKNOWN)
    assert isinstance(told, Wait)
    assert (told.others, told.notice and told.notice.kind) == (True, "loop-closed")
    assert told.notice is not None
    assert "switch r1-h1 off by hand" in told.notice.remedy
    called = decide({**host, "leak": WHAT}, **UNKNOWN)
    assert isinstance(called, Advance)
    assert called.to is HostState.REPAIRING


def test_a_claimed_host_without_a_bmc_keeps_its_call_to_a_person() -> None:
    since = NOW - timedelta(seconds=GRACE_S + 1)
    held = {"state": HostState.DRAINING, "bmc": ADOPTED, "state_since": since}
    policy = {"unit_free": False, "leak_stops_claims": True}
    told = decide(held, wanted=policy, **UNKNOWN)
    assert isinstance(told, Wait)
    assert told.notice is not None
    assert "switch r1-h1 off" in told.notice.remedy


def test_a_parked_host_without_a_bmc_is_not_waited_for() -> None:
    host = make_host(state=HostState.ACCEPTING, bmc=ADOPTED, boot=make_boot(powered_at=NOW))
    who = BmcIdentity(serial="S1", uuid="u-1", manufacturer="", model="", bmc_firmware="")
    seen = make_seen(identity=who, power=PowerState.UNKNOWN)
    assert decide_parked(host, seen, make_wanted(loop_leak=NEAR)) is None
