"""A unit that is replaced under a claim that asked for closeness: by one where the others are."""

from __future__ import annotations

import pytest

from inventory.model import Claim
from inventory.states import ClaimState, UnitState
from runtime.binding import Binding
from tests.unit.runtime_control.builders import RING, Site


@pytest.fixture
def racks(site: Site) -> Site:
    """Four hosts in r1, two in r2; the two in r2 are fuller, and would be taken first."""
    site.hosts += [site._add_host(f"h{n}") for n in (4, 5, 6)]
    for n, rack in enumerate(("r1", "r1", "r1", "r1", "r2", "r2"), start=1):
        labels = site.unit(f"h{n}").labels | {"podyard.io/rack": rack}
        site.update(site.unit(f"h{n}"), labels=labels)
    return site


def bound(site: Site, **changes: object) -> Binding:
    binding = Binding(site.store, RING, site.fence)
    site.claim("c1", count=3, **changes)
    binding.step(site.clock.now())
    assert claim(site).state is ClaimState.BOUND
    assert racks_of(site) == {"r1"}
    return binding


def claim(site: Site) -> Claim:
    found: Claim = site.got(Claim, "c1")
    return found


def racks_of(site: Site) -> set[str]:
    leaving = {one.unit_id for one in claim(site).leaving}
    kept = (one for one in claim(site).unit_ids if one not in leaving)
    return {site.unit(one.removeprefix("unit-")).labels["podyard.io/rack"] for one in kept}


def withdraw(site: Site, *hosts: str) -> None:
    for host in hosts:
        site.update(site.unit(host), state=UnitState.DRAINING)


def pass_by(site: Site, binding: Binding, looks: int = 4) -> None:
    for _ in range(looks):
        site.clock.forward(30)
        binding.step(site.clock.now())


def mine(site: Site) -> list[str]:
    return [one.removeprefix("unit-") for one in claim(site).unit_ids]


@pytest.mark.parametrize("asked", [{"within": "rack"}, {"together": "rack"}])
def test_it_comes_to_the_rack_of_the_others(racks: Site, asked: dict[str, str]) -> None:
    binding = bound(racks, **asked)
    withdraw(racks, mine(racks)[0])
    pass_by(racks, binding)
    assert claim(racks).leaving[0].replaced_by
    assert racks_of(racks) == {"r1"}


@pytest.mark.parametrize("asked", [{"within": "rack"}, {"together": "rack"}])
def test_where_nothing_is_free_there_the_claim_keeps_what_it_has(
    racks: Site, asked: dict[str, str]
) -> None:
    binding = bound(racks, **asked)
    [spare] = {"h1", "h2", "h3", "h4"} - set(mine(racks))
    withdraw(racks, spare, mine(racks)[0])
    pass_by(racks, binding, looks=30)  # also once it has waited for so long that units are kept
    assert len(claim(racks).unit_ids) == 3
    assert not claim(racks).leaving[0].replaced_by
    withdrawn = racks.unit(spare)
    racks.update(withdrawn, state=UnitState.AVAILABLE)
    pass_by(racks, binding)
    assert claim(racks).leaving[0].replaced_by == f"unit-{spare}"


def test_who_asked_for_no_closeness_takes_one_from_anywhere(racks: Site) -> None:
    binding = bound(racks)
    [spare] = {"h1", "h2", "h3", "h4"} - set(mine(racks))
    withdraw(racks, spare, mine(racks)[0])
    pass_by(racks, binding)
    assert claim(racks).leaving[0].replaced_by in {"unit-h5", "unit-h6"}


def test_a_claim_that_keeps_no_unit_is_bound_to_no_rack(racks: Site) -> None:
    binding = Binding(racks.store, RING, racks.fence)
    racks.claim("c1", count=1, within="rack")
    binding.step(racks.clock.now())
    withdraw(racks, *({"h1", "h2", "h3", "h4", "h5", "h6"} - {"h5"}), *mine(racks))
    free = {"h1", "h2", "h3", "h4", "h5", "h6"} - set(mine(racks))
    other = "h5" if "h5" in free else "h1"
    racks.update(racks.unit(other), state=UnitState.AVAILABLE)
    pass_by(racks, binding)
    assert claim(racks).leaving[0].replaced_by == f"unit-{other}"


def test_a_claim_that_loses_its_last_unit_while_it_waits_is_bound_to_its_rack_no_more(
    racks: Site,
) -> None:
    binding = Binding(racks.store, RING, racks.fence)
    racks.claim("c1", count=2, within="rack")
    binding.step(racks.clock.now())
    first, second = mine(racks)
    assert racks_of(racks) == {"r2"}  # which has no other
    withdraw(racks, first)
    pass_by(racks, binding)
    assert not claim(racks).leaving[0].replaced_by
    withdraw(racks, second)
    pass_by(racks, binding)
    others = [one.replaced_by for one in claim(racks).leaving]
    assert set(others) < {f"unit-h{n}" for n in (1, 2, 3, 4)}
    assert len(set(others)) == 2
