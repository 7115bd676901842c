"""A tenant reads the events of what is its own, and never anybody else's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inventory.model import Event, Host, RayCluster
from inventory.states import ClaimState
from inventory.store.protocol import Change
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW, make_claim, make_deployment, make_host, make_unit

BOUND, RELEASED = NOW + timedelta(minutes=10), NOW + timedelta(minutes=20)


def happened(subject: str, kind: str, *, minutes: float = 0, actor: str = "runtime") -> Event:
    return Event(at=NOW + timedelta(minutes=minutes), actor=actor, kind=kind, subject=subject)


@pytest.fixture
def key(site: Site) -> str:
    """Of acme, which held a unit for ten minutes between two claims of beta's."""
    text = site.key("tenant", "acme")
    beta = site.key("tenant", "beta")
    host: Host = make_host()
    unit = make_unit(host_ids=(host.id,))
    held = {"state": ClaimState.RELEASED, "unit_ids": (unit.id,)}
    site.put(
        host,
        unit,
        make_claim(1, id="claim-a", tenant="acme", bound_at=BOUND, released_at=RELEASED, **held),
        make_claim(2, id="claim-b", tenant="beta", bound_at=RELEASED, **held),
        RayCluster(id="c1", tenant="acme", name="main", simulated=True, network="n", subnet=7),
        make_deployment(id="d1", tenant="beta", name="model"),
    )
    told = (
        happened("tenant:acme", "tenant.created", actor="admin key 1234"),
        happened("tenant:beta", "tenant.created"),
        happened("claim:claim-a", "claim.created", actor=f"tenant key {text.split('_')[1]}"),
        happened("claim:claim-b", "claim.created"),
        happened("cluster:acme/main", "cluster.phase"),
        happened("deployment:beta/model", "deployment.phase"),
        happened(f"host:{host.name}", "unit.withdrawn", minutes=5),
        happened(f"host:{host.name}", "unit.withdrawn", minutes=15),
        happened(f"host:{host.name}", "host.state", minutes=15),
        happened(f"host:{host.name}", "unit.withdrawn", minutes=25),
        happened(f"key:{beta.split('_')[1]}", "key.created"),
        happened(f"key:{text.split('_')[1]}", "key.created", actor="user jane"),
        happened("pod:lab", "pod.held"),
        happened("claim:claim-a", "claim.state"),
    )
    site.store.apply(Change(events=told), now=NOW)
    return text


async def listed(site: Site, key: str, query: str = "") -> list[dict[str, Any]]:
    reply = await site.ask("GET", f"/api/events{query}", key=key)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["results"]
    return found


async def test_a_tenant_reads_its_own_events_in_order(site: Site, key: str) -> None:
    own = key.split("_")[1]
    assert [(e["subject"], e["kind"], e["actor"]) for e in await listed(site, key)] == [
        ("tenant:acme", "tenant.created", "the site"),
        ("claim:claim-a", "claim.created", f"tenant key {own}"),
        ("cluster:acme/main", "cluster.phase", "runtime"),
        ("host:r1-h1", "unit.withdrawn", "runtime"),
        (f"key:{own}", "key.created", "the site"),
        ("claim:claim-a", "claim.state", "runtime"),
    ]


async def test_a_unit_is_told_of_only_while_the_tenants_claim_held_it(site: Site, key: str) -> None:
    (withdrawn,) = await listed(site, key, "?subject=host:r1-h1")
    assert withdrawn["at"].startswith((NOW + timedelta(minutes=15)).isoformat()[:16])


@pytest.mark.parametrize(
    "subject", ["claim:claim-b", "tenant:beta", "deployment:beta/model", "pod:lab", "claim:none"]
)
async def test_another_ones_events_are_no_events(site: Site, key: str, subject: str) -> None:
    assert await listed(site, key, f"?subject={subject}") == []


async def test_a_list_is_paged_by_its_last_number(site: Site, key: str) -> None:
    found: list[str] = []
    last = 0
    while True:
        reply = (await site.ask("GET", f"/api/events?limit=2&after={last}", key=key)).json()
        if not reply["results"]:
            break
        found += [event["kind"] for event in reply["results"]]
        last = reply["last"]
    assert found == [event["kind"] for event in await listed(site, key)]


async def test_the_page_of_events_shows_a_tenant_its_own(site: Site, key: str) -> None:
    page = (await site.ask("GET", "/events", key=key)).text
    assert "claim:claim-a" in page
    for other in ("claim-b", "beta", "pod:lab", "admin key", "jane"):
        assert other not in page


async def test_staff_read_all_of_them(site: Site, key: str) -> None:
    assert key
    assert len(await listed(site, site.key("viewer"))) == 14
