"""The controller's clock is set forward or back by an hour while hosts come up."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from provisioning.simulator.journal import destructive_acts, repeated_acts
from tests.integration.faults.farm import Farm, bring_up, lab

pytestmark = pytest.mark.integration

MINUTES_S = 900.0


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps_costs_no_host(tmp_path: Path, hours: int) -> None:
    async def jump(farm: Farm) -> None:
        while not any(e["what"] == "firmware.update.start" for e in farm.journal()):
            await farm.clock.sleep(0.5)
        farm.clock.jumped += timedelta(hours=hours)
        while True:
            await farm.clock.sleep(3600.0)

    spec = lab(8)
    old = [f"old-firmware@{slot.slot}" for _, slot in spec.slots()]

    told = bring_up(tmp_path, spec, old, meanwhile=jump)

    assert {host.state.value for host in told.hosts.values()} == {"ready"}
    assert not [host.problem for host in told.hosts.values() if host.problem]
    assert len(destructive_acts(told.journal)) == len(told.hosts)
    assert repeated_acts(told.journal) == []
    # Nobody sleeps for that hour, and nothing that was allowed an hour is over.
    assert max(told.seconds.values()) < MINUTES_S
