"""Links begin with the service's own address, whatever a request calls it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from inventory.access_settings import AccessSettings
from inventory.api import build_api
from inventory.oidc_settings import OidcSettings
from inventory.public_names import names_of
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import make_host, make_pod

PUBLIC = "https://podyard.example.org"
HOSTILE = {
    "host": "evil.example",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "gopher",
    "x-forwarded-prefix": "/evil",
    "forwarded": "host=evil.example;proto=gopher",
}


def named(site: Site, public_url: str = "") -> httpx.AsyncClient:
    deps = replace(
        site.deps,
        names=names_of("10.1.2.3", ("podyard.lan",)),
        access=AccessSettings(public_url=public_url),
    )
    transport = httpx.ASGITransport(build_api(deps), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8470")


@pytest.fixture
async def bare(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with named(site) as client:
        yield client


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8470", "127.0.0.1.evil.example", "localhost@evil.example",
     "evil.example/localhost", "localhost:x", "", "[::1", "10.1.2.4"],
)  # fmt: skip
async def test_other_names_are_refused(bare: httpx.AsyncClient, host: str) -> None:
    reply = await bare.get("/api/openapi.json", headers={"host": host})
    assert reply.status_code == 400
    assert reply.json()["error"]["kind"] == "unknown-host"
    assert "PODYARD_ACCESS_PUBLIC_URL" in reply.json()["error"]["hint"]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8470", "localhost", "LOCALHOST:1", "[::1]:8470", "10.1.2.3:8470", "Podyard.LAN"],
)
async def test_own_names_are_answered(bare: httpx.AsyncClient, host: str) -> None:
    assert (await bare.get("/sign-in", headers={"host": host})).status_code == 200


async def test_forwarding_headers_are_not_believed(
    site: Site, bare: httpx.AsyncClient, admin: str
) -> None:
    site.put(make_host())
    forwarded = {**HOSTILE, "host": "127.0.0.1:8470", "authorization": f"Bearer {admin}"}
    listed = (await bare.get("/api/hosts", headers=forwarded)).json()["results"][0]
    assert listed["url"].startswith("http://127.0.0.1:8470/api/hosts/")


async def test_links_and_codes_begin_with_the_public_address(site: Site, admin: str) -> None:
    site.put(make_pod(), make_host(1), make_host(2))
    headers = {**HOSTILE, "authorization": f"Bearer {admin}"}
    async with named(site, PUBLIC) as client:
        page = (await client.get("/api/hosts?limit=1", headers=headers)).json()
        rack = await client.get("/racks/here/r1", headers=headers)
    assert page["next"].startswith(f"{PUBLIC}/api/hosts")
    assert page["results"][0]["url"].startswith(f"{PUBLIC}/api/hosts/")
    assert f'href="{PUBLIC}/racks/here/r1"' in rack.text
    assert "evil" not in rack.text


async def test_a_form_of_the_public_address_is_our_own(site: Site) -> None:
    """A proxy that names the upstream in `Host`, as some do by default."""
    viewer = site.key("viewer")
    async with named(site, PUBLIC) as client:
        for origin, status in ((PUBLIC, 303), ("https://evil.example", 403)):
            reply = await client.post("/sign-in", data={"key": viewer}, headers={"origin": origin})
            assert reply.status_code == status


def test_one_setting_serves_oidc_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODYARD_ACCESS_PUBLIC_URL", PUBLIC)
    assert AccessSettings().public_url == PUBLIC
    assert OidcSettings().redirect_url == f"{PUBLIC}/sign-in/oidc/callback"
    monkeypatch.setenv("PODYARD_OIDC_PUBLIC_URL", "https://other.example.org")
    assert OidcSettings().public_url == "https://other.example.org"
    monkeypatch.setenv("PODYARD_ACCESS_PUBLIC_URL", "http://podyard.example.org")
    with pytest.raises(ValueError, match="not https"):
        AccessSettings()
