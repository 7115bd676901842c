"""The last that can administer a site stays, whoever asks to end it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from inventory.audit import AuditEntry
from inventory.audit_anchors import Anchors
from inventory.audit_log import AuditLog
from inventory.errors import Conflict, StaleWrite, StoreUnavailable
from inventory.keys import Scope, mint
from inventory.model import ApiKey
from inventory.recovering import recover
from inventory.store.protocol import Change
from inventory.store.reading import every
from inventory.users import Grant, User
from inventory.ways_in import ADMIN, witness
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW


def id_of(text: str) -> str:
    return text.split("_")[1]


def person(name: str = "ada", **fields: Any) -> User:
    given = {"password_hash": "x", "grants": (ADMIN,), **fields}
    return User(name=name, created_at=NOW, **given)


async def test_a_narrow_key_cannot_revoke_the_only_admin_key(site: Site, admin: str) -> None:
    narrow = site.key("admin", scope=Scope(permissions=("key:write", "key:read")))
    refused = await site.ask("DELETE", f"/api/keys/{id_of(admin)}", key=narrow)
    assert refused.status_code == 409
    assert refused.json()["error"]["kind"] == "conflict"
    assert "podyard key create --role admin" in refused.json()["error"]["hint"]
    assert (await site.ask("GET", "/api/keys", key=admin)).status_code == 200
    other = site.key("admin")
    assert (await site.ask("DELETE", f"/api/keys/{id_of(admin)}", key=narrow)).status_code == 200
    assert (await site.ask("GET", "/api/keys", key=other)).status_code == 200


@pytest.mark.parametrize(
    "other",
    [
        mint("admin", now=NOW, scope=Scope(read_only=True))[0],
        mint("admin", now=NOW, scope=Scope(sites=("here",)))[0],
        mint("admin", now=NOW - timedelta(days=2), valid=timedelta(days=1))[0],
        mint("admin", now=NOW)[0].model_copy(update={"revoked_at": NOW + timedelta(hours=24)}),
        mint("operator", now=NOW)[0],
        person(disabled=True),
        person(password_hash=""),
        person(password_hash="", oidc_subject="s"),
        person(grants=(Grant(role="admin", site="here"),)),
    ],
)
async def test_who_may_less_or_ends_soon_does_not_stand_for_it(
    site: Site, admin: str, other: ApiKey | User
) -> None:
    site.put(other)
    refused = await site.ask("DELETE", f"/api/keys/{id_of(admin)}", key=admin)
    assert refused.status_code == 409


async def test_the_last_person_keeps_her_role_and_is_not_disabled(site: Site, admin: str) -> None:
    site.put(person())
    assert (await site.ask("DELETE", f"/api/keys/{id_of(admin)}", key=admin)).status_code == 200
    writer = site.key("admin", scope=Scope(permissions=("user:write",)))
    for method, path in (
        ("POST", "/api/users/ada/disable"),
        ("DELETE", "/api/users/ada/grants?role=admin"),
    ):
        refused = await site.ask(method, path, key=writer)
        assert refused.status_code == 409, refused.text
    site.key("admin")
    assert (await site.ask("POST", "/api/users/ada/disable", key=writer)).status_code == 200


async def test_two_that_end_each_other_at_once_do_not_both_succeed(site: Site) -> None:
    """Both were looked at before either was written."""
    one, other = (mint("admin", now=NOW)[0] for _ in range(2))
    site.put(one, other)
    changes = [
        Change(
            replace=(
                leaving.model_copy(update={"revoked_at": NOW}),
                *witness(site.deps, leaving, now=NOW),
            )
        )
        for leaving in (one, other)
    ]
    site.store.apply(changes[0], now=NOW)
    with pytest.raises(StaleWrite):
        site.store.apply(changes[1], now=NOW)


async def test_a_rotated_admin_key_leaves_its_successor(site: Site, admin: str) -> None:
    made = await site.ask("POST", f"/api/keys/{id_of(admin)}/rotate", {}, key=admin)
    assert made.status_code == 201
    refused = await site.ask("DELETE", f"/api/keys/{made.json()['id']}", key=admin)
    assert refused.status_code == 409, "the old one ends within a day"


async def test_recovery_makes_a_key_and_says_so_first(
    site: Site, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchors = Anchors.open(tmp_path / "audit.key", tmp_path / "anchor.json")
    deps = replace(site.deps, anchors=anchors)
    key, text = await asyncio.to_thread(recover, deps, by="local user ada")
    assert (await site.ask("GET", "/api/keys", key=text)).status_code == 200
    (entry,) = every(site.store, AuditEntry)
    assert (entry.actor, entry.action) == ("local user ada", "podyard key recover")
    assert entry.subject == f"key:{key.id}"
    assert text not in entry.model_dump_json()
    assert (kept := anchors.kept()) is not None
    assert kept.seq == 1
    assert site.store.events()[-1].kind == "key.created"

    async def away(*_given: Any) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(AuditLog, "record", away)
    with pytest.raises(StoreUnavailable):
        await asyncio.to_thread(recover, deps, by="local user ada")
    assert site.store.count(ApiKey) == 1


def test_the_refusal_names_who_it_is(site: Site) -> None:
    site.put(person())
    with pytest.raises(Conflict, match="user ada is the last"):
        witness(site.deps, person(), now=NOW)
