"""One look at a whole pod: swaps and doubled trays reach the hosts concerned, and nobody else."""

from __future__ import annotations

import time

import pytest

from inventory.model import Host
from pods import catalogue
from pods.cabling import Cable, Cabling, cabling_of
from pods.facts import PositionFact
from pods.match_finding import Mismatch
from provisioning.podmap import findings_around
from tests.make import make_facts, make_host

POD = catalogue.load("su-b200-32")
CABLING = cabling_of(POD)
SLOTS = [slot.slot for _, slot in POD.slots()]


def cables_of(slot: str) -> list[Cable]:
    return [cable for cable in CABLING.cables if cable.a.node == slot]


def as_planned(slot: str, *, named: bool = True) -> dict[str, tuple[str, str]]:
    """What a host sees when everything is plugged right; `named`: it knows the plan's names."""
    return {
        cable.a.port if named else f"mlx5_{n}": (f"{cable.z.node}.example.net", cable.z.port)
        for n, cable in enumerate(cables_of(slot))
    }


def host(slot: str, neighbours: dict[str, tuple[str, str]] | None = None, tray: int = 0) -> Host:
    position = PositionFact(chassis_slot=tray or None)
    facts = make_facts(neighbours=neighbours or {}, position=position)
    return make_host(id=slot, name=f"n-{slot}", slot=slot, serial=slot, facts=facts)


def drawn(*hosts: Host, cabling: Cabling | None = CABLING) -> dict[str, tuple[Mismatch, ...]]:
    return findings_around(hosts, cabling)


@pytest.mark.parametrize("named", [True, False])
def test_a_pod_that_is_plugged_as_planned_has_no_findings(named: bool) -> None:  # noqa: FBT001
    hosts = [host(slot, as_planned(slot, named=named)) for slot in SLOTS]
    assert drawn(*hosts) == {}


@pytest.mark.parametrize("named", [True, False])
def test_two_swapped_cables_are_told_at_both_hosts_with_all_four_ends(named: bool) -> None:  # noqa: FBT001
    one, other = SLOTS[0], SLOTS[1]
    seen = {slot: as_planned(slot, named=named) for slot in SLOTS}
    port = next(iter(seen[one]))
    seen[one][port], seen[other][port] = seen[other][port], seen[one][port]

    found = drawn(*(host(slot, seen[slot]) for slot in SLOTS))

    assert set(found) == {one, other}
    (mismatch,) = found[one]
    assert found[other] == (mismatch,)
    assert mismatch.effect == "blocks"
    for cable in (cables_of(one)[0], cables_of(other)[0]):
        for end in (cable.a, cable.z):
            assert f"{end.node} {end.port}" in mismatch.wanted
    assert mismatch.remedy.startswith("exchange the plugs")


def test_one_host_that_reports_is_enough_to_tell_the_silent_one_too() -> None:
    one, other = SLOTS[0], SLOTS[1]
    seen = as_planned(one)
    port = next(iter(seen))
    seen[port] = as_planned(other)[port]

    found = drawn(host(one, seen), host(other))

    assert set(found) == {one, other}


def test_two_trays_that_claim_one_slot_are_both_told() -> None:
    found = drawn(host("r1-h1", tray=3), host("r1-h2", tray=3), host("r1-h3", tray=4))
    assert set(found) == {"r1-h1", "r1-h2"}
    assert found["r1-h1"][0].path == "position.chassis_slot"
    assert "r1-h2" in found["r1-h1"][0].found


def test_trays_of_two_racks_may_have_the_same_number() -> None:
    elsewhere = host("r2-h1", tray=3).model_copy(update={"rack": "r2"})
    assert drawn(host("r1-h1", tray=3), elsewhere) == {}


def test_a_pod_without_a_fabric_has_no_cables_to_swap() -> None:
    assert drawn(host("r1-h1", {"eth0": ("x", "y")}), cabling=None) == {}


def seconds_to_draw(count: int) -> float:
    hosts = [
        host(f"h{n}", tray=n + 1).model_copy(update={"rack": f"r{n // 16}"}) for n in range(count)
    ]
    began = time.process_time()
    drawn(*hosts, cabling=CABLING)
    return time.process_time() - began


def test_ten_times_the_hosts_take_about_ten_times_as_long() -> None:
    """A ratio on one machine; drawing pairwise would take a hundred times as long."""
    seconds_to_draw(500)
    assert seconds_to_draw(8000) < 30 * max(seconds_to_draw(800), 0.002)
