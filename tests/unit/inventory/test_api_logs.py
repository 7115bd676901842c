"""The lists of what happened: found by kind, subject and actor, and paged like any other list."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.model import Event, Tenant
from inventory.routes import events as routes
from inventory.store.protocol import Change
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW

TOLD = (
    ("host.state", "host:a", "provisioning"),
    ("host.power.on", "host:b", "provisioning"),
    ("host.retry", "host:a", "user jane"),
    ("pod.up", "pod:p", "user jane"),
    ("host.state", "host:b", "provisioning"),
)


@pytest.fixture
def told(site: Site) -> Site:
    events = tuple(
        Event(at=NOW, kind=kind, subject=subject, actor=actor) for kind, subject, actor in TOLD
    )
    site.store.apply(Change(events=events), now=NOW)
    return site


async def walked(site: Site, key: str, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    following: str | None = path
    while following:
        reply = await site.ask("GET", following, key=key)
        assert reply.status_code == 200, reply.text
        page = reply.json()
        assert {"count", "next", "previous", "last", "results"} <= page.keys()
        found += page["results"]
        following = page["next"]
    return found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("kind=host", [0, 1, 2, 4]),
        ("kind=host.*", [0, 1, 2, 4]),
        ("kind=host.state", [0, 4]),
        ("kind=host.power", [1]),
        ("kind=host.state&subject=host:b", [4]),
        ("actor=user%20jane", [2, 3]),
        ("actor=user%20jane&kind=pod.up", [3]),
        ("actor=nobody", []),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_events_are_found_by_kind_subject_and_actor(
    told: Site, query: str, found: list[int], limit: int
) -> None:
    viewer = told.key("viewer")
    listed = await walked(told, viewer, f"/api/events?limit={limit}&{query}")
    assert [(e["kind"], e["subject"], e["actor"]) for e in listed] == [TOLD[n] for n in found]


async def test_a_request_looks_at_so_many_events_and_says_where_to_go_on(
    told: Site, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "LOOKED_AT_MAX", 2)
    monkeypatch.setattr(routes, "PAGE_MAX", 2)
    page = (await told.ask("GET", "/api/events?actor=nobody", key=admin)).json()
    assert page["results"] == []
    assert page["next"] == f"/api/events?actor=nobody&after={page['last']}"
    listed = await walked(told, admin, "/api/events?actor=user jane")
    assert [e["kind"] for e in listed] == ["host.retry", "pod.up"]


async def test_a_kind_that_never_comes_is_refused_in_the_list_too(told: Site, admin: str) -> None:
    error = (await told.ask("GET", "/api/events?kind=host.parkd", key=admin)).json()["error"]
    assert (error["path"], error["value"]) == ("kind", "host.parkd")
    assert error["hint"].startswith("did you mean host.parked?")


async def test_a_tenant_does_not_learn_by_asking_who_acted_for_the_site(site: Site) -> None:
    key = site.key("tenant", "acme")
    assert site.store.get(Tenant, "acme")
    event = Event(at=NOW, kind="tenant.created", subject="tenant:acme", actor="user jane")
    site.store.apply(Change(events=(event,)), now=NOW)
    assert await walked(site, key, "/api/events?actor=user jane") == []
    (seen,) = await walked(site, key, "/api/events?actor=the site&kind=tenant")
    assert seen["subject"] == "tenant:acme"


async def test_the_audit_log_is_walked_by_next(site: Site, admin: str) -> None:
    for number in range(3):
        await site.ask("POST", "/api/keys", {"role": "viewer", "title": str(number)}, key=admin)
    whole = (await site.ask("GET", "/api/audit?limit=1000", key=admin)).json()
    assert whole["next"] is None
    assert len(whole["results"]) >= 3
    last = whole["last"]
    listed = await walked(site, admin, "/api/audit?limit=1")
    assert [one["seq"] for one in listed if one["seq"] <= last] == [
        one["seq"] for one in whole["results"]
    ]
    newest = (await site.ask("GET", "/api/audit?limit=1&newest=true", key=admin)).json()
    assert newest["next"] is None
