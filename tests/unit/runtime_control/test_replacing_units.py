"""A unit that goes under a running claim: the claim is told, gets another, and pays for one."""

from __future__ import annotations

import pytest

from inventory.model import Claim, UsageRecord
from inventory.states import ClaimState, PowerState, UnitState
from inventory.store.reading import every
from runtime.binding import Binding
from tests.unit.runtime_control.builders import RING, Site


def look(site: Site, binding: Binding, times: int = 1) -> None:
    for _ in range(times):
        binding.step(site.clock.now())


def claim(site: Site) -> Claim:
    found: Claim = site.got(Claim, "c1")
    return found


def bound(site: Site, count: int = 2, **changes: object) -> Binding:
    """A claim that holds h1 and h2; h3 is free."""
    binding = Binding(site.store, RING, site.fence)
    site.claim("c1", count=count, **changes)
    look(site, binding)
    assert claim(site).state is ClaimState.BOUND
    return binding


def first_host(site: Site) -> str:
    return claim(site).unit_ids[0].removeprefix("unit-")


def suspend(site: Site, host: str) -> None:
    site.update(site.unit(host), state=UnitState.DRAINING)


def kinds(site: Site) -> list[str]:
    return [event.kind for event in site.store.events(subject="claim:c1")]


def test_a_withdrawn_unit_is_replaced_after_its_grace_and_given_back(site: Site) -> None:
    binding = bound(site)
    old = first_host(site)
    suspend(site, old)
    site.clock.forward(30)
    look(site, binding, 3)
    (leaving,) = claim(site).leaving
    assert leaving.replaced_by in claim(site).unit_ids
    assert len(claim(site).unit_ids) == 3
    assert site.unit(old).claim == "c1"
    site.clock.forward(300)
    look(site, binding, 3)
    assert len(claim(site).unit_ids) == 2
    assert (site.unit(old).claim, site.unit(old).state) == ("", UnitState.WITHDRAWN)
    assert claim(site).leaving == ()
    told = [kind for kind in kinds(site) if kind.startswith("claim.unit")]
    assert told == ["claim.unit-notice", "claim.unit-replaced", "claim.unit-left"]


def test_without_a_spare_the_claim_keeps_what_it_has(site: Site) -> None:
    binding = bound(site, count=3)
    suspend(site, "h1")
    site.clock.forward(30)
    look(site, binding, 3)
    site.clock.forward(3600)
    look(site, binding, 3)
    assert len(claim(site).unit_ids) == 3
    assert claim(site).state is ClaimState.BOUND


def test_who_wants_to_keep_is_told_nothing(site: Site) -> None:
    binding = bound(site, when_withdrawn="keep")
    suspend(site, first_host(site))
    site.clock.forward(30)
    look(site, binding, 3)
    assert claim(site).leaving == ()


def test_a_host_without_power_is_replaced_after_a_minute(site: Site) -> None:
    binding = bound(site)
    old = first_host(site)
    host = next(one for one in site.hosts if one.name == old)
    site.update(host, power=PowerState.OFF)
    site.clock.forward(30)
    look(site, binding, 2)
    assert len(claim(site).leaving) == 1
    site.clock.forward(61)
    look(site, binding, 3)
    assert f"unit-{old}" not in claim(site).unit_ids
    assert len(claim(site).unit_ids) == 2


def test_a_host_that_is_on_again_before_another_was_found_stays(site: Site) -> None:
    binding = bound(site, count=3)
    site.update(site.hosts[0], power=PowerState.OFF)
    site.clock.forward(30)
    look(site, binding)
    assert len(claim(site).leaving) == 1
    site.update(site.hosts[0], power=PowerState.ON)
    site.clock.forward(30)
    look(site, binding)
    assert claim(site).leaving == ()
    assert kinds(site)[-1] == "claim.kept"


@pytest.mark.parametrize("anew", [False, True])
def test_two_units_are_paid_for_whatever_is_replaced_and_whoever_crashes(
    site: Site, *, anew: bool
) -> None:
    binding = bound(site)
    for host in (first_host(site),):
        suspend(site, host)
    for _ in range(20):
        site.clock.forward(30)
        if anew:
            binding = Binding(site.store, RING, site.fence)
        look(site, binding)
    site.release("c1")
    look(site, binding, 2)
    (record,) = every(site.store, UsageRecord)
    # From the first notice until the other unit came, at the same look or the next, one counted.
    assert record.unit_seconds == pytest.approx(2 * 600, abs=30.0)
    assert claim(site).fence >= 4


def test_released_while_a_unit_leaves_gives_everything_back(site: Site) -> None:
    binding = bound(site)
    suspend(site, first_host(site))
    site.clock.forward(30)
    look(site, binding, 2)
    site.release("c1")
    look(site, binding, 3)
    assert claim(site).state is ClaimState.RELEASED
    assert [site.unit(one).claim for one in ("h1", "h2", "h3")] == ["", "", ""]


def test_nobody_waits_for_another_unit_when_its_claim_is_over(site: Site) -> None:
    binding = bound(site, count=3)
    suspend(site, "h1")
    site.clock.forward(30)
    look(site, binding, 2)
    site.release("c1")
    site.claim("c2", count=2)
    site.clock.forward(1200)
    look(site, binding, 3)
    assert site.got(Claim, "c2").state is ClaimState.BOUND
    assert len(binding._allocator.waiting) == 0
