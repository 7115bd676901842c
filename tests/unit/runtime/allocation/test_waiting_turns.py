"""Who waits for what, whose turn it is, what is promised, and who gives way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runtime.allocation.allocator import Allocator, Rules
from runtime.allocation.ask import Ask
from runtime.allocation.quota import Quota, QuotaRefused
from runtime.allocation.unit import Constraint, Level
from tests.unit.runtime.allocation.makers import NOW, ask, part, placed, refused, site, unit, units

HOUR = timedelta(hours=1)


def served(allocator: Allocator, at: object = NOW) -> list[str]:
    return [one.ask_id for one in allocator.serve(at)]  # type: ignore[arg-type]


def after(minutes: int, name: str, *parts: object, **changes: object) -> Ask:
    return ask(name, *parts, at=NOW + timedelta(minutes=minutes), **changes)  # type: ignore[arg-type]


def test_a_limit_counts_everybody_below_it() -> None:
    allocator = site(*units("u", 6))
    allocator.quota_seen(Quota("org", limit_milli=3000))
    for name in ("a", "b"):
        allocator.quota_seen(Quota(name, parent="org"))
    placed(allocator, ask("c1", part(2), tenant="a"))
    found = refused(allocator, ask("c2", part(2), tenant="b"))
    assert found.constraint is Constraint.QUOTA
    assert found.quota == "org"
    assert "quota org allows 3 B200-equivalents: 2 are held and 2 more are wanted" in found.message
    assert served(allocator) == []
    allocator.ended("c1")
    assert served(allocator) == ["c2"]


def test_a_limit_of_a_class_counts_units() -> None:
    allocator = site(*units("u", 6), *units("g", 2, unit_class="gb200"))
    allocator.quota_seen(Quota("acme", units_max={"b200": 2}))
    assert refused(allocator, ask("c1", part(3))).quota == "acme"
    assert len(placed(allocator, ask("c2", part(2)))) == 2
    assert len(placed(allocator, ask("c3", part(2, classes=("gb200",))))) == 2


def test_a_larger_quota_wakes_who_waited_for_it() -> None:
    allocator = site(*units("u", 4))
    allocator.quota_seen(Quota("acme", limit_milli=1000))
    refused(allocator, ask("c", part(2)))
    allocator.quota_seen(Quota("acme", limit_milli=2000))
    assert served(allocator) == ["c"]


def test_quotas_that_make_a_circle_are_refused() -> None:
    allocator = site()
    allocator.quota_seen(Quota("a", parent="b"))
    with pytest.raises(QuotaRefused, match="hint: "):
        allocator.quota_seen(Quota("b", parent="a"))
    with pytest.raises(QuotaRefused, match="weight=0"):
        allocator.quota_seen(Quota("c", weight=0))


def test_priority_goes_first_then_whoever_holds_least_for_its_weight() -> None:
    allocator = site(*units("u", 6))
    allocator.quota_seen(Quota("rich", weight=3.0))
    placed(allocator, ask("full", part(3), tenant="other"))
    placed(allocator, ask("p", part(1), tenant="poor"))
    placed(allocator, ask("r", part(2), tenant="rich"))
    refused(allocator, after(1, "p2", tenant="poor"))
    refused(allocator, after(2, "r2", tenant="rich"))
    refused(allocator, after(3, "urgent", tenant="poor", priority=1))
    allocator.ended("full")
    assert served(allocator) == ["urgent", "r2", "p2"]


def test_turns_are_taken_from_the_top_of_the_tree_down() -> None:
    allocator = site(*units("u", 5))
    for org, names in (("big", ("a", "b")), ("small", ("c",))):
        allocator.quota_seen(Quota(org))
        for name in names:
            allocator.quota_seen(Quota(name, parent=org))
    placed(allocator, ask("held", part(5), tenant="x"))
    for minute, tenant in enumerate("aabbccc"):
        refused(allocator, after(minute, f"{tenant}{minute}", tenant=tenant))
    allocator.ended("held")
    assert [name[0] for name in served(allocator)] == ["a", "c", "b", "c", "a"]


def test_an_end_wakes_only_who_it_may_serve() -> None:
    allocator = site(*units("u", 4, rack="r1"), *units("v", 4, rack="r2"))
    for n in range(8):
        placed(allocator, ask(f"h{n}"))
    refused(allocator, after(1, "large", part(4, within=Level.RACK)))
    refused(allocator, after(2, "small"))
    allocator.ended("h0")
    assert served(allocator) == ["small"]
    assert len(allocator.waiting) == 1


def test_an_estimate_names_the_moment_and_whose_end_it_is() -> None:
    allocator = site(*units("u", 4))
    placed(allocator, ask("c1", part(2), lasts=2 * HOUR))
    placed(allocator, ask("c2", part(2), lasts=HOUR))
    found = refused(allocator, ask("c3", part(3)))
    assert found.estimate is not None
    assert found.estimate.start_at == NOW + 2 * HOUR
    assert found.estimate.after == ("c1", "c2")
    assert "estimated start 2026-01-01 02:00 UTC, when c1, c2 ends" in found.message


def test_an_estimate_for_a_quota_waits_for_the_tenants_own() -> None:
    allocator = site(*units("u", 8))
    allocator.quota_seen(Quota("acme", limit_milli=2000))
    placed(allocator, ask("other", part(2), tenant="rival", lasts=HOUR))
    placed(allocator, ask("mine", part(2), lasts=3 * HOUR))
    found = refused(allocator, ask("c", part(1)))
    assert found.estimate is not None
    assert found.estimate.start_at == NOW + 3 * HOUR


def test_a_claim_without_an_end_gives_no_estimate() -> None:
    allocator = site(unit("u"))
    placed(allocator, ask("c1"))
    assert refused(allocator, ask("c2")).estimate is None


def large_among_small(*, lasts: timedelta | None) -> Allocator:
    """A large ask that has waited long, on a site of which half ends in an hour."""
    allocator = site(*units("u", 4), rules=Rules(reserve_after=timedelta(minutes=10)))
    placed(allocator, ask("h1", part(2), lasts=lasts))
    placed(allocator, ask("h2", part(1), lasts=lasts))
    refused(allocator, ask("large", part(4)))
    allocator.serve(NOW + timedelta(minutes=10))
    assert "large" in allocator.reservations
    return allocator


def test_a_promise_keeps_small_asks_from_starving_a_large_one() -> None:
    allocator = large_among_small(lasts=None)
    found = refused(allocator, after(11, "small"), NOW + timedelta(minutes=11))
    assert found.counts[Constraint.RESERVED] == 1
    assert "kept for claims that have waited longer" in found.message
    allocator.ended("h1")
    assert served(allocator, NOW + HOUR) == []
    allocator.ended("h2")
    assert served(allocator, NOW + HOUR) == ["large"]


def test_what_ends_before_the_promise_may_use_the_units_meanwhile() -> None:
    allocator = large_among_small(lasts=HOUR)
    minutes = timedelta(minutes=40)
    too_long = after(11, "long", lasts=HOUR)
    refused(allocator, too_long, NOW + timedelta(minutes=11))
    short = after(11, "short", lasts=minutes)
    assert placed(allocator, short, NOW + timedelta(minutes=11)) == ["u3"]
    for name in ("short", "h1", "h2"):
        allocator.ended(name)
    assert served(allocator, NOW + HOUR) == ["large"]


def test_a_promise_ends_with_the_ask_or_with_a_unit_of_it() -> None:
    allocator = large_among_small(lasts=None)
    allocator.withdrawn("large")
    assert placed(allocator, after(12, "small")) == ["u3"]
    allocator = large_among_small(lasts=None)
    allocator.unit_gone("u3")
    assert "large" not in allocator.reservations


def test_the_least_important_claims_give_way_after_their_grace() -> None:
    allocator = site(*units("u", 4))
    placed(allocator, ask("firm", part(1), tenant="x"))
    placed(allocator, ask("old", part(1), tenant="x", preemptible=True))
    placed(allocator, ask("young", part(2), tenant="y", preemptible=True, grace=HOUR))
    wanted = ask("urgent", part(1), tenant="z", priority=1, may_preempt=True)
    found = refused(allocator, wanted)
    assert found.preempts == ("old",)
    assert found.estimate is not None
    assert found.estimate.start_at == NOW + timedelta(minutes=5)
    assert allocator.decide(wanted, NOW).preempts == ()  # type: ignore[union-attr]
    allocator.ended("old")
    assert served(allocator) == ["urgent"]


def test_equal_priority_ends_nobody_unless_a_guarantee_is_owed() -> None:
    allocator = site(*units("u", 2))
    placed(allocator, ask("c1", part(2), tenant="greedy", preemptible=True))
    owed = ask("c2", part(1), tenant="owed", may_preempt=True)
    assert refused(allocator, owed).preempts == ()
    allocator.quota_seen(Quota("owed", guaranteed_milli=1000))
    assert refused(allocator, owed).preempts == ("c1",)
    within = site(*units("u", 2))
    within.quota_seen(Quota("greedy", guaranteed_milli=2000))
    within.quota_seen(Quota("owed", guaranteed_milli=1000))
    placed(within, ask("c1", part(2), tenant="greedy", preemptible=True))
    assert refused(within, owed).preempts == ()


def test_nobody_gives_way_for_who_is_over_its_quota() -> None:
    allocator = site(*units("u", 1))
    allocator.quota_seen(Quota("z", limit_milli=0))
    placed(allocator, ask("c1", preemptible=True))
    urgent = ask("c2", tenant="z", priority=5, may_preempt=True)
    assert refused(allocator, urgent).preempts == ()
    assert allocator.holdings.get("c1") is not None


def test_room_that_is_in_two_places_names_the_claim_to_start_anew() -> None:
    allocator = site(*units("a", 3, rack="r1"), *units("b", 3, rack="r2"))
    for number in range(6):
        placed(allocator, ask(f"c{number}"))
    for unit_id in ("a0", "b0"):
        allocator.ended(allocator.stock.holder(unit_id))
    found = refused(allocator, ask("pair", part(2, within=Level.RACK)))
    assert found.constraint is Constraint.TOPOLOGY
    assert [(move.units, move.out_of) for move in found.moves] == [(1, "s1/r2")]
    assert f"starting {found.moves[0].claim_id} anew elsewhere than in r2" in found.message
    far = refused(allocator, ask("three", part(3, within=Level.RACK)))
    assert far.moves == ()


def test_a_withdrawn_ask_waits_no_more() -> None:
    allocator = site(unit("u"))
    placed(allocator, ask("c1"))
    refused(allocator, ask("c2"))
    allocator.withdrawn("c2")
    allocator.ended("c1")
    assert served(allocator) == []
    assert allocator.explain("c2") is None
