"""Keys that may less than their role: by permission, by reading alone, by network, by site."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from inventory.keys import Scope, mint, permitted, usable_from
from inventory.model import ApiKey
from inventory.permissions import ROLES, Permission
from inventory.users import User
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW, make_host


async def made(site: Site, admin: str, **body: Any) -> dict[str, Any]:
    reply = await site.ask("POST", "/api/keys", body, key=admin)
    assert reply.status_code == 201, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def test_a_key_may_only_what_it_was_given(site: Site, admin: str) -> None:
    site.put(make_host())
    key = (await made(site, admin, role="operator", permissions=["host:read"]))["text"]
    assert (await site.ask("GET", "/api/hosts", key=key)).status_code == 200
    assert (await site.ask("GET", "/api/pods", key=key)).status_code == 403
    assert (await site.ask("POST", "/api/hosts/r1-h1/retry", {}, key=key)).status_code == 403


async def test_a_permission_beyond_the_role_gives_nothing(site: Site, admin: str) -> None:
    key = (await made(site, admin, role="viewer", permissions=["tenant:write"]))["text"]
    reply = await site.ask("POST", "/api/tenants", {"name": "acme"}, key=key)
    assert reply.status_code == 403


async def test_a_reading_key_changes_nothing(site: Site, admin: str) -> None:
    key = (await made(site, admin, role="admin", read_only=True))["text"]
    assert (await site.ask("GET", "/api/keys", key=key)).status_code == 200
    for path in ("/api/tenants", "/api/keys", "/api/users"):
        assert (await site.ask("POST", path, {}, key=key)).status_code == 403, path


def test_reading_alone_leaves_nothing_that_writes() -> None:
    for role, may in ROLES.items():
        record, _ = mint("admin", now=NOW, scope=Scope(read_only=True))
        only = permitted(record)
        assert only is not None
        left = {p for p in may & only if not p.endswith(":read")}
        assert left <= {Permission.SELF}, role


def test_an_unknown_permission_narrows_and_gives_nothing() -> None:
    record, _ = mint("admin", now=NOW, scope=Scope(permissions=("of:another-release",)))
    assert permitted(record) == frozenset()


@pytest.mark.parametrize(
    ("networks", "address", "right"),
    [
        ((), "192.0.2.1", True),
        (("192.0.2.0/24",), "192.0.2.77", True),
        (("192.0.2.0/24",), "192.0.3.77", False),
        (("192.0.2.0/24",), "::ffff:192.0.2.77", True),
        (("192.0.2.0/24",), "::ffff:192.0.3.77", False),
        (("192.0.2.0/24",), "", False),
        (("192.0.2.0/24",), "unix:", False),
        (("2001:db8::/32",), "2001:db8::1", True),
        (("2001:db8::/32",), "fe80::1%eth0", False),
        (("2001:db8::/32", "10.0.0.0/8"), "10.1.2.3", True),
    ],
)
def test_a_key_is_good_in_its_networks(
    networks: tuple[str, ...], address: str, *, right: bool
) -> None:
    record, _ = mint("viewer", now=NOW, scope=Scope(networks=networks))
    assert usable_from(record, address) is right


async def test_elsewhere_a_key_is_refused_like_a_wrong_one(site: Site, admin: str) -> None:
    here = (await made(site, admin, role="viewer", networks=["127.0.0.0/8"]))["text"]
    there = (await made(site, admin, role="viewer", networks=["192.0.2.0/24"]))["text"]
    assert (await site.ask("GET", "/api/hosts", key=here)).status_code == 200
    refused = await site.ask("GET", "/api/hosts", key=there)
    unknown = await site.ask("GET", "/api/hosts", key="pyd_000000000000_" + "x" * 43)
    assert (refused.status_code, refused.text) == (unknown.status_code, unknown.text)
    signed_in = await site.client.post("/sign-in", data={"key": there})
    assert signed_in.status_code == 401


async def test_a_forwarded_address_is_not_believed(site: Site, admin: str) -> None:
    there = (await made(site, admin, role="viewer", networks=["192.0.2.0/24"]))["text"]
    reply = await site.ask(
        "GET", "/api/hosts", key=there, x_forwarded_for="192.0.2.1", forwarded="for=192.0.2.1"
    )
    assert reply.status_code == 401


@pytest.mark.parametrize("wrong", ["10.0.0.1/8", "nonsense", "10.0.0.0/33", ""])
async def test_a_wrong_network_is_refused(site: Site, admin: str, wrong: str) -> None:
    body = {"role": "viewer", "networks": [wrong]}
    reply = await site.ask("POST", "/api/keys", body, key=admin)
    assert reply.status_code == 422
    assert reply.json()["error"]["path"].startswith("networks")


async def test_no_key_makes_one_that_may_more(site: Site, admin: str) -> None:
    limits = {"permissions": ["key:read", "key:write"], "networks": ["127.0.0.0/8"]}
    narrow = (await made(site, admin, role="admin", **limits))["text"]
    child = await made(site, narrow, role="admin")
    assert sorted(child["permissions"]) == ["key:read", "key:write"]
    assert child["networks"] == ["127.0.0.0/8"]
    inside = await made(site, narrow, role="admin", networks=["127.0.0.1/32"])
    assert inside["networks"] == ["127.0.0.1/32"]
    for wider in ({"permissions": ["host:read"]}, {"networks": ["0.0.0.0/0"]}):
        body = {"role": "admin", **wider}
        assert (await site.ask("POST", "/api/keys", body, key=narrow)).status_code == 403
    whole = f"/api/keys/{admin.split('_')[1]}/rotate"
    assert (await site.ask("POST", whole, {}, key=narrow)).status_code == 403


async def test_a_key_of_one_site_makes_no_keys(site: Site, admin: str) -> None:
    local = (await made(site, admin, role="admin", sites=["here"]))["text"]
    for path in ("/api/keys", "/api/users", "/api/tenants"):
        assert (await site.ask("POST", path, {}, key=local)).status_code == 403, path
    assert (await site.ask("GET", "/api/audit", key=local)).status_code == 403


async def test_the_last_use_is_kept_roughly(site: Site, admin: str) -> None:
    viewer = site.key("viewer")
    key_id = viewer.split("_")[1]
    for minutes, expected in ((0, 0), (4, 0), (5, 5), (9, 5), (60, 60)):
        site.clock.moment = NOW + timedelta(minutes=minutes)
        assert (await site.ask("GET", "/api/hosts", key=viewer)).status_code == 200
        record = site.store.get(ApiKey, key_id)
        assert record is not None
        assert record.last_used_at == NOW + timedelta(minutes=expected)
    assert record.version == 4


async def rotated(site: Site, key: str, by: str, **body: Any) -> httpx.Response:
    return await site.ask("POST", f"/api/keys/{key.split('_')[1]}/rotate", body, key=by)


async def test_both_keys_work_while_they_overlap(site: Site, admin: str) -> None:
    limits = {"permissions": ["host:read"], "networks": ["127.0.0.0/8"], "valid_days": 10}
    old = (await made(site, admin, role="viewer", title="metrics", **limits))["text"]
    new = (await rotated(site, old, admin, overlap_hours=2)).json()
    assert (new["permissions"], new["networks"], new["title"]) == (
        ["host:read"],
        ["127.0.0.0/8"],
        "metrics",
    )
    for minutes, code in ((0, 200), (119, 200), (120, 401)):
        site.clock.moment = NOW + timedelta(minutes=minutes)
        assert (await site.ask("GET", "/api/hosts", key=old)).status_code == code, minutes
        assert (await site.ask("GET", "/api/hosts", key=new["text"])).status_code == 200
    assert (await rotated(site, old, admin)).status_code == 409


async def test_a_rotated_key_can_be_revoked_before_its_overlap_is_over(
    site: Site, admin: str
) -> None:
    old = site.key("viewer")
    assert (await rotated(site, old, admin)).status_code == 201
    path = f"/api/keys/{old.split('_')[1]}"
    assert (await site.ask("DELETE", path, key=admin)).status_code == 200
    assert (await site.ask("GET", "/api/hosts", key=old)).status_code == 401


async def test_a_tenant_rotates_its_own_keys_alone(site: Site) -> None:
    acme, beta = site.key("tenant", "acme"), site.key("tenant", "beta")
    assert (await rotated(site, beta, acme)).status_code == 404
    new = await rotated(site, acme, acme, overlap_hours=0)
    assert new.status_code == 201
    assert (await site.ask("GET", "/api/claims", key=acme)).status_code == 401
    assert (await site.ask("GET", "/api/claims", key=new.json()["text"])).status_code == 200


async def test_rotating_lengthens_no_tenants_key(site: Site) -> None:
    acme = site.key("tenant", "acme", valid=timedelta(days=2))
    site.clock.moment = NOW + timedelta(days=1)
    new = (await rotated(site, acme, acme)).json()
    stored = site.store.get(ApiKey, new["id"])
    assert stored is not None
    assert stored.expires_at == NOW + timedelta(days=2)


async def test_a_narrowed_key_makes_nobody_who_may_more_than_itself(site: Site, admin: str) -> None:
    secret = "a long and quiet sentence 7"
    ada = {"name": "ada", "password": secret, "grants": [{"role": "admin"}]}
    assert (await site.ask("POST", "/api/users", ada, key=admin)).status_code == 201
    assert (await site.ask("POST", "/api/users", {"name": "bob"}, key=admin)).status_code == 201
    assert (await site.ask("POST", "/api/users/ada/disable", key=admin)).status_code == 200
    narrow = (await made(site, admin, role="admin", permissions=["user:read", "user:write"]))[
        "text"
    ]
    for path, body in (
        ("/api/users", {"name": "eve", "password": secret, "grants": [{"role": "viewer"}]}),
        ("/api/users/bob/grants", {"role": "admin"}),
        ("/api/users/ada/password", {"password": "another long sentence 8"}),
        ("/api/users/ada/enable", {}),
    ):
        assert (await site.ask("POST", path, body, key=narrow)).status_code == 403, path
    assert (await site.ask("POST", "/api/users/bob/disable", {}, key=narrow)).status_code == 200
    assert (await site.ask("POST", "/api/users/bob/grants", ada["grants"][0], key=admin)).is_success


async def test_a_key_of_some_networks_lets_nobody_in_from_anywhere(site: Site, admin: str) -> None:
    at_home = (await made(site, admin, role="admin", networks=["127.0.0.0/8"]))["text"]
    person = {"name": "mallory", "password": "a password of many letters"}
    await site.ask("POST", "/api/users", {**person, "name": "bob"}, key=admin)
    tries: tuple[tuple[str, dict[str, Any]], ...] = (
        ("/api/users", person),
        ("/api/users", {"name": "mallory", "grants": [{"role": "admin"}]}),
        ("/api/users/bob/password", {"password": person["password"]}),
        ("/api/users/bob/grants", {"role": "viewer"}),
    )
    for path, body in tries:
        reply = await site.ask("POST", path, body, key=at_home)
        assert (reply.status_code, reply.json()["error"]["path"]) == (403, "networks"), path
    ended = await site.ask("POST", "/api/users/bob/disable", key=at_home)
    assert ended.status_code == 200, "it may still shut somebody out"
    again = await site.ask("POST", "/api/users/bob/enable", key=at_home)
    assert again.status_code == 403
    assert site.store.get(User, "mallory") is None


async def test_what_comes_along_with_a_host_is_no_way_around_a_keys_limits(
    site: Site, admin: str
) -> None:
    site.put(make_host())
    key = (await made(site, admin, role="viewer", permissions=["host:read", "part:read"]))["text"]
    for path in ("/api/hosts", f"/api/hosts/{make_host().name}"):
        assert (await site.ask("GET", f"{path}?include=parts,bmc", key=key)).status_code == 200
        for name in ("certificate", "unit", "rack"):
            reply = await site.ask("GET", f"{path}?include={name}", key=key)
            assert reply.status_code == 403, (path, name)


@pytest.mark.parametrize(
    ("scope", "why", "hint"),
    [
        (Scope(read_only=True), "read-only", "not made with --read-only"),
        (Scope(permissions=("host:read",)), "narrowed", "has the permission tenant:write"),
        (Scope(sites=("zrh1",)), "holds at zrh1 alone", "holds at every site"),
    ],
)
async def test_a_refusal_says_what_narrows_the_key(
    site: Site, scope: Scope, why: str, hint: str
) -> None:
    key = site.key("admin", scope=scope)
    reply = await site.ask("POST", "/api/tenants", {"name": "acme"}, key=key)
    error = reply.json()["error"]
    assert reply.status_code == 403
    assert why in error["message"]
    assert hint in error["hint"]
    assert "use a key of operator" not in error["hint"]
