"""What a BMC reads and what its host does must go together before anything is certified."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.states import HostState
from pods.facts import HardwareFacts
from provisioning.findings import findings
from provisioning.lifecycle.accepting import LOOK, decide_accepting
from provisioning.lifecycle.actions import RecordFacts
from provisioning.lifecycle.decision import Do, Hold, Look
from tests.make import (
    lab,
    make_agent,
    make_boot,
    make_facts,
    make_host,
    make_report,
    make_seen,
    make_wanted,
    told_twice,
)

_TYPE = lab().host_types["lab-cpu"]
LINKED = _TYPE.model_copy(
    update={"accelerators": _TYPE.accelerators.model_copy(update={"link_ports": 18})}
    if _TYPE.accelerators
    else {}
)


def decide(
    draw_watts: float | None = None,
    *,
    facts: HardwareFacts | None = None,
    before: HardwareFacts | None = None,
    **record: Any,
) -> Any:
    """A host whose tests have just ended."""
    host = make_host(
        state=HostState.ACCEPTING,
        boot=make_boot(),
        configured_boot_id="b1",
        acceptance_order="o1",
        facts=before or facts or make_facts(),
        **record,
    )
    agent = make_agent(acceptance=make_report())
    seen = make_seen(facts=facts or make_facts(), agent=agent, draw_watts=draw_watts)
    wanted = make_wanted(host_type=LINKED)
    return told_twice(decide_accepting, host, seen, wanted)


def with_links(up: int) -> HardwareFacts:
    """As built; so many of its links are up."""
    gpu = make_facts().accelerators[0].model_copy(update={"link_ports": 18, "links_up": up})
    return make_facts(accelerators=(gpu,))


def found(facts: HardwareFacts) -> Any:
    """What the record says of these facts."""
    return findings(make_host(facts=facts), make_wanted(host_type=LINKED))


def test_a_meter_that_reads_nothing_under_load_is_not_believed() -> None:
    answer = decide(0.0, facts=with_links(18))

    assert isinstance(answer, Hold)
    assert answer.problem == "readings-disagree"


@pytest.mark.parametrize("draw_watts", [None, 350.0])
def test_a_bmc_without_a_meter_and_one_that_reads_a_draw_are_no_problem(
    draw_watts: float | None,
) -> None:
    assert not isinstance(decide(draw_watts, facts=with_links(18)), Hold)


def test_what_was_read_before_the_host_ran_is_read_again() -> None:
    """The same parts, but now their links have trained, or have not."""
    before, now = with_links(0), with_links(17)
    assert before.digest() == now.digest()

    answer = decide(facts=now, before=before)

    assert isinstance(answer, Do)
    assert answer.action == RecordFacts()


def test_neighbours_that_are_only_heard_while_the_host_runs_are_recorded() -> None:
    silent = with_links(18)
    heard = silent.model_copy(update={"neighbours": {"NIC0": ("leaf-1", "p1")}})

    answer = decide(facts=heard, before=silent, mismatches=found(silent))

    assert isinstance(answer, Do)
    assert answer.action == RecordFacts()


@pytest.mark.parametrize("up", [0, 17])
def test_links_that_stay_down_while_the_host_runs_park_it(up: int) -> None:
    facts = with_links(up)

    answer = decide(facts=facts, mismatches=found(facts))

    assert isinstance(answer, Hold)
    assert "links_up" in answer.message


def test_the_draw_is_looked_at() -> None:
    assert Look.DRAW in LOOK
