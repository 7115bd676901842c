"""Deny by default: who gets in, who does not, and that nobody can forget to say so."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends

from inventory.api import build_api
from inventory.auth import Actor, Permission, UndeclaredPermission, require
from inventory.model import ApiKey
from inventory.routes import shapes
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW, make_host


async def test_a_route_without_a_permission_stops_the_app(site: Site) -> None:
    router = APIRouter()

    @router.get("/api/forgotten")
    async def forgotten() -> str:
        return "oops"

    with pytest.raises(UndeclaredPermission, match="/api/forgotten"):
        build_api(site.deps, routers=(router,))


async def test_a_route_that_declares_one_is_served(site: Site) -> None:
    router = APIRouter()

    @router.get("/api/extra")
    async def extra(actor: Annotated[Actor, Depends(require(Permission.HOST_READ))]) -> str:
        return actor.role

    build_api(site.deps, routers=(router,))


async def test_wrong_keys_are_refused_alike(site: Site, admin: str) -> None:
    key_id = admin.split("_")[1]
    other = site.key("admin")
    wrong = (
        "nonsense",
        f"pyd_{key_id}_{'x' * 43}",
        f"pyd_{'0' * 12}_{admin.split('_', 2)[2]}",
        f"pyd_{key_id}_{other.split('_', 2)[2]}",
    )
    for text in wrong:
        reply = await site.ask("GET", "/api/hosts", key=text)
        assert reply.status_code == 401, text
        assert reply.headers["www-authenticate"] == "Bearer"
        assert text not in reply.text


async def test_a_key_ends_with_its_time_and_with_its_revocation(site: Site, admin: str) -> None:
    short = site.key("viewer", valid=timedelta(hours=1))
    assert (await site.ask("GET", "/api/hosts", key=short)).status_code == 200
    site.clock.moment = NOW + timedelta(hours=1)
    assert (await site.ask("GET", "/api/hosts", key=short)).status_code == 401
    viewer = site.key("viewer")
    gone = await site.ask("DELETE", f"/api/keys/{viewer.split('_')[1]}", key=admin)
    assert gone.status_code == 200
    assert (await site.ask("GET", "/api/hosts", key=viewer)).status_code == 401


@pytest.mark.parametrize(
    ("role", "method", "path", "allowed"),
    [
        ("viewer", "GET", "/api/hosts", True),
        ("viewer", "POST", "/api/hosts/r1-h1/retry", False),
        ("viewer", "GET", "/api/keys", False),
        ("operator", "POST", "/api/hosts/r1-h1/retry", True),
        ("operator", "POST", "/api/tenants", False),
        ("operator", "POST", "/api/keys", False),
        ("tenant", "GET", "/api/hosts", False),
        ("tenant", "GET", "/api/units", False),
        ("tenant", "GET", "/api/events", True),
        ("tenant", "GET", "/api/claims", True),
        ("tenant", "GET", "/metrics", False),
        ("setup", "GET", "/api/hosts", False),
        ("admin", "POST", "/api/setup", False),
    ],
)
async def test_roles_may_what_they_may(
    site: Site, role: str, method: str, path: str, *, allowed: bool
) -> None:
    site.put(make_host())
    key = site.key(role, "acme" if role == "tenant" else "")  # type: ignore[arg-type]
    reply = await site.ask(method, path, {} if method == "POST" else None, key=key)
    assert (reply.status_code != 403) is allowed, reply.text
    if not allowed:
        assert reply.json()["error"]["hint"].startswith("use a key of ")


async def test_the_setup_key_makes_one_admin_key_and_is_spent(site: Site) -> None:
    setup = site.key("setup")
    made = await site.ask("POST", "/api/setup", key=setup)
    assert made.status_code == 201
    assert (await site.ask("POST", "/api/setup", key=setup)).status_code == 401
    text = made.json()["text"]
    assert (await site.ask("GET", "/api/keys", key=text)).status_code == 200


async def test_a_second_setup_key_finds_the_admin_there(site: Site, admin: str) -> None:
    assert admin
    reply = await site.ask("POST", "/api/setup", key=site.key("setup"))
    assert reply.status_code == 409
    assert site.store.count(ApiKey, role="admin") == 1


async def test_a_key_is_shown_once_and_kept_as_a_hash(site: Site, admin: str) -> None:
    made = (await site.ask("POST", "/api/keys", {"role": "viewer"}, key=admin)).json()
    listed = await site.ask("GET", "/api/keys", key=admin)
    secret = made["text"].split("_", 2)[2]
    assert secret not in listed.text
    assert "secret_hash" not in listed.text
    assert all(secret not in e.model_dump_json() for e in site.store.events())
    assert (await site.ask("GET", "/api/hosts", key=made["text"])).status_code == 200


async def test_a_tenant_makes_keys_for_itself_alone(site: Site) -> None:
    acme, _ = site.key("tenant", "acme"), site.key("tenant", "beta")
    wrong = ({"role": "admin"}, {"role": "tenant", "tenant": "beta"}, {"role": "viewer"})
    for body in wrong:
        assert (await site.ask("POST", "/api/keys", body, key=acme)).status_code == 403
    made = await site.ask("POST", "/api/keys", {}, key=acme)
    assert made.json()["tenant"] == "acme"
    listed = (await site.ask("GET", "/api/keys", key=acme)).json()
    assert {k["tenant"] for k in listed["results"]} == {"acme"}
    assert listed["count"] == 2


async def test_a_tenant_cannot_revoke_anothers_key(site: Site, admin: str) -> None:
    acme = site.key("tenant", "acme")
    for text in (admin, site.key("tenant", "beta")):
        path = f"/api/keys/{text.split('_')[1]}"
        assert (await site.ask("DELETE", path, key=acme)).status_code == 404


def test_names_are_one_form_everywhere() -> None:
    from inventory import applying  # noqa: PLC0415

    assert shapes.NAME_FORM == applying.NAME_FORM


@pytest.mark.parametrize(
    ("maker", "asked", "got"),
    [
        ({"requests_per_minute": 60}, {}, (60, None)),
        ({"requests_per_minute": 60}, {"requests_per_minute": 600}, (60, None)),
        ({"requests_per_minute": 60}, {"requests_per_minute": 6}, (6, None)),
        ({}, {"requests_per_minute": 600}, (600, None)),
        ({"valid": timedelta(days=2)}, {}, (0, 2)),
        ({"valid": timedelta(days=2)}, {"valid_days": 30}, (0, 2)),
        ({"valid": timedelta(days=2)}, {"valid_days": 1}, (0, 1)),
        ({}, {}, (0, None)),
    ],
)
async def test_a_tenants_key_makes_no_better_key_than_itself(
    site: Site, maker: dict[str, Any], asked: dict[str, int], got: tuple[int, int | None]
) -> None:
    acme = site.key("tenant", "acme", **maker)
    made = await site.ask("POST", "/api/keys", asked, key=acme)
    assert made.status_code == 201
    stored = site.store.get(ApiKey, made.json()["id"])
    assert stored is not None
    ends = NOW + timedelta(days=got[1]) if got[1] else None
    assert (stored.requests_per_minute, stored.expires_at) == (got[0], ends)
    assert made.json()["requests_per_minute"] == got[0]


async def test_an_admin_makes_keys_of_any_limit(site: Site) -> None:
    admin = site.key("admin", valid=timedelta(days=2), requests_per_minute=1)
    site.key("tenant", "acme")
    body = {"tenant": "acme", "requests_per_minute": 600}
    made = (await site.ask("POST", "/api/keys", body, key=admin)).json()
    assert (made["requests_per_minute"], made["expires_at"]) == (600, None)
