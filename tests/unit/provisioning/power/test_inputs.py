"""A feed is dead when two of its hosts say so, and lives again when two say that later."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory.model import Host
from pods.facts import PowerSupplyFact
from provisioning.power.inputs import Verdict, inputs_of, lacks_input, verdict
from tests.make import NOW, make_facts, make_host


def supplied(name: str, dead: str = "", *, at_s: float = 0.0, count: int = 4) -> Host:
    """A host on feeds a and b; `dead`: the numbers of its supplies without input."""
    supplies = tuple(
        PowerSupplyFact(
            slot=f"PSU{n}", input_status="LossOfInput" if str(n) in dead.split() else "Normal"
        )
        for n in range(count)
    )
    facts = make_facts(power_supplies=supplies, observed_at=NOW + timedelta(seconds=at_s))
    return make_host(id=name, name=name, feed="a", feed_b="b", facts=facts)


@pytest.mark.parametrize(
    ("dead", "says"),
    [
        ("", {"a": True, "b": True}),
        ("0 1", {"a": False, "b": True}),
        ("2 3", {"a": True, "b": False}),
        ("0", {"a": True, "b": True}),  # a broken supply or cord is no dead feed
        ("0 2", {"a": True, "b": True}),
        ("0 1 2 3", {}),  # it answers: so something feeds it
    ],
)
def test_the_lower_half_of_the_supplies_is_on_the_first_feed(
    dead: str, says: dict[str, bool]
) -> None:
    assert inputs_of(supplied("h1", dead)) == says


def test_slots_are_counted_and_not_spelled() -> None:
    host = supplied("h1", "0 1 2 3 4 5", count=12)
    assert inputs_of(host) == {"a": False, "b": True}
    assert lacks_input(host)


def test_nobody_knows_where_an_odd_supply_hangs() -> None:
    assert inputs_of(supplied("h1", "0", count=5)) == {}


def test_one_host_is_a_broken_cord_and_two_are_a_dead_feed() -> None:
    one = [supplied("h1", "0 1", at_s=9), supplied("h2"), supplied("h3")]
    assert verdict("a", one) == Verdict(dead=False, hosts=("h2", "h3"))
    two = [supplied("h1", "0 1", at_s=9), supplied("h2", "0 1", at_s=10), supplied("h3")]
    assert verdict("a", two) == Verdict(dead=True, hosts=("h1", "h2"))
    assert verdict("b", two) == Verdict(dead=False, hosts=("h1", "h2", "h3"))


def test_who_looked_later_counts() -> None:
    dead = [supplied(f"h{n}", "0 1") for n in (1, 2, 3)]
    one_back = [supplied("h1", at_s=60), *dead[1:]]
    assert verdict("a", one_back) == Verdict(dead=True, hosts=("h2", "h3"))
    two_back = [supplied("h1", at_s=60), supplied("h2", at_s=90), dead[2]]
    assert verdict("a", two_back) == Verdict(dead=False, hosts=("h1", "h2"))


def test_two_that_disagree_change_nothing() -> None:
    assert verdict("a", [supplied("h1", "0 1"), supplied("h2")]) is None
    assert verdict("a", [supplied("h1", "0 1")]) == Verdict(dead=True, hosts=("h1",))
    assert verdict("a", [make_host(feed_b="b")]) is None
