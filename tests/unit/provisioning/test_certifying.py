"""Certification keeps what tenants hold."""

from __future__ import annotations

from pathlib import Path

from inventory.model import ComputeUnit
from inventory.states import UnitState
from pods.keys import SigningKey
from provisioning.certifying import Certified, certify, unit_labels
from provisioning.context import Context
from tests.make import (
    NOW,
    lab,
    make_agent,
    make_facts,
    make_host,
    make_pod,
    make_report,
    make_seen,
    make_wanted,
)


def certified(tmp_path: Path) -> Certified:
    """The lab host, certified."""
    key = SigningKey.generate(tmp_path / "k", purpose="simulated")
    context = Context(
        pod=make_pod(), spec=lab(), wanted=make_wanted(), agent=None, intents=(), units=()
    )
    seen = make_seen(agent=make_agent(acceptance=make_report()), facts=make_facts())
    return certify(make_host(), seen, context, key=key, now=NOW)


def test_a_claimed_unit_stays_claimed_when_its_host_is_certified_again(tmp_path: Path) -> None:
    made = certified(tmp_path)
    held = made.unit.model_copy(update={"state": UnitState.DRAINING, "claim": "c1", "version": 7})

    new, old = made.unit_change([held])

    assert new == ()
    (unit,) = old
    assert isinstance(unit, ComputeUnit)
    assert (unit.state, unit.claim, unit.version) == (UnitState.DRAINING, "c1", 7)


def test_a_first_certificate_makes_an_available_unit(tmp_path: Path) -> None:
    made = certified(tmp_path)

    assert made.unit_change([]) == ((made.unit,), ())
    assert made.unit.state is UnitState.AVAILABLE
    assert made.certificate.simulated is True


def test_a_unit_says_its_leaf_and_the_domain_that_its_rack_shares() -> None:
    context = Context(
        pod=make_pod(), spec=lab(), wanted=make_wanted(), agent=None, intents=(), units=()
    )
    neighbours = {"eth10": ("leaf-9", "p1"), "eth2": ("leaf-2", "p7")}
    facts = make_facts().model_copy(update={"neighbours": neighbours})
    labels = unit_labels(make_host(facts=facts, link_domain="demo-r1"), context)
    assert (labels["podyard.io/leaf"], labels["podyard.io/domain"]) == ("leaf-2", "demo-r1")
    alone = unit_labels(make_host(facts=make_facts()), context)
    assert "podyard.io/leaf" not in alone
    assert alone["podyard.io/domain"] == make_host().name
