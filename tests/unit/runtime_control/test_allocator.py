"""Placement: filter, fit, score, and the reasons."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.states import UnitState
from runtime.allocator import Constraint, Offer, Placement, Request, Unplaced, place
from tests.unit.runtime_control.builders import START, make_host, make_unit

VALID = START + timedelta(days=1)


def make_offer(
    name: str, *, rack: str = "r1", feed: str = "a", until: Any = VALID, **changes: Any
) -> Offer:
    offer = {k: changes.pop(k) for k in ("held", "maintenance") if k in changes}
    host = make_host(name, rack=rack, feed=feed)
    return Offer(make_unit(host, **changes), certified_until=until, **offer)


def ask(count: int = 1, *, near: frozenset[str] = frozenset(), simulated: bool = True) -> Request:
    return Request("lab-cpu", count, accept_simulated=simulated, near_racks=near)


def placed(request: Request, *offers: Offer, gate: Any = lambda _: "") -> list[str]:
    found = place(request, offers, gate=gate, now=START)
    assert isinstance(found, Placement), found
    return list(found.unit_ids)


def unplaced(request: Request, *offers: Offer, gate: Any = lambda _: "") -> Unplaced:
    found = place(request, offers, gate=gate, now=START)
    assert isinstance(found, Unplaced), found
    return found


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"unit_class": "other"}, Constraint.CLASS),
        ({"state": UnitState.CLAIMED}, Constraint.HELD),
        ({"claim": "somebody"}, Constraint.HELD),
        ({"held": True}, Constraint.HELD),
        ({"state": UnitState.DRAINING}, Constraint.WITHDRAWN),
        ({"state": UnitState.WITHDRAWN}, Constraint.WITHDRAWN),
        ({"maintenance": "fan"}, Constraint.MAINTENANCE),
        ({"until": None}, Constraint.UNCERTIFIED),
        ({"until": START}, Constraint.EXPIRED),
    ],
)
def test_a_unit_that_may_not_be_used_is_counted_under_its_reason(
    changes: dict[str, Any], constraint: Constraint
) -> None:
    found = unplaced(ask(), make_offer("h1", **changes))
    assert found.counts == {constraint: 1}
    assert found.constraint is constraint
    assert "hint: " in found.message


def test_simulated_units_are_only_for_those_who_accept_them() -> None:
    offers = [make_offer("h1"), make_offer("h2"), make_offer("h3", simulated=False)]
    assert placed(ask(simulated=False), *offers) == ["unit-h3"]
    found = unplaced(ask(2, simulated=False), *offers)
    assert "1 of 3 can be used" in found.message
    assert "2 simulated, and the claim does not accept those: h1-u0, h2-u0" in found.message


def test_an_unknown_class_lists_the_classes_that_exist() -> None:
    found = unplaced(Request("b200", 1, accept_simulated=True), make_offer("h1"))
    assert "no unit of class b200 is on record; classes: lab-cpu (1)" in found.message


def test_a_unit_whose_certificate_does_not_hold_is_passed_over_with_the_reason() -> None:
    offers = [make_offer("h1"), make_offer("h2")]

    def gate(unit: Any) -> str:
        return "its certificate does not verify" if unit.name == "h1-u0" else ""

    assert placed(ask(), *offers, gate=gate) == ["unit-h2"]
    found = unplaced(ask(2), *offers, gate=gate)
    assert found.constraint is Constraint.REFUSED
    assert "h1-u0 (its certificate does not verify)" in found.message


def test_the_smallest_rack_that_fits_is_taken() -> None:
    big = [make_offer(f"b{n}", rack="big") for n in range(4)]
    small = [make_offer(f"s{n}", rack="small") for n in range(2)]
    assert placed(ask(2), *big, *small) == ["unit-s0", "unit-s1"]


def test_a_rack_where_the_cluster_already_is_comes_first() -> None:
    big = [make_offer(f"b{n}", rack="big") for n in range(4)]
    small = [make_offer(f"s{n}", rack="small") for n in range(2)]
    chosen = placed(ask(2, near=frozenset({"big"})), *big, *small)
    assert chosen == ["unit-b0", "unit-b1"]


def test_a_claim_that_fits_no_rack_takes_few_racks() -> None:
    offers = [make_offer(f"{r}{n}", rack=r) for r, size in (("a", 1), ("b", 3), ("c", 2))
              for n in range(size)]  # fmt: skip
    chosen = placed(ask(5), *offers)
    assert Counter(i.removeprefix("unit-")[0] for i in chosen) == {"b": 3, "c": 2}


def test_units_of_one_rack_are_spread_over_its_feeds() -> None:
    offers = [make_offer(f"a{n}", feed="a") for n in range(4)]
    offers += [make_offer(f"b{n}", feed="b") for n in range(4)]
    chosen = placed(ask(4), *offers)
    assert Counter(i.removeprefix("unit-")[0] for i in chosen) == {"a": 2, "b": 2}


OFFERS = st.lists(
    st.builds(
        lambda n, rack, feed, state, held, simulated, days: make_offer(
            f"h{n}",
            rack=rack,
            feed=feed,
            state=state,
            held=held,
            simulated=simulated,
            until=START + timedelta(days=days),
        ),
        st.integers(0, 10_000),
        st.sampled_from(["r1", "r2", "r3"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from(UnitState),
        st.booleans(),
        st.booleans(),
        st.integers(-1, 1),
    ),
    max_size=12,
    unique_by=lambda offer: offer.unit.id,
)


@given(offers=OFFERS, count=st.integers(1, 6), simulated=st.booleans(), seed=st.randoms())
def test_placement_is_exact_allowed_and_independent_of_order(
    *, offers: list[Offer], count: int, simulated: bool, seed: Any
) -> None:
    request = ask(count, simulated=simulated)
    found = place(request, offers, gate=lambda _: "", now=START)
    shuffled = list(offers)
    seed.shuffle(shuffled)
    assert place(request, shuffled, gate=lambda _: "", now=START) == found
    usable = {
        o.unit.id
        for o in offers
        if o.unit.state is UnitState.AVAILABLE
        and not o.held
        and (simulated or not o.unit.simulated)
        and o.certified_until is not None
        and o.certified_until > START
    }
    if isinstance(found, Placement):
        assert len(set(found.unit_ids)) == count
        assert set(found.unit_ids) <= usable
    else:
        assert len(usable) < count
        assert found.free == len(usable)
        assert sum(found.counts.values()) + found.free == len(offers)
