"""Hosts that are started over the network, from the port that their spec names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.faults.farm import Told, bring_up, lab
from tests.integration.faults.planting import planted
from tests.integration.faults.rows import Show, read_rows

SHOWS = tuple(dict.fromkeys(show for row in read_rows() for show in row.asks))
PORT = "NIC1"
"""The last of two: a host as it was delivered asks the other."""
HEALTHY = 3

pytestmark = pytest.mark.integration

SPEC = lab(HEALTHY + len(SHOWS))
TYPE = SPEC.host_types["lab-cpu"]
SPEC = SPEC.model_copy(
    update={
        "host_types": {
            "lab-cpu": TYPE.model_copy(update={"nics": TYPE.nics.model_copy(update={"boot": PORT})})
        }
    }
)
HOSTS = tuple(slot.slot for _, slot in SPEC.slots())
HOST_OF = dict(zip(SHOWS, HOSTS[HEALTHY:], strict=True))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """One bring-up of them all."""
    faults = [fault for show, host in HOST_OF.items() for fault in planted(show, host)]
    return bring_up(Path(tmp_path_factory.mktemp("nics")), SPEC, faults)


@pytest.mark.parametrize("show", SHOWS, ids=[show.name for show in SHOWS])
def test_a_host_ends_as_it_should(told: Told, show: Show) -> None:
    name = HOST_OF[show]
    host = told.hosts[name]
    problem = host.problem

    assert (problem.kind if problem else host.state.value) == show.ends, (host.state, problem)
    if problem is None:
        return
    # The NIC, by the name and the address that the person at the switch needs.
    mac = next(nic.mac for nic in host.facts.nics if nic.slot == PORT) if host.facts else ""
    assert mac
    assert f"{PORT} ({mac})" in problem.message
    assert mac in problem.remedy
    assert problem.parked
    # Three tries, each from the port that the spec names as far as podyard can say it.
    assert len(told.of(name, "power.on")) == 3
    assert len(told.of(name, "boot.failed")) == 3


@pytest.mark.parametrize("show", SHOWS, ids=[show.name for show in SHOWS])
def test_what_was_planted_took_place(told: Told, show: Show) -> None:
    assert {fault.kind for fault in planted(show, "h")} <= told.fired(HOST_OF[show])


def test_while_it_tries_again_it_says_which_nic_stays_silent(told: Told) -> None:
    troubles = [
        event.why
        for name in HOST_OF.values()
        for event in told.events
        if event.kind == "host.trouble" and event.subject == f"host:{name}"
    ]

    silent = [
        one for one in SHOWS if {"no-lease", "wrong-nic"} & {f.kind for f in planted(one, "h")}
    ]
    assert len(troubles) >= len(silent)
    assert all(PORT in why for why in troubles)


def test_an_order_that_shows_only_after_a_start_is_asked_for_once_and_costs_no_try(
    told: Told,
) -> None:
    late = [name for show, name in HOST_OF.items() if "boot-order-late" in show.name]
    assert late
    for name in late:
        assert [line["nics"][0] for line in told.of(name, "boot.order.staged")] == [PORT]
        assert len(told.of(name, "power.on")) == 1
        assert not told.of(name, "boot.failed")


def test_healthy_hosts_start_from_the_port_of_their_spec_and_from_no_medium(told: Told) -> None:
    for name in HOSTS[:HEALTHY]:
        assert told.hosts[name].state.value == "ready"
        assert [line["nics"][0] for line in told.of(name, "boot.order")] == [PORT]
        assert not told.of(name, "media.insert", "boot.failed")
