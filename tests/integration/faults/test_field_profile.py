"""A hall with the profile `field`: every host ends ready, or parked with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioning.simulator.field import field_faults
from provisioning.simulator.journal import destructive_acts, repeated_acts
from tests.integration.faults.farm import Farm, Told, bring_up, lab, rests

SEED = 7
CURED_BY_NO_SOFTWARE = {"missing-dimm", "missing-drive", "wrong-serial", "black-hole", "dead-on"}

pytestmark = pytest.mark.integration


def told_of(folder: Path, hosts: int) -> Told:
    """One bring-up. The canary is sound: where it is parked, its pod waits for a person."""
    spec = lab(hosts)
    names = [slot.slot for _, slot in spec.slots()]
    faults = field_faults(names[1:], seed=SEED)
    return bring_up(folder, spec, faults, seed=SEED, until=everybody_arrived)


def everybody_arrived(farm: Farm) -> bool:
    """Ready, whatever a BMC fails to answer by then; or parked."""
    hosts = farm.hosts().values()
    return all(host.state.value == "ready" or rests(host) for host in hosts)


def judge(told: Told, hosts: int) -> None:
    """0 lost, 0 doubles, 0 false ready: by the journal and by what was planted."""
    faults = field_faults(list(told.hosts)[1:], seed=SEED)
    broken = {fault.host for fault in faults if fault.kind in CURED_BY_NO_SOFTWARE}
    ready = {name for name, host in told.hosts.items() if host.state.value == "ready"}
    parked = {n: h.problem for n, h in told.hosts.items() if h.problem and h.problem.parked}

    assert len(told.hosts) == hosts
    assert not ready & broken
    assert ready | parked.keys() == told.hosts.keys()
    assert all(problem.message and problem.remedy for problem in parked.values())
    assert repeated_acts(told.journal) == []
    lied = {e["host"] for e in told.journal if e["what"] == "firmware.update.failed"}
    assert not ready & lied
    flashed = {act.host for act in destructive_acts(told.journal)}
    behind = {fault.host for fault in faults if fault.kind == "old-firmware"}
    assert ready & behind <= flashed
    for name in ready:
        done = [entry["what"] for entry in told.of(name)]
        assert "boot" in done[done.index("power.on") :]
    # Most of what the field does, podyard bears without a person.
    assert len(ready) >= 0.8 * (hosts - len(broken))


def test_sixteen_hosts_end_ready_or_parked_with_the_reason(tmp_path: Path) -> None:
    judge(told_of(tmp_path, 16), 16)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_sixty_four_hosts_end_ready_or_parked_with_the_reason(tmp_path: Path) -> None:
    judge(told_of(tmp_path, 64), 64)


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
def test_a_thousand_hosts_end_ready_or_parked_with_the_reason(tmp_path: Path) -> None:
    judge(told_of(tmp_path, 1000), 1000)
