"""Power that is other than recorded is shown in every state, and forced only by policy."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inventory.model import Host
from inventory.power_drift import power_drift
from inventory.states import HostState, PowerState
from provisioning.lifecycle.actions import PowerOff, PowerOn
from provisioning.lifecycle.decision import Do, Look, Wait
from provisioning.lifecycle.draining import looks_draining
from provisioning.lifecycle.enrolled import decide_enrolled, looks_enrolled
from provisioning.lifecycle.table import STATES
from tests.make import NOW, make_boot, make_host, make_seen, make_wanted

S, P = HostState, PowerState


@pytest.mark.parametrize("state", list(HostState))
@pytest.mark.parametrize("power", list(PowerState))
def test_what_should_run_and_is_off_and_what_should_rest_and_is_on(
    state: HostState, power: PowerState
) -> None:
    runs, rests = {S.READY, S.DRAINING, S.ACCEPTING}, {S.ENROLLED, S.MATCHING, S.RETIRED}
    drifts = (state in runs and power is P.OFF) or (state in rests and power is P.ON)
    assert bool(power_drift(make_host(state=state, power=power))) is drifts


def test_what_podyard_does_itself_is_no_drift() -> None:
    asked = make_host(state=S.DRAINING, power=P.OFF, shutdown_at=NOW)
    assert power_drift(asked) == ""
    begun = make_host(state=S.MATCHING, power=P.ON, boot=make_boot())
    assert power_drift(begun) == ""


def rests(**changes: Any) -> Host:
    return make_host(**{"state": S.ENROLLED, "target": "enrolled", **changes})


def test_a_host_that_rests_and_was_switched_on_is_left_alone_unless_the_policy_says_so() -> None:
    on = make_seen(power=P.ON)
    assert isinstance(decide_enrolled(rests(), on, make_wanted()), Wait)
    forced = decide_enrolled(rests(), on, make_wanted(restore_power=True))
    assert isinstance(forced, Do)
    assert forced.action == PowerOff()
    off = make_seen(power=P.OFF)
    assert isinstance(decide_enrolled(rests(), off, make_wanted(restore_power=True)), Wait)


@pytest.mark.parametrize("state", [S.READY, S.DRAINING, S.ENROLLED])
@pytest.mark.parametrize("restore", [False, True])
def test_nothing_is_ever_switched_on_without_its_way_up(state: HostState, *, restore: bool) -> None:
    """Power-on needs watts: it is only asked for in booting."""
    host = make_host(state=state, power=P.OFF, certificate_id="")
    wanted = make_wanted(restore_power=restore)
    answer = STATES[state].decide(host, make_seen(power=P.OFF), wanted)
    assert not (isinstance(answer, Do) and isinstance(answer.action, PowerOn))


def test_only_hosts_whose_bmc_is_known_are_looked_at_and_not_all_at_once() -> None:
    wanted = make_wanted(unit_free=False)
    assert looks_enrolled(rests(), wanted, None, NOW) == Look.POWER
    assert looks_enrolled(rests(uuid=""), wanted, None, NOW) == Look.NOTHING
    looks = [
        looks_draining(make_host(id=f"h{n}"), wanted, None, NOW + timedelta(seconds=s))
        for n in range(20)
        for s in range(60)
    ]
    assert sum(look == Look.POWER for look in looks) == 20 * 5
    assert looks_draining(make_host(), make_wanted(), None, NOW) == Look.NOTHING
