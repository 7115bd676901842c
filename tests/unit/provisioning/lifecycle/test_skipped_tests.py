"""Tests that a host has no tool for: a floor on one parks, others are certified with the reason."""

from __future__ import annotations

from inventory.states import HostState
from provisioning.lifecycle.accepting import decide_accepting
from provisioning.lifecycle.actions import Certify
from provisioning.lifecycle.decision import Do, Hold
from tests.make import (
    make_agent,
    make_boot,
    make_facts,
    make_host,
    make_report,
    make_seen,
    make_wanted,
)

MISSING = "dcgmi is not installed"
ACCEPTING = {
    "state": HostState.ACCEPTING,
    "boot": make_boot(),
    "configured_boot_id": "b1",
    "acceptance_order": "o1",
}


def test_floor_on_a_test_without_a_tool_parks_and_says_what_is_missing() -> None:
    report = make_report(measurements=(), skipped={"matrix_multiply": MISSING})
    seen = make_seen(agent=make_agent(acceptance=report), facts=make_facts())
    decided = decide_accepting(make_host(**ACCEPTING), seen, make_wanted())
    assert isinstance(decided, Hold)
    assert (decided.problem, decided.message) == (
        "acceptance-incomplete",
        f"matrix_multiply: {MISSING}",
    )


def test_test_beside_the_floors_may_be_skipped() -> None:
    report = make_report(skipped={"diagnostic": MISSING})
    seen = make_seen(agent=make_agent(acceptance=report), facts=make_facts())
    decided = decide_accepting(make_host(**ACCEPTING), seen, make_wanted())
    assert isinstance(decided, Do)
    assert isinstance(decided.action, Certify)
