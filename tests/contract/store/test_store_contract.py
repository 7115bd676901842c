"""What every store promises, asked of each."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from inventory.errors import Conflict, FenceLost, StaleWrite
from inventory.model import Claim, Deployment, Event, Host, Intent, Pod, UsageRecord
from inventory.states import HostState
from inventory.store.protocol import Change, Fence, PutOff
from inventory.store.reading import each_row
from inventory.store.sql import SqlStore
from tests.unit.inventory.records import (
    NOW,
    make_boot,
    make_claim,
    make_deployment,
    make_facts,
    make_host,
    make_intent,
    make_pod,
    make_usage,
)

LATER = NOW + timedelta(seconds=20)


def event(kind: str, subject: str = "host:r1-h1") -> Event:
    return Event(at=NOW, actor="test", kind=kind, subject=subject)


def test_a_record_comes_back_as_it_was_written(store: SqlStore) -> None:
    host = make_host(facts=make_facts(), boot=make_boot("a" * 32, "h"))
    store.apply(Change(insert=(host,)), now=NOW)
    assert store.get(Host, host.id) == host
    assert store.get(Host, "nobody") is None


@pytest.mark.parametrize(
    ("first", "second_one"),
    [
        (make_host(1), make_host(1)),
        (make_host(1), make_host(2, name="r1-h1")),
        (make_host(1), make_host(2, serial=make_host(1).serial)),
        (make_claim(1, idempotency_key="k"), make_claim(2, idempotency_key="k")),
        (make_deployment(1), make_deployment(2, name="model-1")),
    ],
    ids=["key", "name", "serial", "idempotency", "slug"],
)
def test_a_taken_key_is_a_conflict_and_changes_nothing(
    store: SqlStore, first: Host, second_one: Host
) -> None:
    store.apply(Change(insert=(first,)), now=NOW)
    with pytest.raises(Conflict):
        store.apply(Change(insert=(second_one,), events=(event("never"),)), now=NOW)
    assert store.count(type(first)) == 1
    assert store.events() == []


def test_claims_without_an_idempotency_key_do_not_collide(store: SqlStore) -> None:
    store.apply(Change(insert=(make_claim(1), make_claim(2))), now=NOW)
    assert store.count(Claim) == 2


def test_the_same_model_name_serves_two_tenants(store: SqlStore) -> None:
    other = make_deployment(2, name="model-1", tenant="beta")
    store.apply(Change(insert=(make_deployment(1), other)), now=NOW)
    assert store.find(Deployment, slug="beta/model-1") == [other]


def test_replacing_bumps_the_version(store: SqlStore) -> None:
    store.apply(Change(insert=(make_host(),)), now=NOW)
    store.apply(Change(replace=(make_host(waiting="x"),)), now=NOW)
    found = store.get(Host, make_host().id)
    assert found is not None
    assert (found.waiting, found.version) == ("x", 2)


def test_a_stale_write_is_refused_whole(store: SqlStore, second: SqlStore) -> None:
    store.apply(Change(insert=(make_host(1), make_host(2))), now=NOW)
    second.apply(Change(replace=(make_host(1, waiting="theirs"),)), now=NOW)
    change = Change(
        replace=(make_host(2, waiting="ours"), make_host(1, waiting="ours")),
        events=(event("never"),),
        secrets={("o", "n"): b"s"},
    )
    with pytest.raises(StaleWrite):
        store.apply(change, now=NOW)
    assert [h.waiting for h in store.find(Host)] == ["theirs", ""]
    assert store.events() == []
    assert store.secret("o", "n") is None


def test_replacing_what_is_not_there_is_stale(store: SqlStore) -> None:
    with pytest.raises(StaleWrite):
        store.apply(Change(replace=(make_host(),)), now=NOW)


def test_of_two_writers_of_one_version_exactly_one_wins(store: SqlStore, second: SqlStore) -> None:
    store.apply(Change(insert=(make_host(),)), now=NOW)
    gate = threading.Barrier(2)
    outcomes: list[str] = []

    def write(one: SqlStore, text: str) -> None:
        gate.wait()
        try:
            one.apply(Change(replace=(make_host(waiting=text),)), now=NOW)
        except StaleWrite:
            outcomes.append("stale")
        else:
            outcomes.append("won")

    threads = [threading.Thread(target=write, args=pair) for pair in ((store, "a"), (second, "b"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["stale", "won"]


def test_removal_and_insert_in_one_change(store: SqlStore) -> None:
    store.apply(Change(insert=(make_host(1),)), now=NOW)
    store.apply(Change(remove=(make_host(1),), insert=(make_host(2),)), now=NOW)
    assert [h.name for h in store.find(Host)] == ["r1-h2"]


def test_find_filters_and_pages_in_key_order(store: SqlStore) -> None:
    hosts = [make_host(n, state=HostState.READY if n % 2 else HostState.MATCHING) for n in range(7)]
    store.apply(Change(insert=tuple(reversed(hosts))), now=NOW)
    first = store.find(Host, limit=3)
    rest = store.find(Host, after=first[-1].id)
    assert [h.id for h in (*first, *rest)] == [h.id for h in hosts]
    assert store.count(Host, state="ready") == len(store.find(Host, state="ready")) == 3
    assert store.find(Host, state="ready", pod="elsewhere") == []


def test_rows_are_those_that_find_finds_with_the_version_that_they_have_now(
    store: SqlStore,
) -> None:
    hosts = [make_host(n, state=HostState.READY if n % 2 else HostState.MATCHING) for n in range(7)]
    store.apply(Change(insert=tuple(hosts)), now=NOW)
    store.apply(Change(replace=(hosts[3],)), now=NOW)
    first = store.find_rows(Host, limit=3)
    rest = store.find_rows(Host, after=first[-1].key)
    assert [row.key for row in (*first, *rest)] == [h.id for h in hosts]
    assert [row.version for row in (*first, *rest)] == [1, 1, 1, 2, 1, 1, 1]
    assert {row.key: row for row in first} == store.states(Host, [row.key for row in first])
    ready = store.find_rows(Host, state="ready", pod=hosts[0].pod)
    assert [row.key for row in ready] == [h.id for h in hosts if h.state is HostState.READY]
    assert [row.key for row in each_row(store, Host)] == [h.id for h in hosts]


def test_a_filter_that_is_no_column_is_an_error_never_everything(store: SqlStore) -> None:
    store.apply(Change(insert=(make_host(),)), now=NOW)
    for ask in (store.find, store.find_rows, store.count):
        with pytest.raises(ValueError, match=r"no column colour; it has .*name"):
            ask(Host, colour="red")


def test_open_intents_are_found_by_host_and_state(store: SqlStore) -> None:
    done = make_intent(2, state="done")
    store.apply(Change(insert=(make_intent(1), done)), now=NOW)
    assert store.find(Intent, host_id=make_host().id, state="open") == [make_intent(1)]


def test_due_hosts_come_longest_waiting_first(store: SqlStore) -> None:
    offsets = {1: 5, 2: -10, 3: -20, 4: 0}
    hosts = [make_host(n, wake_at=NOW + timedelta(seconds=s)) for n, s in offsets.items()]
    store.apply(Change(insert=tuple(hosts)), now=NOW)
    assert [h.name for h in store.due_hosts(NOW, limit=10)] == ["r1-h3", "r1-h2", "r1-h4"]
    assert len(store.due_hosts(NOW, limit=2)) == 2


def test_waking_makes_due_without_a_new_version(store: SqlStore) -> None:
    sleeping = NOW + timedelta(days=1)
    hosts = (
        make_host(1, wake_at=sleeping),
        make_host(2, wake_at=sleeping),
        make_host(3, wake_at=sleeping, pod="other"),
    )
    store.apply(Change(insert=hosts), now=NOW)
    store.wake_hosts(now=NOW, host_id=hosts[1].id)
    assert [h.name for h in store.due_hosts(NOW, limit=9)] == ["r1-h2"]
    store.wake_hosts(now=NOW, pod="lab")
    assert {h.name for h in store.due_hosts(NOW, limit=9)} == {"r1-h1", "r1-h2"}
    store.wake_hosts(now=NOW)
    due = store.due_hosts(NOW, limit=9)
    assert len(due) == 3
    assert {h.version for h in due} == {1}


def test_waking_never_postpones_a_host_that_is_due(store: SqlStore) -> None:
    overdue = make_host(1, wake_at=NOW - timedelta(hours=1))
    store.apply(Change(insert=(overdue, make_host(2, wake_at=NOW))), now=NOW)
    store.wake_hosts(now=LATER)
    assert [h.name for h in store.due_hosts(LATER, limit=9)] == ["r1-h1", "r1-h2"]


def test_a_look_is_put_off_without_a_new_version(store: SqlStore) -> None:
    store.apply(Change(insert=(make_host(1), make_host(2))), now=NOW)
    first, second = store.due_hosts(NOW, limit=9)
    store.put_off((PutOff(first.id, first.version, LATER, NOW),), now=NOW)
    assert store.due_hosts(NOW, limit=9) == [second]
    assert store.due_hosts(LATER, limit=9) == [second, first]


def test_a_host_that_was_written_meanwhile_is_not_put_off(store: SqlStore) -> None:
    host = make_host(1)
    store.apply(Change(insert=(host,)), now=NOW)
    store.apply(Change(replace=(host,)), now=NOW)
    stale, gone = PutOff(host.id, host.version, LATER, NOW), PutOff("gone", 1, LATER, NOW)
    store.put_off((stale, gone), now=NOW)
    assert [one.name for one in store.due_hosts(NOW, limit=9)] == [host.name]


def test_a_host_that_was_woken_meanwhile_is_not_put_off(store: SqlStore) -> None:
    """It was due while it was looked at: what it was woken for may have come after that look."""
    host = make_host(1)
    store.apply(Change(insert=(host, make_host(2))), now=NOW)
    amid = NOW + timedelta(seconds=1)
    store.wake_hosts(now=amid, host_id=host.id)
    known = store.due_hosts(LATER, limit=9)
    store.put_off([PutOff(one.id, one.version, LATER, NOW) for one in known], now=amid)
    assert [one.name for one in store.due_hosts(amid, limit=9)] == [host.name]


@pytest.mark.parametrize("look_s", [2, 600])
def test_a_host_that_was_woken_amid_a_look_is_due_after_its_record_is_written(
    store: SqlStore, look_s: int
) -> None:
    """However long that look took: what it was woken for may have come after it."""
    hosts = (make_host(1), make_host(2))
    store.apply(Change(insert=hosts), now=NOW)
    woken, end = NOW + timedelta(seconds=1), NOW + timedelta(seconds=look_s)
    store.wake_hosts(now=woken, host_id=hosts[0].id)
    later = [host.model_copy(update={"wake_at": end + timedelta(days=1)}) for host in hosts]
    store.apply(
        Change(replace=tuple(later), looked=dict.fromkeys((h.id for h in hosts), NOW)), now=end
    )
    assert [one.name for one in store.due_hosts(end, limit=9)] == [hosts[0].name]


def test_a_wake_from_before_a_look_does_not_outlast_it(store: SqlStore) -> None:
    host = make_host(1)
    store.apply(Change(insert=(host,)), now=NOW)
    store.wake_hosts(now=NOW, host_id=host.id)
    began = NOW + timedelta(seconds=1)
    slept = host.model_copy(update={"wake_at": LATER})
    store.apply(Change(replace=(slept,), looked={host.id: began}), now=began)
    assert store.due_hosts(began, limit=9) == []


def test_whoever_writes_without_a_look_says_when_a_host_is_due(store: SqlStore) -> None:
    host = make_host(1)
    store.apply(Change(insert=(host,)), now=NOW)
    store.wake_hosts(now=NOW + timedelta(seconds=1), host_id=host.id)
    slept = host.model_copy(update={"wake_at": LATER})
    store.apply(Change(replace=(slept,)), now=NOW)
    assert store.due_hosts(NOW + timedelta(seconds=2), limit=9) == []


def test_who_lost_its_lease_puts_nothing_off(store: SqlStore) -> None:
    host = make_host(1)
    store.apply(Change(insert=(host,)), now=NOW)
    lost = Fence("c", "a", 1)
    with pytest.raises(FenceLost):
        store.put_off((PutOff(host.id, host.version, LATER, NOW),), now=NOW, fence=lost)
    assert store.due_hosts(NOW, limit=9) == [host]


def test_a_lease_has_one_holder_until_it_expires(store: SqlStore, second: SqlStore) -> None:
    held = store.take_lease("c", "a", now=NOW, until=LATER, alone=False)
    assert held == Fence("c", "a", 1)
    assert second.take_lease("c", "b", now=NOW, until=LATER, alone=False) is None
    end = LATER + timedelta(seconds=1)
    assert second.take_lease("c", "b", now=LATER, until=end, alone=False) == Fence("c", "b", 2)


def test_whoever_is_alone_need_not_wait(store: SqlStore) -> None:
    store.take_lease("c", "a", now=NOW, until=LATER, alone=True)
    assert store.take_lease("c", "b", now=NOW, until=LATER, alone=True) == Fence("c", "b", 2)


def test_taking_ones_own_lease_again_keeps_the_fence(store: SqlStore) -> None:
    first = store.take_lease("c", "a", now=NOW, until=LATER, alone=False)
    assert store.take_lease("c", "a", now=NOW, until=LATER, alone=False) == first


def test_renewing_holds_on_and_fails_once_lost(store: SqlStore) -> None:
    mine = store.take_lease("c", "a", now=NOW, until=LATER, alone=False)
    assert mine is not None
    later_still = LATER + timedelta(seconds=20)
    assert store.renew_lease(mine, now=NOW, until=later_still)
    assert store.take_lease("c", "b", now=LATER, until=later_still, alone=False) is None
    assert not store.renew_lease(mine, now=later_still, until=later_still + timedelta(seconds=9))
    assert store.take_lease("c", "b", now=later_still, until=later_still, alone=False) is not None
    assert not store.renew_lease(mine, now=NOW, until=later_still)


def test_a_fenced_change_lands_under_its_lease_alone(store: SqlStore, second: SqlStore) -> None:
    mine = store.take_lease("c", "a", now=NOW, until=LATER, alone=True)
    store.apply(Change(insert=(make_host(1),)), now=NOW, fence=mine)
    second.take_lease("c", "b", now=NOW, until=LATER, alone=True)
    with pytest.raises(FenceLost):
        store.apply(Change(insert=(make_host(2),), events=(event("never"),)), now=NOW, fence=mine)
    assert store.count(Host) == 1
    assert store.events() == []


def test_an_expired_fence_is_lost_even_without_a_successor(store: SqlStore) -> None:
    mine = store.take_lease("c", "a", now=NOW, until=LATER, alone=False)
    with pytest.raises(FenceLost):
        store.apply(Change(insert=(make_host(),)), now=LATER, fence=mine)


def test_events_come_in_the_order_they_were_written(store: SqlStore) -> None:
    for number in range(5):
        store.apply(Change(events=(event(f"a{number}"), event(f"b{number}", "pod:lab"))), now=NOW)
    found = store.events()
    assert [e.kind for e in found] == [f"{letter}{n}" for n in range(5) for letter in "ab"]
    assert [e.seq for e in found] == sorted({e.seq for e in found})
    tail = store.events(after=found[5].seq, subject="pod:lab", limit=1)
    assert [e.kind for e in tail] == ["b3"]


def test_secrets_are_kept_per_owner_and_name_and_replaced(store: SqlStore) -> None:
    change = Change(secrets={("a", "x"): b"\x00\xff1", ("a", "y"): b"2", ("b", "x"): b"3"})
    store.apply(change, now=NOW)
    store.apply(Change(secrets={("a", "x"): b"new"}), now=NOW)
    found = [store.secret(*key) for key in (("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"))]
    assert found == [b"new", b"2", b"3", None]


def test_usage_counts_once_however_often_it_is_ingested(store: SqlStore) -> None:
    records = [make_usage(n) for n in range(3)]
    assert store.ingest_usage(records) == 3
    assert store.ingest_usage([*records, make_usage(9), make_usage(9)]) == 1
    assert store.count(UsageRecord, tenant="acme") == 4


def test_a_spec_document_survives_with_its_digest(store: SqlStore) -> None:
    store.apply(Change(insert=(make_pod(),)), now=NOW)
    assert store.get(Pod, "lab") == make_pod()


def test_opening_again_finds_everything(url: str, store: SqlStore) -> None:
    store.apply(Change(insert=(make_host(),), secrets={("a", "x"): b"1"}), now=NOW)
    store.close()
    store.close()
    again = SqlStore.open(url)
    assert again.get(Host, make_host().id) == make_host()
    assert again.secret("a", "x") == b"1"
    again.close()


def test_the_secrets_of_an_owner_are_forgotten_with_it(store: SqlStore) -> None:
    host, other = make_host(1), make_host(2)
    sealed = {(h.id, name): b"x" for h in (host, other) for name in ("bmc-password", "token")}
    store.apply(Change(insert=(host, other), secrets=sealed), now=NOW)
    store.apply(Change(replace=(host,), remove=(host,), forget_secrets=(host.id,)), now=NOW)
    assert store.get(Host, host.id) is None
    assert [store.secret(host.id, name) for name in ("bmc-password", "token")] == [None, None]
    assert store.secret(other.id, "token") == b"x"


def test_a_record_that_moved_on_is_not_removed(store: SqlStore) -> None:
    host = make_host(1)
    store.apply(Change(insert=(host,)), now=NOW)
    store.apply(Change(replace=(host,)), now=NOW)
    with pytest.raises(StaleWrite):
        store.apply(Change(replace=(host,), remove=(host,)), now=NOW)
    assert store.count(Host) == 1


def test_a_serial_that_another_host_has_is_a_conflict_also_for_a_change(store: SqlStore) -> None:
    host, other = make_host(1), make_host(2)
    store.apply(Change(insert=(host, other)), now=NOW)
    taken = host.model_copy(update={"serial": other.serial})
    with pytest.raises(Conflict):
        store.apply(Change(replace=(taken,)), now=NOW)


def test_a_record_that_was_written_is_in_another_state(store: SqlStore) -> None:
    first, other = make_host(1), make_host(2)
    store.apply(Change(insert=(first, other)), now=NOW)
    before = store.states(Host, (first.id, other.id, "nobody"))
    assert before.keys() == {first.id, other.id}
    store.apply(Change(replace=(first.model_copy(update={"rack": "r9"}),)), now=LATER)
    after = store.states(Host, (first.id, other.id))
    assert after[other.id] == before[other.id]
    assert (after[first.id].version, after[first.id].updated) == (2, LATER)
    assert after[first.id].created == NOW
