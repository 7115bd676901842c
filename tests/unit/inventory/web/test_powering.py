"""The measured curve of a bring-up is everybody's, whoever looked first."""

from __future__ import annotations

from inventory.model import Event
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from inventory.web.powering import Powering
from tests.unit.inventory.records import NOW


def test_who_may_see_no_host_takes_nothing_from_who_may(store: SqlStore) -> None:
    told = [("pod.up", "pod:lab")] + [("host.power.on", f"host:h{n}") for n in (1, 2)]
    events = tuple(Event(at=NOW, actor="a", kind=kind, subject=subject) for kind, subject in told)
    store.apply(Change(events=events), now=NOW)
    powering, hosts = Powering(), {"h1", "h2"}
    assert powering.marks(store, "lab", hosts=hosts, seen=()) == []
    assert [m.host for m in powering.marks(store, "lab", hosts=hosts, seen={"h2"})] == ["h2"]
    assert [m.host for m in powering.marks(store, "lab", hosts=hosts, seen=hosts)] == ["h1", "h2"]
