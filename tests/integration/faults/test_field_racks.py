"""Faults of racks, feeds, fabrics and coolant: what happens to the hosts that hang on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory.model import Host
from pods import catalogue
from provisioning.simulator.journal import feed_peaks
from provisioning.simulator.widening import widened
from tests.integration.faults.farm import Farm, Told, bring_up, rests, roomy

pytestmark = pytest.mark.integration

RACK = "r1-2"
LOST_FOR_S = 600


def host(told: Told, name: str) -> Host:
    """One record."""
    return told.hosts[name]


def kind(told: Told, name: str) -> str:
    """The kind of a host's problem, or its state."""
    found = host(told, name)
    return found.problem.kind if found.problem else found.state.value


def test_a_rack_that_lost_its_power_comes_back_inside_its_budget(tmp_path: Path) -> None:
    spec = widened(catalogue.load("lab-4"), hosts=12)
    brave = spec.bring_up.model_copy(update={"stop_share": 1.0, "power_drift": "restore"})
    spec = spec.model_copy(update={"bring_up": brave})
    lost: dict[str, float] = {}

    def back_and_ready(farm: Farm) -> bool:
        seen = {e["host"] for e in farm.journal() if e["what"] == "power.back"}
        return len(seen) == len(spec.racks[1].slots) and all(map(rests, farm.hosts().values()))

    # In the middle of the rack's own bring-up: some of its hosts run, some have not begun.
    told = bring_up(
        tmp_path, spec, [f"power-lost@rack/{RACK}:at=50,for={LOST_FOR_S}"], until=back_and_ready
    )

    dark = [e for e in told.journal if e["what"] in {"power.lost", "power.back"}]
    for entry in dark:
        lost.setdefault(entry["host"], entry["at"])
    assert len(lost) == len(spec.racks[1].slots)
    assert {kind(told, name) for name in told.hosts} == {"ready"}
    for name, at in lost.items():
        acts = told.of(name, "power.on", "boot", "firmware.update.start")
        assert not [e for e in acts if at < e["at"] < at + LOST_FOR_S]
        # Nothing is ready from memory: whoever was in the dark was started anew.
        assert any(e["at"] >= at + LOST_FOR_S for e in acts)
    budget = spec.feeds["a-2"].budget_watts
    assert feed_peaks(told.journal)["a-2"] <= budget


def test_a_dead_supply_suspends_the_certificate(tmp_path: Path) -> None:
    spec = roomy(catalogue.load("hgx-h100-8"))
    names = [slot.slot for _, slot in spec.slots()]
    # Half of its supplies: those on one of its two feeds.
    half = [f"dead-supply@{names[-1]}:after=boot,at=300,slot=PSU{n}" for n in range(3)]

    told = bring_up(
        tmp_path, spec, half, until=lambda farm: farm.loop.time() > 600, inspect_every_s=60.0
    )

    (suspended,) = [e for e in told.events if e.kind == "certificate.suspended"]
    assert "is without power" in suspended.why
    assert suspended.old == host(told, names[-1]).certificate_id
    assert {kind(told, name) for name in names[:-1]} == {"ready"}


def test_a_host_without_its_fabric_is_not_ready(tmp_path: Path) -> None:
    spec = roomy(catalogue.load("hgx-h100-8"))
    names = [slot.slot for _, slot in spec.slots()]

    told = bring_up(tmp_path, spec, [f"no-fabric@{names[-1]}"])

    problem = host(told, names[-1]).problem
    assert problem is not None
    assert problem.kind in {"spec-mismatch", "changed-since-inspection"}
    assert "link" in problem.message
    assert {kind(told, name) for name in names[:-1]} == {"ready"}


def test_swapped_cables_are_named_at_both_ends(tmp_path: Path) -> None:
    spec = roomy(catalogue.load("hgx-h100-8"))
    names = [slot.slot for _, slot in spec.slots()]

    told = bring_up(tmp_path, spec, [f"miscabled@{names[2]}:slot=NIC0,other={names[3]}"])

    for one in names[2:]:
        problem = host(told, one).problem
        assert problem is not None
        assert "NIC0" in problem.message or "leaf" in problem.message
    assert {kind(told, name) for name in names[:2]} == {"ready"}


def test_one_slow_accelerator_among_eight_is_named(tmp_path: Path) -> None:
    """The host's own sum hardly shows it, and no reading of any BMC does."""
    spec = roomy(catalogue.load("hgx-h100-8"))
    names = [slot.slot for _, slot in spec.slots()]

    told = bring_up(tmp_path, spec, [f"slow-gpu@{names[-1]}:slot=GPU_SXM_5"])

    problem = host(told, names[-1]).problem
    assert problem is not None
    assert problem.kind == "acceptance-failed"
    assert "GPU_SXM_5 runs at 0.33 of its peers" in problem.message
    assert not host(told, names[-1]).certificate_id
    assert {kind(told, name) for name in names[:-1]} == {"ready"}
