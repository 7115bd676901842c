"""Preemption carried out: told, given its grace, released, and the units go to who asked."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.errors import StoreUnavailable
from inventory.model import Claim, Event
from inventory.quotas import TenantQuota
from inventory.states import ClaimState, UnitState
from inventory.store.protocol import Change
from runtime.binding import Binding
from tests.unit.runtime_control.builders import RING, Site


def look(site: Site, binding: Binding) -> None:
    binding.step(site.clock.now())


def fresh(site: Site) -> Binding:
    return Binding(site.store, RING, site.fence)


def claim(site: Site, claim_id: str) -> Claim:
    found: Claim = site.got(Claim, claim_id)
    return found


def kinds(site: Site, claim_id: str) -> list[str]:
    return [event.kind for event in site.store.events(subject=f"claim:{claim_id}")]


def low_and_high(site: Site, **high: Any) -> Binding:
    """One claim has everything and may be ended; another one of higher priority asks."""
    binding = fresh(site)
    site.claim("low", count=3, preemptible=True, grace_minutes=5)
    look(site, binding)
    asked = {"count": 2, "tenant": "zeta", "priority": 10, "may_preempt": True} | high
    site.claim("high", **asked)
    look(site, binding)
    return binding


def test_who_makes_way_is_told_and_keeps_its_units_for_its_grace(site: Site) -> None:
    binding = low_and_high(site)
    notice = claim(site, "low").notice
    assert notice is not None
    assert (notice.leave_at - notice.told_at).total_seconds() == 300
    assert "makes way for claim high of zeta" in notice.why
    assert kinds(site, "low")[-1] == "claim.notice"
    site.clock.forward(299)
    look(site, binding)
    assert (claim(site, "low").state, claim(site, "high").state) == ("bound", "pending")
    site.clock.forward(1)
    for _ in range(3):
        look(site, binding)
    assert (claim(site, "low").state, claim(site, "high").state) == ("released", "bound")
    assert claim(site, "low").why == "Ray has left every host of it"


def test_nobody_else_gets_what_is_kept(site: Site) -> None:
    binding = low_and_high(site)
    site.clock.forward(300)
    site.claim("other", count=3, tenant="else")
    for _ in range(3):
        look(site, binding)
    assert claim(site, "high").state is ClaimState.BOUND
    assert claim(site, "other").state is ClaimState.PENDING


@pytest.mark.parametrize("steps", range(5))
def test_a_crash_at_any_look_ends_nobody_twice_and_loses_no_promise(site: Site, steps: int) -> None:
    """Each look is another controller, which knows nothing but the records."""
    site.claim("low", count=1, preemptible=True)
    site.claim("spare", count=2, preemptible=True)
    look(site, fresh(site))
    site.claim("high", count=1, tenant="zeta", priority=10, may_preempt=True)
    for _ in range(steps + 1):
        look(site, fresh(site))
    notices = [one for one in ("low", "spare") if claim(site, one).notice]
    assert len(notices) == 1
    site.clock.forward(300)
    for _ in range(3):
        look(site, fresh(site))
    states = {one: claim(site, one).state for one in ("low", "spare", "high")}
    assert states["high"] is ClaimState.BOUND
    assert list(states.values()).count(ClaimState.RELEASED) == 1


@pytest.mark.parametrize("late_s", [0, 301])
def test_who_was_told_stays_when_nobody_wants_its_units_any_more(site: Site, late_s: int) -> None:
    binding = low_and_high(site)
    site.release("high")
    if late_s:  # its time was over before anybody looked
        site.clock.forward(late_s)
        binding = fresh(site)
    for _ in range(3):
        look(site, binding)
    assert claim(site, "low").notice is None
    assert kinds(site, "low")[-1] == "claim.kept"
    site.clock.forward(600)
    look(site, binding)
    assert claim(site, "low").state is ClaimState.BOUND


@pytest.mark.parametrize("high", [{"priority": 0}, {"may_preempt": False}])
def test_without_a_higher_priority_or_the_wish_nobody_is_ended(site: Site, high: Any) -> None:
    low_and_high(site, **high)
    assert claim(site, "low").notice is None


def test_a_notice_that_could_not_be_written_is_given_at_the_next_look(site: Site) -> None:
    class Away:
        down = False

        def __getattr__(self, name: str) -> Any:
            return getattr(site.store, name)

        def apply(self, change: Change, **named: Any) -> None:
            if Away.down and any(isinstance(one, Claim) and one.notice for one in change.replace):
                Away.down = False
                raise StoreUnavailable("the database is away")
            site.store.apply(change, **named)

    away: Any = Away()
    binding = Binding(away, RING, site.fence)
    site.claim("low", count=3, preemptible=True)
    look(site, binding)
    site.claim("high", tenant="zeta", priority=10, may_preempt=True)
    Away.down = True
    with pytest.raises(StoreUnavailable):
        look(site, binding)
    assert claim(site, "low").notice is None
    look(site, binding)
    assert claim(site, "low").notice is not None
    assert len(claim(site, "high").promised) == 1


def test_a_guaranteed_share_is_given_back_to_whom_it_is_guaranteed(site: Site) -> None:
    each = site.unit("h1").rating.b200_equivalents
    quotas = (TenantQuota(name="zeta", guaranteed_b200e=each * 2),)
    site.write(Change(insert=quotas))
    binding = low_and_high(site, priority=0)
    assert claim(site, "low").notice is not None
    site.clock.forward(300)
    for _ in range(3):
        look(site, binding)
    assert claim(site, "high").state is ClaimState.BOUND


def test_a_quota_holds_and_says_so_and_counts_from_when_it_is_set(site: Site) -> None:
    each = site.unit("h1").rating.b200_equivalents
    team = TenantQuota(name="team", limit_b200e=each * 2)
    site.write(Change(insert=(team, TenantQuota(name="acme", parent="team"))))
    binding = fresh(site)
    site.claim("c1", count=2)
    site.claim("c2", count=1)
    look(site, binding)
    waiting = claim(site, "c2")
    assert (waiting.state, waiting.lacks) == (ClaimState.PENDING, "quota")
    assert "quota team allows" in waiting.why
    site.write(
        Change(
            replace=(team.model_copy(update={"limit_b200e": None}),),
            events=(
                Event(
                    at=site.clock.now(), actor="ann", kind="record.changed", subject="quota:team"
                ),
            ),
        )
    )
    look(site, binding)
    assert claim(site, "c2").state is ClaimState.BOUND


def test_several_parts_are_given_all_or_none(site: Site) -> None:
    site.update(site.unit("h1"), unit_class="other")
    part = {"unit_class": "other", "count": 2}
    site.claim("c1", count=1, more=(part,))
    site.claim("c2", count=2, more=({**part, "count": 1},))
    look(site, fresh(site))
    assert claim(site, "c1").state is ClaimState.PENDING
    assert len(claim(site, "c2").unit_ids) == 3


def test_one_unit_is_held_by_one_claim(site: Site) -> None:
    low_and_high(site)
    assert site.unit("h1").state is UnitState.CLAIMED


def test_a_promise_that_a_withdrawn_unit_broke_keeps_nobody_waiting(site: Site) -> None:
    binding = low_and_high(site, count=1)
    (promised,) = claim(site, "high").promised
    broken = promised.removeprefix("unit-")
    site.update(site.unit(broken), state=UnitState.DRAINING)
    site.clock.forward(30)
    for _ in range(3):
        look(site, binding)
    site.clock.forward(300)
    for _ in range(4):
        look(site, binding)
    assert claim(site, "high").state is ClaimState.BOUND
