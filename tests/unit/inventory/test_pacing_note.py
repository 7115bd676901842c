"""Controllers tell their limits in one note; a silent one is left out."""

from __future__ import annotations

from datetime import timedelta

from inventory.pacing import heard, room, said, why_full
from inventory.pacing_metrics import PacingCollector
from inventory.store.memory import MemoryStore
from tests.unit.inventory.records import NOW, FixedClock

TOLD = {
    "sites": {"here": {"at_once": 64, "at_work": 64, "refused": 3}},
    "models": {"lab-cpu": 2},
    "beside": 5,
    "slow": 7,
    "racks_limited": 1,
}


def test_a_due_host_is_told_that_its_site_is_full_only_when_it_is() -> None:
    store = MemoryStore()
    assert why_full(store, "here", now=NOW) == ""
    said(store, "c1", TOLD, now=NOW)
    assert "site here takes 64 hosts at once" in why_full(store, "here", now=NOW)
    assert why_full(store, "there", now=NOW) == ""
    free = {**TOLD, "sites": {"here": {"at_once": 64, "at_work": 3, "refused": 0}}}
    said(store, "c2", free, now=NOW)
    assert why_full(store, "here", now=NOW) == ""


def test_a_controller_that_fell_silent_is_forgotten() -> None:
    store, later = MemoryStore(), NOW + timedelta(hours=1)
    said(store, "c1", TOLD, now=NOW)
    said(store, "c2", TOLD, now=later)
    assert len(heard(store, now=later)) == 1


def test_a_note_that_nobody_understands_says_nothing() -> None:
    store = MemoryStore()
    store.write_note("pacing", "not JSON")
    assert heard(store, now=NOW) == []


def test_metrics_add_up_controllers_and_name_no_host() -> None:
    store = MemoryStore()
    said(store, "c1", TOLD, now=NOW)
    said(store, "c2", {**TOLD, "lag_s": 0.3}, now=NOW)
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in PacingCollector(store, FixedClock(NOW)).collect()
        for sample in family.samples
    }
    assert found["podyard_pacing_hosts", "at_once", "here"] == 128
    assert found["podyard_pacing_reads_at_once", "lab-cpu"] == 2
    assert found["podyard_pacing_beside",] == 10
    assert found["podyard_pacing_slow_bmcs",] == 14
    assert found["podyard_pacing_racks_limited",] == 2
    assert found["podyard_pacing_lag_seconds",] == 0.3


def test_the_room_of_a_site_is_that_of_all_controllers_with_what_made_it_smaller() -> None:
    store, why = MemoryStore(), "41 % of the exchanges with 30 hosts were late or unanswered"
    limit = {"at_once": 20, "at_work": 9, "refused": 0, "most": 128, "narrowed": why}
    said(
        store, "c1", {**TOLD, "sites": {"here": limit, "there": {**limit, "narrowed": ""}}}, now=NOW
    )
    said(store, "an older one", TOLD, now=NOW)
    here, there = room(store, now=NOW)
    assert here == {
        "site": "here", "at_work": 73, "at_once": 84, "most": 192, "narrowed": why,
    }  # fmt: skip
    assert (there["site"], there["narrowed"]) == ("there", "")
