"""While people hold back nothing new is begun, whatever a decider answers."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.states import HostState
from provisioning.lifecycle.actions import (
    Action,
    EjectMedia,
    ForgetBoot,
    MakeBootMedium,
    PowerOff,
    PowerOn,
    RecordFacts,
    ReservePower,
    StepClass,
    StopLoad,
    Suspend,
    TryRemedy,
    UpdateFirmware,
    WithdrawUnit,
)
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Notice, Wait
from provisioning.lifecycle.restraining import HARMLESS, restrain, set_apart_first
from provisioning.remedies import Remedy
from tests.make import lab, make_host, make_wanted

FLASH = UpdateFirmware(lab().firmware["lab-cpu"][0])
BEGUN = {"open_steps": frozenset({FLASH.step})}
BACK: list[tuple[dict[str, Any], str]] = [
    ({"paused": "technician"}, ""),
    ({"quarantine": "smoke"}, ""),
    ({}, "the fleet is on hold: bad image"),
]


def restrained(decision: Decision, host: dict[str, Any], hold: str, **wanted: Any) -> Decision:
    return restrain(decision, make_host(**host), make_wanted(**wanted), hold=hold)


@pytest.mark.parametrize(("host", "hold"), BACK)
@pytest.mark.parametrize(
    "action",
    [
        PowerOn(),
        PowerOff(),
        EjectMedia(),
        ForgetBoot(),
        MakeBootMedium(tries=1),
        ReservePower(5),
        FLASH,
        TryRemedy(Remedy.RESTART_BMC, 1.0),
        TryRemedy(Remedy.SET_APART, 1.0),
    ],
)
def test_nothing_is_changed(action: Action, host: dict[str, Any], hold: str) -> None:
    answer = restrained(Do(action, "wanted"), host, hold)
    assert isinstance(answer, Wait)
    assert answer.others  # its allowed time does not run meanwhile
    assert (hold or "podyard host") in answer.reason


@pytest.mark.parametrize(("host", "hold"), BACK)
def test_what_is_seen_is_written_down_and_less_is_offered(host: dict[str, Any], hold: str) -> None:
    for action in (RecordFacts(), Suspend(()), WithdrawUnit()):
        decided = Do(action, "seen")
        assert restrained(decided, host, hold) is decided


@pytest.mark.parametrize(("host", "hold"), BACK)
def test_a_flash_that_was_begun_is_driven_to_its_end(host: dict[str, Any], hold: str) -> None:
    decided = Do(FLASH, "begun")
    assert restrained(decided, host, hold, **BEGUN) is decided


@pytest.mark.parametrize(("host", "hold"), BACK)
def test_trouble_is_still_shown(host: dict[str, Any], hold: str) -> None:
    held = Hold("spec-mismatch", "x", "y")
    assert restrained(held, host, hold) is held
    notice = Notice("power-lost", "x", "y")
    answer = restrained(Wait("power", 30.0, notice=notice), host, hold)
    assert isinstance(answer, Wait)
    assert answer.notice is notice


@pytest.mark.parametrize("to", [HostState.PREPARING, HostState.BOOTING, HostState.DRAINING])
@pytest.mark.parametrize("host", [{"paused": "x"}, {"quarantine": "x"}])
def test_what_a_person_looks_at_does_not_move(host: dict[str, Any], to: HostState) -> None:
    assert isinstance(restrained(Advance(to, "done"), host, ""), Wait)


def test_under_a_fleet_hold_nothing_is_started_and_records_go_on() -> None:
    hold = "the fleet is on hold"
    assert isinstance(restrained(Advance(HostState.PREPARING, "x"), {}, hold), Wait)
    onward = Advance(HostState.MATCHING, "facts recorded")
    assert restrained(onward, {}, hold) is onward


def test_without_anybody_holding_back_every_decision_stands() -> None:
    for decided in (Do(FLASH, "x"), Advance(HostState.READY, "x"), Wait("x", 1.0)):
        assert restrained(decided, {}, "") is decided


def test_what_is_harmless_changes_no_hardware() -> None:
    for kind in HARMLESS:
        assert kind.step_class is StepClass.READ or kind in {
            StopLoad,
            Suspend,
            WithdrawUnit,
        }


def test_a_quarantined_host_leaves_the_offer_first() -> None:
    first = set_apart_first(make_host(quarantine="smoke", certificate_id="c"))
    assert first is not None
    assert isinstance(first.action, WithdrawUnit)
    assert set_apart_first(make_host(quarantine="smoke")) is None
    assert set_apart_first(make_host(certificate_id="c")) is None
