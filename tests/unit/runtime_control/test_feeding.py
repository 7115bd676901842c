"""The allocator's picture follows the records, and what it is wrong about is never written."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from inventory.errors import StoreUnavailable
from inventory.model import Claim, Event
from inventory.states import ClaimState, UnitState
from inventory.store.protocol import Change
from runtime.binding import Binding
from tests.unit.runtime_control.builders import RING, Site, make_claim


class CountingStore:
    """Counts what is read whole."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.read = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get_many(self, kind: Any, keys: Any) -> Any:
        found = self._store.get_many(kind, keys)
        self.read += len(found)
        return found

    def find(self, kind: Any, **named: Any) -> Any:
        found = self._store.find(kind, **named)
        self.read += len(found)
        return found


def look(site: Site, binding: Binding) -> None:
    binding.step(site.clock.now())


def state(site: Site, claim_id: str) -> ClaimState:
    return ClaimState(site.got(Claim, claim_id).state)


def told(site: Site, kind: str) -> Event:
    return Event(at=site.clock.now(), actor="provisioning", kind=kind, subject="host:h1")


def test_a_look_at_which_nothing_moved_reads_no_record(site: Site) -> None:
    store: Any = CountingStore(site.store)
    binding = Binding(store, RING, site.fence)
    site.claim("c1", count=2)
    site.claim("c2", count=2)
    look(site, binding)
    assert (state(site, "c1"), state(site, "c2")) == (ClaimState.BOUND, ClaimState.PENDING)
    look(site, binding)  # what was written itself has events too
    store.read = 0
    for _ in range(3):
        look(site, binding)
    assert store.read == 0


def test_a_unit_that_was_withdrawn_without_an_event_is_not_given_out(site: Site) -> None:
    binding = Binding(site.store, RING, site.fence)
    look(site, binding)
    site.update(site.unit("h1"), state=UnitState.WITHDRAWN)
    site.claim("c1", count=3)
    look(site, binding)
    assert state(site, "c1") is ClaimState.PENDING
    assert "1 draining or withdrawn: h1-u0" in site.got(Claim, "c1").why
    site.claim("c2", count=2)
    look(site, binding)
    assert set(site.got(Claim, "c2").unit_ids) == {"unit-h2", "unit-h3"}


def test_what_no_event_told_is_found_within_half_a_minute(site: Site) -> None:
    site.update(site.unit("h1"), state=UnitState.WITHDRAWN)
    binding = Binding(site.store, RING, site.fence)
    site.claim("c1", count=3)
    look(site, binding)
    site.update(site.unit("h1"), state=UnitState.AVAILABLE)
    look(site, binding)
    assert state(site, "c1") is ClaimState.PENDING
    site.clock.forward(30)
    look(site, binding)
    assert state(site, "c1") is ClaimState.BOUND


def test_an_event_of_a_host_makes_its_units_read_again(site: Site) -> None:
    site.update(site.hosts[0], maintenance="fan")
    binding = Binding(site.store, RING, site.fence)
    site.claim("c1", count=3)
    look(site, binding)
    assert "1 in maintenance: h1-u0 (fan)" in site.got(Claim, "c1").why
    site.update(site.hosts[0], maintenance="")
    site.write(Change(events=(told(site, "host.retry"),)))
    site.clock.forward(2)
    look(site, binding)
    assert state(site, "c1") is ClaimState.BOUND


def test_a_quarantined_host_gets_nothing_new(site: Site) -> None:
    site.update(site.hosts[0], quarantine="smells")
    site.claim("c1", count=3)
    look(site, Binding(site.store, RING, site.fence))
    assert "1 in maintenance: h1-u0 (smells)" in site.got(Claim, "c1").why


def test_a_claim_that_was_released_while_it_was_decided_gives_its_units_back(site: Site) -> None:
    class Meddling:
        """Somebody releases the claim just before its units are written."""

        def __getattr__(self, name: str) -> Any:
            return getattr(site.store, name)

        def apply(self, change: Change, **named: Any) -> None:
            if any(isinstance(one, Claim) and one.unit_ids for one in change.replace):
                site.release("c1")
            site.store.apply(change, **named)

    meddling: Any = Meddling()
    binding = Binding(meddling, RING, site.fence)
    site.claim("c1", count=3)
    look(site, binding)
    look(site, binding)
    assert state(site, "c1") is ClaimState.RELEASED
    assert site.unit("h1").state is UnitState.AVAILABLE
    site.write(Change(insert=(make_claim("c2", count=3),), events=(_created("c2", site),)))
    look(site, binding)
    assert state(site, "c2") is ClaimState.BOUND


def _created(claim_id: str, site: Site) -> Event:
    return Event(
        at=site.clock.now(), actor="ann", kind="claim.created", subject=f"claim:{claim_id}"
    )


def test_who_waits_is_told_anew_when_what_it_waits_for_changed(site: Site) -> None:
    site.claim("c1", count=2)
    site.claim("c2", count=3)
    binding = Binding(site.store, RING, site.fence)
    look(site, binding)
    assert "2 held by a claim" in site.got(Claim, "c2").why
    site.claim("c3")
    look(site, binding)
    site.clock.forward(10)
    look(site, binding)
    assert "3 held by a claim" in site.got(Claim, "c2").why


def test_a_claim_gets_units_as_close_together_as_it_asked(site: Site) -> None:
    site.update(site.unit("h1"), labels={"podyard.io/rack": "r9", "podyard.io/feed": "b"})
    site.claim("c1", count=3, within="rack")
    site.claim("c2", count=2, feeds_min=2)
    binding = Binding(site.store, RING, site.fence)
    look(site, binding)
    assert "3 units of class lab-cpu in one rack are wanted, 3 of 3 can be used" in (
        site.got(Claim, "c1").why
    )
    assert "unit-h1" in site.got(Claim, "c2").unit_ids


def test_an_amount_for_a_profile_is_met_by_ratings(site: Site) -> None:
    rating = site.unit("h1").rating
    amount = {"count": 0, "b200_equivalents": rating.b200_equivalents * 1.5}
    site.claim("c1", profile=rating.profile, **amount)
    site.claim("c2", profile="another", **amount)
    look(site, Binding(site.store, RING, site.fence))
    assert len(site.got(Claim, "c1").unit_ids) == 2
    assert "for another" in site.got(Claim, "c2").why


@pytest.mark.parametrize("calls", range(24))
def test_a_database_that_was_away_for_a_moment_leaves_no_claim_behind(
    site: Site, calls: int
) -> None:
    class Away:
        """One call of the store, whichever it is, gets no answer."""

        left = calls

        def __getattr__(self, name: str) -> Any:
            given = getattr(site.store, name)

            def asked(*arguments: Any, **named: Any) -> Any:
                Away.left -= 1
                if Away.left == -1:
                    raise StoreUnavailable("the database is away")
                return given(*arguments, **named)

            return asked

    away: Any = Away()
    binding = Binding(away, RING, site.fence)
    for name in ("c1", "c2", "c3"):
        site.claim(name)
    for _ in range(3):
        with contextlib.suppress(StoreUnavailable):
            look(site, binding)
    assert {state(site, name) for name in ("c1", "c2", "c3")} == {ClaimState.BOUND}
