"""The judge of a real bench, and what it refuses to begin."""

from __future__ import annotations

import resource

import pytest

from provisioning.bench.probe import percentile_ms
from provisioning.bench.processes import make_room_for_files
from provisioning.bench.real_hall import HallWish, built, mute, told
from provisioning.bench.real_judge import judge
from provisioning.simulator.errors import HallError
from provisioning.simulator.journal import Entry


def entry(what: str, at: float, **fields: object) -> Entry:
    """A line of the hall's journal."""
    return {"seq": 1, "at": at, "host": "h1", "feed": "a", "what": what, **fields}


def flash(at: float) -> Entry:
    """An image is written."""
    return entry("firmware.update.start", at, component="BIOS", **{"from": "1", "to": "2"})


def test_a_host_that_is_called_ready_while_it_is_down_is_false() -> None:
    journal = [entry("boot", 10.0), entry("power.off", 20.0)]
    budgets = {"a": 100.0}
    for moment, false in ((15.0, 0), (25.0, 1), (5.0, 1)):
        found = judge(journal, budgets=budgets, ready_at={"h1": [moment]}, incurable={})
        assert found.false_ready == false, moment


def test_a_host_that_nothing_cures_is_never_ready() -> None:
    found = judge(
        [entry("boot", 10.0)],
        budgets={"a": 100.0},
        ready_at={"h1": [15.0]},
        incurable={"h1": ["missing-dimm"]},
    )
    assert found.false_ready == 1
    assert "missing-dimm" in found.findings[0]


def test_an_image_that_is_written_twice_and_a_feed_over_its_budget_are_found() -> None:
    journal = [flash(1.0), flash(2.0), entry("draw", 3.0, watts=101.0)]
    found = judge(journal, budgets={"a": 100.0}, ready_at={}, incurable={})
    assert (found.double_destructive, found.over_budget, found.flashes) == (1, 1, 2)


def test_black_holes_are_as_many_as_were_asked_for_and_never_a_canary() -> None:
    wish = HallWish(hosts=60, seed=3, faults="field", black_holed=0.1, deadline_s=10.0)
    fleet, plan = built(wish)
    holes = {h.name for h in plan.hosts if any(f.kind == "black-hole" for f in h.faults)}
    assert len(holes) == 6
    planted = told(wish, fleet)
    assert holes <= set(planted["mute"])
    assert not holes & set(planted["canaries"])
    assert all(mute(h, deadline_s=10.0) for h in plan.hosts if h.name in holes)


def test_the_same_seed_plants_the_same() -> None:
    wish = HallWish(hosts=40, seed=5, faults="field", black_holed=0.05, deadline_s=10.0)
    assert built(wish)[1] == built(wish)[1]


def test_too_few_open_files_are_told_with_what_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (1024, 2048))
    with pytest.raises(HallError, match="needs 18512 open files") as refused:
        make_room_for_files(4500)
    assert "ulimit" in refused.value.hint


def test_a_percentile_of_nothing_is_nothing() -> None:
    assert percentile_ms([], 0.95) is None
    assert percentile_ms([0.1, 0.2, 0.3, 0.4], 0.5) == 300.0
