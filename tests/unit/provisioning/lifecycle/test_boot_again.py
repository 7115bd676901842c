"""A boot that dropped the BIOS settings, or lost its power, is made again with a fresh medium."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from inventory.states import HostState, PowerState
from provisioning.drivers.protocol import BiosState
from provisioning.lifecycle.actions import MakeBootMedium, PowerOff, SetBios
from provisioning.lifecycle.booting import decide_booting
from provisioning.lifecycle.decision import Decision, Do, Wait
from tests.make import NOW, make_agent, make_bios, make_boot, make_host, make_seen, make_wanted

DROPPED = make_bios(HyperThreading="Enabled")
STAGED = BiosState(current=DROPPED.current, pending={"HyperThreading": "Disabled"})


def decide(power: PowerState, *, tries: int = 1, **seen: Any) -> Decision:
    """What happens to a host that was switched on a moment ago."""
    boot = make_boot(powered_at=NOW - timedelta(seconds=5), tries=tries)
    host = make_host(state=HostState.BOOTING, boot=boot, reserved_watts=700)
    return decide_booting(host, make_seen(power=power, **seen), make_wanted())


def test_settings_that_the_boot_dropped_are_staged_again() -> None:
    answer = decide(PowerState.ON, agent=make_agent(), bios=DROPPED)

    assert isinstance(answer, Do)
    assert answer.action == SetBios((("HyperThreading", "Disabled"),))


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
