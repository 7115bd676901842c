"""A cooling unit that is said to leak: whoever hangs on its loop is looked at, asleep or not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory.errors import StoreUnavailable
from inventory.model import Host
from inventory.places import Site
from inventory.store.protocol import PutOff
from tests.unit.inventory.conftest import Site as Bed
from tests.unit.inventory.records import NOW, make_host, make_pod

TOMORROW = NOW + timedelta(days=1)


async def test_a_leak_that_a_person_tells_wakes_the_hosts_of_its_pod(site: Bed, admin: str) -> None:
    site.put(
        Site(name="zrh", title="Zurich"),
        make_pod(),
        make_host(1, wake_at=TOMORROW),
        make_host(2, wake_at=TOMORROW, pod="other"),
    )
    unit = {"name": "r1-cdu", "site": "zrh", "pod": "lab"}
    made = await site.ask("POST", "/api/cdus", unit, key=admin)
    assert made.status_code == 201, made.text
    for change in ({"leak": "coolant under the manifold"}, {"leak": ""}):
        site.store.put_off(
            [PutOff(one.id, one.version, TOMORROW, NOW) for one in site.store.find(Host)], now=NOW
        )
        assert site.store.due_hosts(NOW, limit=9) == []
        said = await site.ask("PATCH", f"/api/cdus/{made.json()['id']}", change, key=admin)
        assert said.status_code == 200, said.text
        assert [one.name for one in site.store.due_hosts(NOW, limit=9)] == ["r1-h1"]


async def test_a_write_whose_wake_finds_no_database_is_told_as_written(
    site: Bed, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put(Site(name="zrh", title="Zurich"), make_pod(), make_host(1))

    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("the database is away")

    unit = {"name": "r1-cdu", "site": "zrh", "pod": "lab"}
    made = await site.ask("POST", "/api/cdus", unit, key=admin)
    monkeypatch.setattr(type(site.store), "wake_hosts", away)
    path = f"/api/cdus/{made.json()['id']}"
    said = await site.ask("PATCH", path, {"leak": "coolant"}, key=admin)
    assert said.status_code == 200, said.text
    read = await site.ask("GET", path, key=admin)
    assert read.json()["leak"] == "coolant"
