"""What every answer says beside its body: the request's id, the version, and no slash needed."""

from __future__ import annotations

import pytest

from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import make_host


async def test_a_request_is_known_by_the_id_that_its_client_gave(site: Site, admin: str) -> None:
    reply = await site.ask("GET", "/api/hosts", key=admin, X_Request_ID="deploy-7.a")
    assert reply.headers["x-request-id"] == "deploy-7.a"
    assert reply.headers["api-version"] == "1"


@pytest.mark.parametrize("wrong", ["", "a b", "x" * 65, "<script>", "a/b"])
async def test_an_ill_formed_id_is_replaced_and_never_echoed(
    site: Site, admin: str, wrong: str
) -> None:
    reply = await site.ask("GET", "/api/hosts", key=admin, X_Request_ID=wrong)
    assert len(reply.headers["x-request-id"]) == 32


async def test_refusals_carry_the_id_too(site: Site) -> None:
    reply = await site.ask("GET", "/api/hosts", X_Request_ID="one")
    assert reply.status_code == 401
    assert reply.headers["x-request-id"] == "one"


async def test_a_slash_at_the_end_is_optional_for_every_verb(site: Site, admin: str) -> None:
    site.put(make_host())
    assert (await site.ask("GET", "/api/hosts/", key=admin)).json()["count"] == 1
    assert (await site.ask("GET", "/api/hosts/r1-h1/", key=admin)).json()["name"] == "r1-h1"
    made = await site.ask("POST", "/api/tenants/", {"name": "acme"}, key=admin)
    assert made.status_code == 201
    wanted = await site.ask("POST", "/api/hosts/r1-h1/target/", {"target": "ready"}, key=admin)
    assert wanted.status_code == 200
