"""What a BMC reads and what its host does must go together before anything is certified."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.states import HostState
from provisioning.lifecycle.accepting import LOOK, decide_accepting
from provisioning.lifecycle.decision import Hold, Look
from tests.make import (
    make_agent,
    make_boot,
    make_facts,
    make_host,
    make_report,
    make_seen,
    make_wanted,
)


def decide(draw_watts: float | None) -> Any:
    """A host whose tests have just ended."""
    host = make_host(
        state=HostState.ACCEPTING,
        boot=make_boot(),
        configured_boot_id="b1",
        acceptance_order="o1",
    )
    agent = make_agent(acceptance=make_report())
    seen = make_seen(facts=make_facts(), agent=agent, draw_watts=draw_watts)
    return decide_accepting(host, seen, make_wanted())


def test_a_meter_that_reads_nothing_under_load_is_not_believed() -> None:
    answer = decide(0.0)

    assert isinstance(answer, Hold)
    assert answer.problem == "readings-disagree"


@pytest.mark.parametrize("draw_watts", [None, 350.0])
def test_a_bmc_without_a_meter_and_one_that_reads_a_draw_are_no_problem(
    draw_watts: float | None,
) -> None:
    assert not isinstance(decide(draw_watts), Hold)


def test_the_draw_is_looked_at() -> None:
    assert Look.DRAW in LOOK
