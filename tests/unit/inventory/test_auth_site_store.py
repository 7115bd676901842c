"""A role at some sites sees a store without the others."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from inventory.model import CertificateRecord, Event, Host, Pod, Tenant
from inventory.parts import Part
from inventory.places import Site as Place
from inventory.refusals import Refused
from inventory.site_store import SiteStore
from inventory.store.protocol import Change
from inventory.store.query import Condition, Query
from inventory.store.sql import SqlStore
from tests.unit.inventory.records import NOW, make_host, make_pod

HERE, FAR = make_host(1), make_host(2, site="far", pod="far")


def certificate(host: Host) -> CertificateRecord:
    return CertificateRecord(
        id=f"c-{host.name}",
        host_id=host.id,
        host=host.name,
        envelope={},
        issued_at=NOW,
        expires_at=NOW,
        simulated=True,
        facts_digest="",
    )


@pytest.fixture
def seen(store: SqlStore) -> SiteStore:
    records = (
        HERE,
        FAR,
        make_pod(),
        make_pod(name="far", site="far"),
        Place(name="here"),
        Place(name="far"),
        certificate(HERE),
        certificate(FAR),
        Tenant(name="acme", created_at=NOW),
    )
    subjects = ("host:r1-h1", "host:r1-h2", "pod:far", "pod:lab", "claim:c1", "key:k1")
    events = tuple(Event(at=NOW, actor="a", kind="x", subject=subject) for subject in subjects)
    store.apply(Change(insert=records, events=events), now=NOW)
    return SiteStore(store, frozenset({"here"}))


def test_the_other_site_is_not_there(seen: SiteStore) -> None:
    assert seen.get(Host, FAR.id) is None
    assert seen.get(Pod, "far") is None
    assert seen.get(Place, "far") is None
    assert seen.get(CertificateRecord, "c-r1-h2") is None
    assert set(seen.get_many(Host, [HERE.id, FAR.id])) == {HERE.id}
    assert set(seen.documents(Host, [HERE.id, FAR.id])) == {HERE.id}
    assert set(seen.documents(CertificateRecord, ["c-r1-h1", "c-r1-h2"])) == {"c-r1-h1"}
    for kind in (Host, Pod, Place, CertificateRecord):
        assert len(seen.find(kind)) == seen.count(kind) == 1, kind
    assert seen.find(Host, site="far") == []
    assert seen.count(Host, site="far") == 0
    assert seen.tally(Host) == {(): 1}
    assert seen.tally(Host, "pod") == {("lab",): 1}


def test_queries_find_these_sites_alone(seen: SiteStore) -> None:
    assert [h.name for h in seen.search(Host, Query()).records] == ["r1-h1"]
    assert seen.search(Host, Query()).total == 1
    wide = Query(conditions=(Condition("site", "in", ("here", "far")),))
    assert len(seen.outline(Host, wide).rows) == 1
    assert [s.name for s in seen.search(Place, Query()).records] == ["here"]
    assert seen.search(CertificateRecord, Query()).records == []
    for host, count in ((HERE, 1), (FAR, 0)):
        asked = Query(conditions=(Condition("host_id", "exact", (host.id,)),))
        assert len(seen.search(CertificateRecord, asked).records) == count


def test_nothing_is_written_at_moved_to_or_taken_from_another_site(
    seen: SiteStore, store: SqlStore
) -> None:
    changes = (
        Change(insert=(make_host(3, site="far"),)),
        Change(replace=(FAR.model_copy(update={"site": "here"}),)),
        Change(replace=(HERE.model_copy(update={"site": "far"}),)),
        Change(remove=(FAR,)),
        Change(remove=(certificate(FAR),)),
        Change(insert=(make_host(4), make_host(5, site="far"))),
    )
    for change in changes:
        with pytest.raises(Refused):
            seen.apply(change, now=NOW)
    assert store.count(Host) == 2
    seen.apply(Change(replace=(HERE.model_copy(update={"waiting": "x"}),)), now=NOW)


def test_events_are_of_these_sites(seen: SiteStore) -> None:
    found = []
    after = 0
    while page := seen.events(after=after, limit=1):
        found += [event.subject for event in page]
        after = page[-1].seq
    assert found == ["host:r1-h1", "pod:lab"]


def test_what_belongs_to_no_site_is_as_it_is(seen: SiteStore) -> None:
    assert seen.get(Tenant, "acme") is not None


def test_a_page_is_read_at_once_however_long_it_is(store: SqlStore) -> None:
    hosts = [make_host(n) for n in range(1, 31)]
    store.apply(Change(insert=(*hosts, *(certificate(h) for h in hosts))), now=NOW)
    statements: list[str] = []

    def note(*given: object) -> None:
        statements.append(str(given[2]))

    seen = SiteStore(store, frozenset({"here"}))
    keys = tuple(host.id for host in hosts)
    sa.event.listen(store._engine, "before_cursor_execute", note)
    seen.search(Part, Query((Condition("host_id", "exact", keys),)))
    assert len(seen.documents(CertificateRecord, [f"c-{h.name}" for h in hosts])) == len(hosts)
    assert len(statements) < 10, statements


def statements(store: SqlStore) -> list[str]:
    """What is asked of the database from now on."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    sa.event.listen(store._engine, "before_cursor_execute", note)
    return said


def test_what_is_asked_does_not_grow_with_what_is_there(store: SqlStore) -> None:
    """One question for a page of records, one for their hosts: never one for each."""
    hosts = tuple(make_host(n, site="here" if n % 2 else "far") for n in range(200))
    parts = tuple(
        Part(
            id=f"p{host.name}",
            host_id=host.id,
            host=host.name,
            slot="a",
            kind="nic",
            installed_at=NOW,
            seen_at=NOW,
        )
        for host in hosts
    )
    events = tuple(Event(at=NOW, actor="a", kind="x", subject=f"host:{h.name}") for h in hosts)
    store.apply(Change(insert=(*hosts, *parts), events=events), now=NOW)
    seen, asked = SiteStore(store, frozenset({"here"})), statements(store)

    def cost() -> int:
        count = sum(not one.startswith(("BEGIN", "COMMIT")) for one in asked)
        asked.clear()
        return count

    assert len(seen.find(Part, limit=50)) == 50
    assert cost() <= 2
    assert len(seen.events(limit=200)) == 100
    assert cost() <= 4
    assert len(seen.newest_events(limit=200)) == 100
    assert cost() <= 4
    mine = tuple(host.model_copy(update={"rack": "r2"}) for host in hosts[1::2])
    seen.apply(Change(replace=mine), now=NOW)
    assert cost() <= 5
    with pytest.raises(Refused, match="something at far"):
        seen.apply(Change(replace=hosts[:1]), now=NOW)


def test_the_newest_events_of_a_site_are_found_among_many_others(store: SqlStore) -> None:
    store.apply(Change(insert=(HERE, FAR)), now=NOW)
    told = [("host:r1-h1", "mine")] * 3 + [("host:r1-h2", "theirs")] * 1200
    events = tuple(Event(at=NOW, actor="a", kind=kind, subject=subject) for subject, kind in told)
    store.apply(Change(events=events), now=NOW)
    seen = SiteStore(store, frozenset({"here"}))
    assert [event.seq for event in seen.newest_events(limit=2)] == [3, 2]
    assert [event.seq for event in seen.newest_events(before=2)] == [1]
