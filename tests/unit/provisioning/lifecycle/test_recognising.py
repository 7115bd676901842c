"""Facts of another host are never recorded, judged or certified."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.states import HostState
from provisioning.lifecycle.accepting import decide_accepting
from provisioning.lifecycle.decision import Do, Hold
from provisioning.lifecycle.inspecting import decide_inspecting
from tests.make import (
    make_agent,
    make_boot,
    make_facts,
    make_host,
    make_report,
    make_seen,
    make_wanted,
)


@pytest.mark.parametrize("changes", [{"serial": "OTHER"}, {"uuid": "u-2"}])
@pytest.mark.parametrize("state", [HostState.INSPECTING, HostState.ACCEPTING])
def test_a_host_that_became_another_one_is_parked(state: HostState, changes: Any) -> None:
    host = make_host(
        state=state, boot=make_boot(), configured_boot_id="b1", acceptance_order="o1", facts=None
    )
    seen = make_seen(facts=make_facts(**changes), agent=make_agent(acceptance=make_report()))
    decide = decide_inspecting if state is HostState.INSPECTING else decide_accepting

    answer = decide(host, seen, make_wanted())

    assert isinstance(answer, Hold)
    assert answer.problem == "wrong-host"
    assert next(iter(changes.values())) in answer.message


@pytest.mark.parametrize("changes", [{"serial": ""}, {"uuid": ""}, {"uuid": "U-1"}])
def test_what_a_bmc_leaves_out_or_spells_otherwise_contradicts_nothing(changes: Any) -> None:
    host = make_host(state=HostState.INSPECTING, facts=None)

    assert isinstance(
        decide_inspecting(host, make_seen(facts=make_facts(**changes)), make_wanted()), Do
    )
