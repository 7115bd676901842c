"""Every fault of the field on a host of its own, in one hall, brought up once: how did each end?"""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioning.simulator.journal import destructive_acts, repeated_acts
from tests.integration.faults.farm import Told, bring_up, lab
from tests.integration.faults.planting import planted
from tests.integration.faults.rows import Show, read_rows

SHOWS = tuple(dict.fromkeys(show for row in read_rows() for show in row.shows))
HEALTHY = 4 + len(SHOWS) // 9
"""The canary and the trial stage, which come first and must be ready; and some more."""

pytestmark = pytest.mark.integration


def names() -> tuple[str, ...]:
    """Every host of the hall, in the order in which the plan starts them."""
    return tuple(slot.slot for _, slot in lab(HEALTHY + len(SHOWS)).slots())


HOSTS = names()
HEALTHY_HOSTS = HOSTS[:HEALTHY]
HOST_OF = dict(zip(SHOWS, HOSTS[HEALTHY:], strict=True))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """One bring-up of them all."""
    faults = [fault for show, host in HOST_OF.items() for fault in planted(show, host)]
    folder: Path = tmp_path_factory.mktemp("field")
    return bring_up(folder, lab(len(HOSTS)), faults)


@pytest.mark.parametrize("show", SHOWS, ids=[show.name for show in SHOWS])
def test_a_host_ends_as_it_should(told: Told, show: Show) -> None:
    name = HOST_OF[show]
    host = told.hosts[name]
    problem = host.problem

    assert (problem.kind if problem else host.state.value) == show.ends, (host.state, problem)
    if problem is not None:
        assert problem.parked
        assert problem.remedy
        assert show.says in problem.message
    done = [entry["what"] for entry in told.of(name)]
    assert not set(show.never) & set(done)
    assert [done.count(what) for what in show.once] == [1] * len(show.once)
    if show.flashes is not None:
        flashed = [act for act in destructive_acts(told.journal) if act.host == name]
        assert len(flashed) == show.flashes


@pytest.mark.parametrize("show", SHOWS, ids=[show.name for show in SHOWS])
def test_what_was_planted_took_place(told: Told, show: Show) -> None:
    """A fault that never struck proves nothing. Those that only change answers leave no trace."""
    counted = {fault.kind for fault in planted(show, "h") if "times" in fault.parameters}

    assert counted - {"bmc-restarts"} <= told.fired(HOST_OF[show])


def test_nothing_that_cannot_be_undone_was_done_twice(told: Told) -> None:
    """Nor what a dead feed cut short: whether half an image may be written over, a person says.

    But for the hosts whose row allows a second try, and those once.
    """
    again = [name for show, name in HOST_OF.items() if show.flashes == 2]

    assert sorted(act.host for act in repeated_acts(told.journal)) == sorted(again)


def test_no_host_is_ready_that_is_not(told: Told) -> None:
    """The journal is the judge: its last boot came after its last power cut, with its settings."""
    for host in told.hosts.values():
        if host.state.value != "ready" or host.problem:
            continue
        lines = told.of(host.name, "boot", "power.off", "power.lost", "bios.applied")
        assert [line["what"] for line in lines][-1] == "boot"
        assert "bios.applied" in {line["what"] for line in lines}


def test_healthy_hosts_wait_for_no_broken_one(told: Told) -> None:
    """Sixty hosts beside them hang, lie, freeze and flash for minutes."""
    took = [told.seconds[name] - told.plan_seconds for name in HEALTHY_HOSTS]

    assert all(told.hosts[name].state.value == "ready" for name in HEALTHY_HOSTS)
    assert max(took) < 120.0
