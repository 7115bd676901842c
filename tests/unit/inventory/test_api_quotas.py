"""Quotas by the API: a tree whose places are fixed, which tenants see their own of."""

from __future__ import annotations

from datetime import timedelta

from inventory.model import Claim
from inventory.quotas import TenantQuota
from inventory.store.protocol import Change
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW


async def test_a_quota_is_below_one_that_is_there_and_keeps_its_place(site: Site) -> None:
    admin = site.key("admin")
    lost = await site.ask("POST", "/api/quotas", {"name": "acme", "parent": "lab"}, key=admin)
    assert (lost.status_code, lost.json()["error"]["path"]) == (422, "parent")
    for name, parent in (("lab", ""), ("acme", "lab")):
        body = {"name": name, "parent": parent, "limit_b200e": 16}
        made = await site.ask("POST", "/api/quotas", body, key=admin)
        assert made.status_code == 201
    ring = await site.ask("PATCH", "/api/quotas/lab", {"parent": "acme"}, key=admin)
    assert ring.status_code == 422
    held = await site.ask("DELETE", "/api/quotas/lab", key=admin)
    assert held.status_code == 409


async def test_a_tenant_sees_its_own_quota_and_changes_none(site: Site) -> None:
    site.store.apply(
        Change(insert=(TenantQuota(name="acme", limit_b200e=8), TenantQuota(name="zeta"))), now=NOW
    )
    acme = site.key("tenant", "acme")
    listed = await site.ask("GET", "/api/quotas", key=acme)
    assert [one["name"] for one in listed.json()["results"]] == ["acme"]
    assert (await site.ask("GET", "/api/quotas/zeta", key=acme)).status_code == 404
    raised = await site.ask("PATCH", "/api/quotas/acme", {"limit_b200e": 99}, key=acme)
    assert raised.status_code == 403


async def test_a_tenants_priority_is_bounded_by_its_quota(site: Site) -> None:
    quotas = (TenantQuota(name="lab", priority_max=5), TenantQuota(name="acme", parent="lab"))
    site.store.apply(Change(insert=quotas), now=NOW)
    acme, admin = site.key("tenant", "acme"), site.key("admin")
    for key, priority, status in ((acme, 6, 403), (acme, 5, 201), (admin, 900, 201)):
        body = {"class": "b200", "priority": priority, "tenant": "acme"}
        reply = await site.ask("POST", "/api/claims", body, key=key)
        assert reply.status_code == status, reply.text


async def test_a_claim_has_several_parts_and_each_must_mean_something(site: Site) -> None:
    acme = site.key("tenant", "acme")
    decode = {"class": "gb200", "b200_equivalents": 6, "profile": "decode", "within": "domain"}
    body = {"class": "b200", "count": 2, "more": [decode], "together": "pod"}
    made = await site.ask("POST", "/api/claims", body, key=acme)
    assert made.status_code == 201
    claim = site.store.get(Claim, made.json()["id"])
    assert claim is not None
    assert claim.wants == (
        "2 of b200 and 6 B200-equivalents for decode of gb200 in one domain, all in one pod"
    )
    wrong = await site.ask(
        "POST", "/api/claims", {**body, "more": [{**decode, "profile": ""}]}, key=acme
    )
    assert (wrong.status_code, wrong.json()["error"]["path"]) == (422, "more.0.profile")


async def test_a_claim_is_extended_from_its_end_on_and_only_by_who_has_it(site: Site) -> None:
    acme = site.key("tenant", "acme")
    body = {"class": "b200", "valid_hours": 1}
    made = await site.ask("POST", "/api/claims", body, key=acme)
    path = f"/api/claims/{made.json()['id']}/extend"
    longer = await site.ask("POST", path, {"hours": 2}, key=acme)
    assert longer.status_code == 200
    claim = site.store.get(Claim, made.json()["id"])
    assert claim is not None
    assert claim.expires_at == claim.created_at + timedelta(hours=3)
    foreign = await site.ask("POST", path, {"hours": 2}, key=site.key("tenant", "zeta"))
    assert foreign.status_code == 404
