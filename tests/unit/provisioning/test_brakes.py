"""Never more than so many hosts of a domain in what cannot be undone; and a trip stops starts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.model import Host, Problem
from inventory.states import HostState
from provisioning.brakes import WINDOW, Limits, busy, crowded, domains, failure_share
from provisioning.lifecycle.decision import Advance, Do, Wait
from provisioning.lifecycle.matching import decide_matching
from provisioning.lifecycle.preparing import decide_preparing
from tests.make import NOW, make_bios, make_host, make_intent, make_seen, make_wanted

PARKED = Problem(kind="boot-failed", message="x", since=NOW)
LIMITS = Limits(rack=2, feed=3, site=5, scale_up=1)


def host_at(number: int, *, rack: str = "r1", feed: str = "a", **changes: Any) -> Host:
    name = f"{rack}-h{number}"
    return make_host(id=f"h{number}", name=name, slot=name, rack=rack, feed=feed, **changes)


def test_a_host_shares_its_rack_both_feeds_and_the_site() -> None:
    host = host_at(1, feed="a", feed_b="b")
    assert domains(host) == ("rack here/r1", "feed here/a", "feed here/b", "site here")


def test_a_domain_that_is_full_is_named_with_its_limit() -> None:
    taken = Counter({"rack here/r1": 2})
    assert crowded(host_at(1), taken, LIMITS) == (
        "waiting for its turn: 2 of rack here/r1 are in an update, the most at once"
    )
    assert crowded(host_at(1, rack="r2"), taken, LIMITS) == ""


def test_a_large_site_may_have_a_share_of_its_hosts_in_an_update() -> None:
    limits = replace(LIMITS, site_share=0.025, site_hosts={"here": 1000, "there": 100})
    assert {site: limits.of(f"site {site}") for site in ("here", "there", "unknown")} == {
        "here": 25,
        "there": 5,
        "unknown": 5,
    }


def test_only_open_acts_count_and_each_host_once_and_the_one_that_asks_not() -> None:
    mine = {"domains": ["rack here/r1"]}
    intents = [
        make_intent(id="1", host_id="h1", arguments=mine),
        make_intent(id="2", host_id="h1", arguments=mine),
        make_intent(id="3", host_id="h2", arguments=mine),
        make_intent(id="4", host_id="h3", arguments=mine, state="done"),
        make_intent(id="5", host_id="h4", arguments={}),  # of an earlier podyard
    ]
    assert busy(intents) == Counter({"rack here/r1": 2})
    assert busy(intents, but="h2") == Counter({"rack here/r1": 1})


SPOTS = st.tuples(st.integers(0, 39), st.integers(1, 4), st.integers(1, 3))


@settings(max_examples=60)
@given(steps=st.lists(st.tuples(SPOTS, st.sampled_from(["begin", "settle"])), max_size=80))
def test_never_more_than_the_limit_in_any_domain_whatever_begins_and_ends(
    steps: list[tuple[tuple[int, int, int], str]],
) -> None:
    """As the controller does it: ask, write the intent, count again, step back when it is over."""
    begun: dict[str, Any] = {}
    for (number, rack, feed), what in steps:
        host = host_at(number, rack=f"r{rack}", feed=f"f{feed}")
        if what == "settle":
            begun.pop(host.id, None)
            continue
        if host.id in begun or crowded(host, busy(begun.values(), but=host.id), LIMITS):
            continue
        begun[host.id] = make_intent(
            id=host.id, host_id=host.id, arguments={"domains": list(domains(host))}
        )
        for domain, count in busy(begun.values()).items():
            assert count <= LIMITS.of(domain), domain


@settings(max_examples=60)
@given(order=st.permutations(range(6)), seen_before_writing=st.integers(0, 6))
def test_controllers_that_ask_at_once_step_back_rather_than_exceed(
    order: list[int], seen_before_writing: int
) -> None:
    """Some look before any wrote, each counts once more after it wrote: never too many act."""
    written: dict[str, Any] = {}
    acting: set[str] = set()
    early = order[:seen_before_writing]

    def write(number: int) -> None:
        host = host_at(number)
        written[host.id] = make_intent(
            id=host.id, host_id=host.id, arguments={"domains": list(domains(host))}
        )

    for number in early:
        write(number)
    for number in order:
        host = host_at(number)
        if number not in early:
            if crowded(host, busy(written.values(), but=host.id), LIMITS):
                continue
            write(number)
        if crowded(host, busy(written.values(), but=host.id), LIMITS):
            del written[host.id]
        else:
            acting.add(host.id)
    assert len(acting) <= LIMITS.rack


def ended(number: int, *, parked: bool, after_s: int = 0) -> Host:
    at = NOW + timedelta(seconds=after_s)
    problem = PARKED.model_copy(update={"since": at}) if parked else None
    state = HostState.BOOTING if parked else HostState.READY
    return host_at(number, state=state, state_since=at, problem=problem)


def names(hosts: list[Host]) -> frozenset[str]:
    return frozenset(host.name for host in hosts)


def test_parked_hosts_count_also_when_others_moved_on_since() -> None:
    """They do not move: by their last move alone they would soon be forgotten."""
    parked = [ended(n, parked=True, after_s=n) for n in range(10)]
    moving = [
        host_at(n, state=HostState.BOOTING, state_since=NOW + timedelta(hours=1))
        for n in range(10, 60)
    ]
    hosts = [*parked, *moving]
    assert failure_share(hosts, names(hosts), stop_share=0.5).startswith("stopped: 10 of the last")


def test_one_failure_among_many_under_way_stops_nobody() -> None:
    hosts = [ended(1, parked=True), *(host_at(n, state=HostState.BOOTING) for n in range(2, 9))]
    assert failure_share(hosts, names(hosts), stop_share=0.25) == ""


def test_the_first_to_end_do_not_speak_for_those_who_came_further() -> None:
    """Failures end first: eight of a hundred that began together, seen before any is ready."""
    parked = [
        ended(n, parked=True).model_copy(update={"state": HostState.PREPARING}) for n in range(8)
    ]
    behind = [host_at(n, state=HostState.PREPARING) for n in range(8, 50)]
    further = [host_at(n, state=HostState.BOOTING) for n in range(50, 100)]
    hosts = [*parked, *behind, *further]
    assert failure_share(hosts, names(hosts), stop_share=0.25) == ""
    hosts = [*parked, *behind]
    said = failure_share(hosts, names(hosts), stop_share=0.25)
    assert said.startswith("stopped: 8 of the last 20 hosts are parked")


def test_those_who_stand_where_others_were_parked_have_not_passed_it() -> None:
    parked = [ended(n, parked=True) for n in range(8)]
    level = [host_at(n, state=HostState.BOOTING) for n in range(8, 100)]
    assert failure_share([*parked, *level], names([*parked, *level]), stop_share=0.25) != ""


def test_a_pod_that_goes_wrong_stops_though_many_are_further_on() -> None:
    """However many passed before it did: they count up to a limit."""
    parked = [
        ended(n, parked=True).model_copy(update={"state": HostState.PREPARING}) for n in range(20)
    ]
    further = [host_at(n, state=HostState.ACCEPTING) for n in range(20, 500)]
    hosts = [*parked, *further]
    said = failure_share(hosts, names(hosts), stop_share=0.25)
    assert said.startswith("stopped: 20 of the last 60 hosts are parked")


def test_only_the_last_ones_count() -> None:
    old = [ended(n, parked=True, after_s=n) for n in range(10)]
    good = [ended(n, parked=False, after_s=1000 + n) for n in range(10, 10 + WINDOW)]
    hosts = [*old, *good]
    assert failure_share(hosts, names(hosts), stop_share=0.25) == ""
    assert failure_share(old + good[:10], names(hosts), stop_share=0.5) != ""


def test_hosts_that_no_plan_started_do_not_count() -> None:
    hosts = [ended(n, parked=True) for n in range(10)]
    assert failure_share(hosts, frozenset(), stop_share=0.25) == ""


@given(
    outcomes=st.lists(st.booleans(), min_size=2, max_size=60),
    stop_share=st.sampled_from([0.25, 0.5, 1.0]),
)
def test_after_a_trip_nothing_new_is_started_and_nothing_new_is_flashed(
    outcomes: list[bool], stop_share: float
) -> None:
    hosts = [ended(n, parked=bad, after_s=n) for n, bad in enumerate(outcomes)]
    last = outcomes[-WINDOW:]
    brake = failure_share(hosts, names(hosts), stop_share=stop_share)
    assert bool(brake) == (any(last) and sum(last) / len(last) >= stop_share)

    wanted = make_wanted(brake=brake)
    start = decide_matching(make_host(state=HostState.MATCHING), make_seen(), wanted)
    behind = make_seen(firmware={"BIOS": "2.3.0", "BMC": "1.8.0"}, bios=make_bios())
    flash = decide_preparing(make_host(state=HostState.PREPARING), behind, wanted)
    if brake:
        assert isinstance(start, Wait)
        assert isinstance(flash, Wait)
        assert start.others  # its own time does not run
    else:
        assert isinstance(start, Advance)
        assert isinstance(flash, Do)


def test_an_update_that_was_begun_goes_on_under_the_brake() -> None:
    wanted = make_wanted(brake="stopped", open_steps=frozenset({"firmware:BIOS:2.4.1"}))
    seen = make_seen(firmware={"BIOS": "2.3.0", "BMC": "1.8.0"}, bios=make_bios())
    assert isinstance(decide_preparing(make_host(state=HostState.PREPARING), seen, wanted), Do)


@pytest.mark.parametrize("kind", ["rack", "feed", "site", "scale-up"])
def test_every_kind_of_domain_has_a_limit(kind: str) -> None:
    assert LIMITS.of(f"{kind} here/x") == getattr(LIMITS, kind.replace("-", "_"))


def test_a_scale_up_domain_is_a_domain_of_its_own() -> None:
    host = host_at(1, link_domain="lab/r1")
    assert "scale-up here/lab/r1" in domains(host)
    taken = Counter({"scale-up here/lab/r1": 1})
    assert crowded(host, taken, LIMITS).startswith("waiting for its turn: 1 of scale-up here/lab")
