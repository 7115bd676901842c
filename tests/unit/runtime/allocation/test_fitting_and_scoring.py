"""Which units: filter, fit, score."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from runtime.allocation.answer import Placed
from runtime.allocation.ask import AskRefused
from runtime.allocation.unit import Bar, Constraint, Level
from tests.unit.runtime.allocation.makers import NOW, ask, part, placed, refused, site, unit, units


def test_the_smallest_rack_that_fits_is_taken() -> None:
    allocator = site(*units("b", 4, rack="big"), *units("s", 2, rack="small"))
    assert placed(allocator, ask("c", part(2))) == ["s0", "s1"]


def test_a_rack_where_the_cluster_already_is_comes_first() -> None:
    allocator = site(*units("b", 4, rack="big"), *units("s", 2, rack="small"))
    first = ask("c1", part(3, within=Level.RACK), cluster="main")
    assert placed(allocator, first) == ["b0", "b1", "b2"]
    assert placed(allocator, ask("c2", part(1), cluster="main")) == ["b3"]
    assert placed(allocator, ask("c3", part(1), cluster="main", tenant="rival")) == ["s0"]


def test_a_claim_that_fits_no_rack_takes_few_racks() -> None:
    sizes = {"a": 1, "b": 3, "c": 2}
    allocator = site(*(u for rack, size in sizes.items() for u in units(rack, size, rack=rack)))
    assert Counter(name[0] for name in placed(allocator, ask("c", part(5)))) == {"b": 3, "c": 2}


def test_units_of_one_rack_are_spread_over_its_feeds() -> None:
    allocator = site(*units("a", 4, feed="a"), *units("b", 4, feed="b"))
    assert Counter(name[0] for name in placed(allocator, ask("c", part(4)))) == {"a": 2, "b": 2}


def test_among_racks_alike_the_one_in_the_fullest_pod_is_taken() -> None:
    empty = [u for r in ("r1", "r2") for u in units(f"e-{r}", 2, pod="p1", rack=r)]
    allocator = site(*empty, *units("f", 2, pod="p2", rack="r3"))
    assert placed(allocator, ask("c", part(2))) == ["f0", "f1"]


def test_a_rack_that_two_pods_share_is_not_one_pod() -> None:
    allocator = site(
        *units("a", 2, pod="p1", rack="r1"),
        *units("b", 2, pod="p2", rack="r1"),
        *units("c", 1, pod="p2", rack="r2"),
    )
    assert placed(allocator, ask("x", part(3, within=Level.POD))) == ["b0", "b1", "c0"]


@pytest.mark.parametrize(
    ("level", "names"),
    [
        (Level.DOMAIN, ["d0", "d1"]),
        (Level.RACK, ["d0", "d1"]),
        (Level.SITE, ["d0", "d1"]),
    ],
)
def test_units_are_as_close_as_asked(level: Level, names: list[str]) -> None:
    apart = [unit(f"a{n}", rack=f"r{n}", leaf=f"l{n}", pod=f"p{n}") for n in range(4)]
    together = units("d", 2, rack="rd", domain="dd", pod="pd", leaf="ld")
    assert placed(site(*apart, *together), ask("c", part(2, within=level))) == names
    alone = refused(site(*apart), ask("c", part(2, within=Level.POD)))
    assert alone.constraint is Constraint.TOPOLOGY
    assert "in one pod are wanted, 4 of 4 can be used; the pod with most has 1 (p3)" in (
        alone.message
    )


def test_a_unit_whose_leaf_nobody_knows_is_in_no_leaf() -> None:
    allocator = site(*units("u", 2, leaf=""))
    found = refused(allocator, ask("c", part(2, within=Level.LEAF)))
    assert "no leaf is known for any of them" in found.message
    assert placed(allocator, ask("c", part(2))) == ["u0", "u1"]


def test_an_amount_is_met_by_ratings_for_the_profile_in_one_domain() -> None:
    small = units("s", 4, rack="r1", domain="d1", milli=1000)
    large = units("l", 3, rack="r2", domain="d2", milli=2500)
    allocator = site(*small, *large)
    assert placed(allocator, ask("c", part(milli=6000, within=Level.DOMAIN))) == ["l0", "l1", "l2"]
    found = refused(allocator, ask("d", part(milli=6000, within=Level.DOMAIN)))
    assert "6 B200-equivalents for decode of class b200 in one domain are wanted" in found.message


def test_no_larger_unit_than_needed_is_the_last_one() -> None:
    allocator = site(unit("large", milli=3000), unit("small", milli=1000))
    assert placed(allocator, ask("c", part(milli=3500))) == ["large", "small"]
    allocator.ended("c")
    assert placed(allocator, ask("d", part(milli=900))) == ["small"]


def test_feeds_that_were_asked_for_carry_even_parts() -> None:
    allocator = site(*units("a", 5, feed="a"), *units("b", 2, feed="b"))
    wanted = ask("c", part(4, feeds_min=2))
    assert Counter(name[0] for name in placed(allocator, wanted)) == {"a": 2, "b": 2}
    found = refused(allocator, ask("d", part(3, feeds_min=2)))
    assert found.constraint is Constraint.FEEDS


def test_all_parts_or_nothing_in_one_pod() -> None:
    prefill = units("b", 2, pod="p1", rack="r1"), units("x", 2, pod="p2", rack="r2")
    decode = units("g", 2, unit_class="gb200", pod="p2", rack="r3")
    allocator = site(*prefill[0], *prefill[1], *decode)
    parts = part(2), part(2, classes=("gb200",))
    answer = allocator.decide(ask("c", *parts, together=Level.POD), NOW)
    assert isinstance(answer, Placed)
    assert [sorted(one) for one in answer.by_part] == [["x0", "x1"], ["g0", "g1"]]
    again = refused(allocator, ask("d", *parts, together=Level.POD))
    assert allocator.stock.is_free("b0")
    assert again.free == 0


def test_whoever_can_choose_among_least_chooses_first() -> None:
    allocator = site(*units("b", 2), *units("g", 2, unit_class="gb200"))
    parts = part(2, classes=("b200", "gb200")), part(2)
    assert placed(allocator, ask("c", *parts)) == ["b0", "b1", "g0", "g1"]


def test_a_cluster_stays_in_its_site() -> None:
    allocator = site(*units("a", 2, site="s1"), *units("b", 8, site="s2", rack="r2"))
    placed(allocator, ask("c1", part(1), cluster="main"))
    found = refused(allocator, ask("c2", part(2), cluster="main"))
    assert "1 of 10 can be used" in found.message
    assert len(placed(allocator, ask("c3", part(2), cluster="other"))) == 2


def test_owned_and_price_and_labels_narrow_the_choice() -> None:
    allocator = site(
        unit("own", price_per_hour=3.0),
        unit("rent", owned=False, price_per_hour=5.0),
        unit("lab", labels=frozenset({("fabric", "none")}), price_per_hour=9.0),
    )
    labels = frozenset({("fabric", "none")})
    assert placed(allocator, ask("c1", part(1, owned=False))) == ["rent"]
    assert placed(allocator, ask("c2", part(1, labels=labels))) == ["lab"]
    assert placed(allocator, ask("c3", part(1, price_max=4.0))) == ["own"]
    found = refused(allocator, ask("c4", part(1, price_max=1.0)))
    assert found.constraint is Constraint.HELD


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"bar": Bar(Constraint.WITHDRAWN)}, Constraint.WITHDRAWN),
        ({"bar": Bar(Constraint.MAINTENANCE, "fan")}, Constraint.MAINTENANCE),
        ({"certified_until": None}, Constraint.UNCERTIFIED),
        ({"certified_until": NOW}, Constraint.EXPIRED),
    ],
)
def test_a_unit_that_may_not_be_used_is_counted_under_its_reason(
    change: dict[str, object], constraint: Constraint
) -> None:
    allocator = site(replace(unit("h1"), **change))  # type: ignore[arg-type]
    found = refused(allocator, ask("c"))
    assert found.counts == {constraint: 1}
    assert found.constraint is constraint
    assert "h1" in found.message
    assert "hint: " in found.message


def test_simulated_units_are_only_for_those_who_accept_them() -> None:
    allocator = site(*units("s", 2, simulated=True), unit("real"))
    found = refused(allocator, ask("c1", part(2)))
    assert "1 of 3 can be used" in found.message
    assert "2 simulated, and the claim does not accept those: s0, s1" in found.message
    assert placed(allocator, ask("c2", part(1))) == ["real"]
    assert placed(allocator, ask("c3", part(2, accept_simulated=True))) == ["s0", "s1"]


def test_an_unknown_class_lists_the_classes_that_exist() -> None:
    found = refused(site(*units("u", 2)), ask("c", part(1, classes=("b300",))))
    assert "no unit of class b300 is on record; classes: b200 (2)" in found.message
    assert found.constraint is Constraint.CLASS


def test_a_refused_certificate_is_forgiven_when_the_unit_is_seen_again() -> None:
    allocator = site(unit("h1"))
    allocator.unit_refused("h1", "its certificate does not verify")
    assert "h1 (its certificate does not verify)" in refused(allocator, ask("c")).message
    allocator.unit_seen(unit("h1"))
    assert [one.ask_id for one in allocator.serve(NOW)] == ["c"]


def test_a_certificate_that_ran_out_takes_no_claims_and_evicts_nobody() -> None:
    allocator = site(*units("u", 2, until=NOW + timedelta(hours=1)))
    placed(allocator, ask("c1"))
    later = NOW + timedelta(hours=1)
    found = refused(allocator, ask("c2"), later)
    assert found.counts == {Constraint.EXPIRED: 1, Constraint.HELD: 1}
    assert allocator.holdings.get("c1") is not None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (replace(part(1), b200e_milli=1000), "give one of them"),
        (replace(part(1), count=0, b200e_milli=1000), "profile=''"),
        (replace(part(2), feeds_min=3), "feeds_min=3"),
    ],
)
def test_an_ask_that_means_nothing_is_refused_at_once(wrong: object, says: str) -> None:
    with pytest.raises(AskRefused, match=says):
        site(unit("u")).decide(ask("c", wrong), NOW)  # type: ignore[arg-type]
