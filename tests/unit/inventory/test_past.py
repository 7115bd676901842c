"""What hosts took before is read out of events, bounded, and makes a plan's expectation."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import pytest

from inventory import past
from inventory.model import Event, Host
from inventory.past import durations, past_of
from inventory.states import HostState, PowerState
from inventory.store.protocol import Change
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW, make_facts, make_host, make_pod

START = NOW - timedelta(hours=2)
UP = ("matching", "preparing", "booting", "configuring", "accepting", "ready")


def event(after_s: float, kind: str, old: str = "", new: str = "", host: str = "r1-h1") -> Event:
    at = START + timedelta(seconds=after_s)
    return Event(at=at, actor="provisioning", kind=kind, subject=f"host:{host}", old=old, new=new)


def way_up(host: str = "r1-h1", *, begin_s: float = 0.0, step_s: float = 10.0) -> list[Event]:
    """One state after the other, each stayed in for `step_s` more than the one before."""
    moves, at = [], begin_s
    for n, (old, new) in enumerate(itertools.pairwise(UP)):
        at += n * step_s
        moves.append(event(at, "host.state", old, new, host))
    return moves


def test_each_step_is_the_stay_in_its_state() -> None:
    assert list(durations(way_up(), before=NOW)) == [
        ("preparing", 10.0),
        ("booting", 20.0),
        ("configuring", 30.0),
        ("accepting", 40.0),
    ]


def test_a_firmware_update_is_a_step_of_its_own_and_no_part_of_preparing() -> None:
    events = [
        event(0, "host.state", "matching", "preparing"),
        event(1, "intent.open", "1.0", "2.0"),
        event(91, "intent.done", "1.0", "2.0"),
        event(100, "host.state", "preparing", "booting"),
    ]
    assert list(durations(events, before=NOW)) == [("flashing", 90.0), ("preparing", 10.0)]


@pytest.mark.parametrize(
    "between",
    [
        [event(5, "host.parked", "booting", "boot-failed")],
        [
            event(5, "host.state", "booting", "preparing"),
            event(6, "host.state", "preparing", "repairing"),
            event(7, "host.state", "repairing", "registering"),
        ],
    ],
    ids=["parked", "went-back"],
)
def test_what_did_not_go_straight_tells_nothing(between: list[Event]) -> None:
    events = [
        event(0, "host.state", "preparing", "booting"),
        *between,
        event(90, "host.state", "booting", "configuring"),
    ]
    assert list(durations(events, before=NOW)) == []


def test_what_was_not_over_by_then_does_not_count() -> None:
    until = START + timedelta(seconds=35)
    assert [step for step, _ in durations(way_up(), before=until)] == ["preparing", "booting"]


def other_pod(site: Site, hosts: int, *, at: str = "here") -> None:
    """A pod of the same hardware that came up before."""
    pod = make_pod(name="older", created_at=START, site=at)
    records = [
        make_host(
            100 + n,
            name=f"o{n}",
            slot=f"s{n}",
            pod="older",
            serial=f"OLD{n}",
            state=HostState.READY,
        )
        for n in range(hosts)
    ]
    events = [e for h in records for e in way_up(h.name)]
    site.store.apply(Change(insert=(pod, *records), events=tuple(events)), now=NOW)


def test_the_past_of_a_site_is_found_by_hardware_and_bounded(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "HOSTS_MAX", 3)
    other_pod(site, 5)
    pod, host = make_pod(), make_host(facts=make_facts())
    site.put(pod, host)
    found = past_of(site.store, pod, [host])
    assert found["lab-cpu"]["booting"] == [20.0] * 3
    assert past_of(site.store, pod, [make_host()]) == {}


def test_another_sites_past_and_another_hardware_s_do_not_count(site: Site) -> None:
    other_pod(site, 2, at="elsewhere")
    pod, host = make_pod(), make_host(facts=make_facts())
    assert past_of(site.store, pod, [host]) == {}
    value = {**pod.spec_document}
    types = {n: {**t, "model": "Another"} for n, t in value["host_types"].items()}
    another = make_pod(spec_document={**value, "host_types": types}, site="elsewhere")
    assert past_of(site.store, another, [host]) == {}


@pytest.mark.parametrize(("hosts", "late_after_s"), [(20, 4400.0), (9, 1800.0)])
async def test_why_says_when_a_host_is_late_by_what_its_model_took_here(
    site: Site, admin: str, hosts: int, late_after_s: float
) -> None:
    """By boots of 2,200 s; fewer than twenty stays do not count, and each host has two here."""
    other_pod(site, hosts)
    slow = [
        told
        for n in range(hosts)
        for told in (
            event(-5000, "host.state", "preparing", "booting", f"o{n}"),
            event(-2800, "host.state", "booting", "configuring", f"o{n}"),
        )
    ]
    site.store.apply(Change(events=tuple(slow)), now=NOW)
    here = make_host(state=HostState.BOOTING, state_since=NOW, facts=make_facts())
    site.put(make_pod(), here)
    why = (await site.ask("GET", "/api/hosts/r1-h1/why", key=admin)).json()
    late = datetime.fromisoformat(why["late_at"]) - NOW
    assert late.total_seconds() == late_after_s


async def test_a_plan_expects_the_median_and_stays_the_same_while_others_come_up(
    site: Site, admin: str
) -> None:
    other_pod(site, 4)
    hosts = [
        make_host(n, state=HostState.MATCHING, facts=make_facts(), power=PowerState.OFF)
        for n in (1, 2, 3, 4)
    ]
    site.put(make_pod(created_at=START), *hosts)
    shown = (await site.ask("GET", "/api/pods/lab/plan", key=admin)).json()["plan"]
    told = {e["step"]: (e["expected_s"], e["samples"]) for e in shown["expectations"]}
    assert told["booting"] == (20.0, 4)
    assert shown["waves"][0]["expected_basis"] == "past"
    later = [
        e.model_copy(update={"at": NOW + timedelta(seconds=n)}) for n, e in enumerate(way_up("o1"))
    ]
    site.store.apply(Change(events=tuple(later)), now=NOW)
    body = {"digest": shown["digest"]}
    assert (await site.ask("POST", "/api/pods/lab/up", body, key=admin)).status_code == 200
    assert site.store.count(Host) == 8
