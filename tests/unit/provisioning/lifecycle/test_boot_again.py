"""A boot that dropped the BIOS settings, or lost its power, is made again with a fresh medium."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inventory.states import HostState, PowerState
from provisioning.drivers.protocol import BiosState
from provisioning.lifecycle.actions import MakeBootMedium, PowerOff, RecordDoubt, SetBios
from provisioning.lifecycle.booting import decide_booting
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Wait
from tests.make import (
    NOW,
    make_agent,
    make_bios,
    make_boot,
    make_host,
    make_seen,
    make_wanted,
    told_twice,
)

DROPPED = make_bios(HyperThreading="Enabled")
STAGED = BiosState(current=DROPPED.current, pending={"HyperThreading": "Disabled"})


def decide(power: PowerState, *, tries: int = 1, **seen: Any) -> Decision:
    """What happens to a host that was switched on a moment ago."""
    boot = make_boot(powered_at=NOW - timedelta(seconds=5), tries=tries)
    host = make_host(state=HostState.BOOTING, boot=boot, reserved_watts=700)
    return told_twice(decide_booting, host, make_seen(power=power, **seen), make_wanted())


def test_settings_that_the_boot_dropped_are_staged_again() -> None:
    answer = decide(PowerState.ON, agent=make_agent(), bios=DROPPED)

    assert isinstance(answer, Do)
    assert answer.action == SetBios((("HyperThreading", "Disabled"),))


def test_one_answer_about_the_settings_is_none() -> None:
    """A BMC tells what was true before the boot for a while: no host goes off for that."""
    boot = make_boot(powered_at=NOW - timedelta(seconds=5), tries=3)
    host = make_host(state=HostState.BOOTING, boot=boot, reserved_watts=700)
    stale = make_seen(power=PowerState.ON, agent=make_agent(), bios=DROPPED)
    first = decide_booting(host, stale, make_wanted())
    assert isinstance(first, Do)
    assert isinstance(first.action, RecordDoubt)
    doubted = host.model_copy(update={"doubt": first.action.doubt})
    fresh = make_seen(power=PowerState.ON, agent=make_agent(), bios=make_bios())
    assert isinstance(decide_booting(doubted, fresh, make_wanted()), Advance)
    assert isinstance(decide_booting(doubted, stale, make_wanted()), Hold)
    again = doubted.model_copy(update={"boot": boot.model_copy(update={"media_id": "m2"})})
    answer = decide_booting(
        again,
        make_seen(power=PowerState.ON, bios=DROPPED, agent=make_agent(media_id="m2")),
        make_wanted(),
    )
    assert isinstance(answer, Do)  # what was said of an earlier boot does not count
    assert isinstance(answer.action, RecordDoubt)


def test_with_the_settings_staged_the_host_goes_off() -> None:
    answer = decide(PowerState.ON, agent=make_agent(), bios=STAGED)

    assert isinstance(answer, Do)
    assert answer.action == PowerOff()


def test_off_after_its_agent_spoke_it_gets_another_medium_at_once() -> None:
    """The token of the first one is used up: that medium would start nothing."""
    silent = make_agent(seen_at=NOW - timedelta(seconds=16))

    answer = decide(PowerState.OFF, agent=silent, bios=STAGED)

    assert isinstance(answer, Do)
    assert answer.action == MakeBootMedium(tries=2)


def test_a_power_state_that_is_behind_takes_no_medium_from_a_running_host() -> None:
    """Its agent spoke a moment ago: to eject now would corrupt what runs."""
    assert isinstance(decide(PowerState.OFF, agent=make_agent(), bios=STAGED), Wait)


def test_off_for_a_moment_before_its_agent_spoke_it_is_waited_for() -> None:
    assert isinstance(decide(PowerState.OFF, agent=None, bios=STAGED), Wait)


@pytest.mark.parametrize(
    ("seen_of_it", "told"),
    [
        ({}, "nobody asked for its boot medium after power-on"),
        ({"asked_at": NOW}, "its BMC fetched the boot medium"),
        ({"asked_at": NOW, "refused": "another serial"}, "turned away: another serial"),
    ],
)
def test_a_boot_without_an_agent_says_what_the_boot_door_saw(
    seen_of_it: dict[str, Any], told: str
) -> None:
    allowed_s = make_wanted().host_type.boot_allowed_s
    since = NOW - timedelta(seconds=allowed_s + 1)
    boot = make_boot(powered_at=since, tries=3, **seen_of_it)
    host = make_host(state=HostState.BOOTING, boot=boot)
    answer = decide_booting(host, make_seen(power=PowerState.ON), make_wanted())
    assert isinstance(answer, Hold)
    assert told in answer.message
    assert ("correct the record" in answer.remedy) == ("refused" in seen_of_it)
