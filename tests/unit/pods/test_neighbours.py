"""Neighbours against the plan: whatever two cables are swapped, their four ends are named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pods import catalogue
from pods.cabling import Cable, End, cabling_of
from pods.neighbours import Port, miscablings

CABLES = cabling_of(catalogue.load("su-b200-32")).cables
NUMBERS = st.integers(0, len(CABLES) - 1)


def ports(cable: Cable) -> tuple[Port, Port]:
    return (cable.a.node, cable.a.port), (cable.z.node, cable.z.port)


def plugged(far: dict[int, int]) -> dict[Port, Port]:
    """What all ports see when cable n ends where cable `far[n]` should."""
    seen: dict[Port, Port] = {}
    for number, cable in enumerate(CABLES):
        a, z = ports(cable)[0], ports(CABLES[far.get(number, number)])[1]
        seen[a] = z
        seen[z] = a
    return seen


def ends(*numbers: int) -> set[End]:
    return {end for number in numbers for end in (CABLES[number].a, CABLES[number].z)}


pairs = st.tuples(NUMBERS, NUMBERS).filter(lambda pair: pair[0] != pair[1])


def test_a_hall_that_is_cabled_as_planned_has_nothing_to_tell() -> None:
    assert miscablings(CABLES, plugged({}), dark=True) == ()


@given(pair=pairs)
def test_any_two_swapped_cables_name_exactly_their_four_ends(pair: tuple[int, int]) -> None:
    one, other = pair
    (found,) = miscablings(CABLES, plugged({one: other, other: one}), dark=True)
    assert found.kind == "swapped"
    assert set(found.ends) == ends(one, other)
    assert len(found.ends) == 4
    told = found.mismatch()
    assert told.effect == "blocks"
    for end in found.ends:
        assert f"{end.node} {end.port} (rack {end.rack} U{end.unit})" in told.wanted


@given(pair=pairs, data=st.data())
def test_any_one_sighting_of_a_swap_is_enough(pair: tuple[int, int], data: st.DataObject) -> None:
    one, other = pair
    whole = plugged({one: other, other: one})
    port = data.draw(st.sampled_from([*ports(CABLES[one]), *ports(CABLES[other])]))
    (found,) = miscablings(CABLES, {port: whole[port]})
    assert set(found.ends) == ends(one, other)


@given(pair=pairs, side=st.sampled_from([0, 1]))
def test_one_side_alone_finds_a_swap(pair: tuple[int, int], side: int) -> None:
    one, other = pair
    whole = plugged({one: other, other: one})
    half = {ports(cable)[side]: whole[ports(cable)[side]] for cable in CABLES}
    (found,) = miscablings(CABLES, half, dark=True)
    assert set(found.ends) == ends(one, other)


@given(st.lists(NUMBERS, min_size=3, max_size=6, unique=True))
def test_more_cables_in_a_ring_are_one_job(ring: list[int]) -> None:
    turned = dict(zip(ring, [*ring[1:], ring[0]], strict=True))
    (found,) = miscablings(CABLES, plugged(turned))
    assert found.kind == "mixed"
    assert set(found.ends) == ends(*ring)


@given(st.lists(NUMBERS, min_size=4, max_size=4, unique=True))
def test_two_swaps_are_two_jobs(four: list[int]) -> None:
    a, b, c, d = four
    found = miscablings(CABLES, plugged({a: b, b: a, c: d, d: c}))
    assert {frozenset(one.ends) for one in found} == {
        frozenset(ends(a, b)),
        frozenset(ends(c, d)),
    }


def test_a_neighbour_that_nobody_planned_names_the_cable() -> None:
    a, _ = ports(CABLES[7])
    (found,) = miscablings(CABLES, {a: ("somebody-elses-switch", "1")})
    assert (found.kind, found.cables) == ("elsewhere", (CABLES[7],))
    assert "somebody-elses-switch" in found.mismatch().found


def test_a_cable_that_nobody_sees_is_told_when_asked_for() -> None:
    seen = plugged({})
    for port in ports(CABLES[3]):
        del seen[port]
    assert miscablings(CABLES, seen) == ()
    (found,) = miscablings(CABLES, seen, dark=True)
    assert (found.kind, found.cables) == ("dark", (CABLES[3],))
    assert found.mismatch().effect == "warns"


@pytest.mark.parametrize("spelled", ["{}.hall7.example.net", "{}", "{}."])
def test_a_domain_and_capitals_make_no_other_node(spelled: str) -> None:
    seen = {
        (spelled.format(node).upper(), f"{port} "): (spelled.format(other), far.upper())
        for (node, port), (other, far) in plugged({}).items()
    }
    assert miscablings(CABLES, seen, dark=True) == ()


@pytest.mark.parametrize("seen", [{}, {("bmc-switch", "1"): ("router", "2")}])
def test_ports_outside_the_plan_are_none_of_its_business(seen: dict[Any, Any]) -> None:
    assert miscablings(CABLES, seen) == ()


def test_a_port_that_sees_itself_is_told() -> None:
    a, _ = ports(CABLES[0])
    (found,) = miscablings(CABLES, {a: a})
    assert found.kind == "elsewhere"
