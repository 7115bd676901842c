"""A certificate's end is said two weeks ahead, once, and evicts nobody."""

from __future__ import annotations

from datetime import timedelta

from inventory.model import Claim
from inventory.states import ClaimState
from pods import catalogue
from runtime.binding import Binding
from tests.unit.runtime_control.builders import RING, Site

VALID = timedelta(days=catalogue.load("lab-4").acceptance.valid_days)


def told(site: Site, subject: str) -> int:
    return len(site.store.events(subject=subject, kind="certificate.expiring"))


def later(site: Site, days_left: float) -> Binding:
    """A controller that begins with so many days to go."""
    spent = VALID - timedelta(days=days_left)
    site.clock.time = site.clock.time + spent
    return Binding(site.store, RING, site.fence)


def test_it_is_said_once_to_the_site_and_to_who_holds_the_unit(site: Site) -> None:
    site.claim("c1")
    Binding(site.store, RING, site.fence).step(site.clock.now())
    assert told(site, "unit:h1-u0") == 0
    held = site.got(Claim, "c1").unit_ids[0].removeprefix("unit-")
    binding = later(site, 13.9)
    for _ in range(3):
        binding.step(site.clock.now())
        site.clock.forward(700)
    Binding(site.store, RING, site.fence).step(site.clock.now())
    assert [told(site, f"unit:h{n}-u0") for n in (1, 2, 3)] == [1, 1, 1]
    assert told(site, "claim:c1") == 1
    assert held in {"h1", "h2", "h3"}


def test_after_its_end_nothing_new_is_placed_and_nobody_is_evicted(site: Site) -> None:
    site.claim("c1", count=2)
    Binding(site.store, RING, site.fence).step(site.clock.now())
    binding = later(site, -0.1)
    site.claim("c2", created_at=site.clock.now())
    for _ in range(3):
        binding.step(site.clock.now())
        site.clock.forward(60)
    assert site.got(Claim, "c1").state is ClaimState.BOUND
    assert site.got(Claim, "c1").leaving == ()
    assert site.got(Claim, "c2").state is ClaimState.PENDING
    assert "1 certified too long ago" in site.got(Claim, "c2").why
