"""Signing in by OpenID Connect against a real provider, and every lie it or a stranger may tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
from joserfc.jwk import RSAKey
from pydantic import SecretStr, ValidationError

from inventory import oidc
from inventory.api import build_api
from inventory.audit import AuditEntry
from inventory.deps import ApiDeps
from inventory.oidc_settings import OidcSettings
from inventory.secrets import SecretBox
from inventory.sessions import COOKIE
from inventory.store.protocol import Change
from inventory.store.reading import every
from inventory.store.sql import SqlStore
from inventory.users import Session, User
from tests.integration.doors.oidc_provider import (
    CLIENT,
    SECRET,
    Provider,
    running,
    signed_with_the_public_key,
    unsigned,
)
from tests.unit.inventory.records import NOW, FixedClock

pytestmark = pytest.mark.integration

GRANTS = {"zrh-ops": ["operator@zrh1"], "pod-admins": ["admin"]}


class Site:
    """A site that trusts one provider, and a browser."""

    def __init__(self, provider: Provider, store: SqlStore, folder: Path, **given: Any) -> None:
        self.provider, self.store, self.clock = provider, store, FixedClock()
        provider.now = NOW.timestamp()
        settings = OidcSettings(
            issuer=provider.issuer,
            client_id=CLIENT,
            client_secret=SecretStr(SECRET),
            public_url="http://127.0.0.1:8470",
            grants=GRANTS,
            tenants={"acme-people": "acme"},
            **given,
        )
        box = SecretBox.open(folder / "secrets.key")
        deps = ApiDeps(store, self.clock, box, asyncio.to_thread, lambda: None, oidc=settings)
        self.app: FastAPI = build_api(deps)
        self.browser = self.fresh_browser()

    def fresh_browser(self) -> httpx.AsyncClient:
        """Nobody's browser yet."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8470")

    async def to_provider(self, path: str = "/sign-in/oidc?next=/hosts") -> str:
        """Where the provider sends the browser back to."""
        begun = await self.browser.get(path)
        assert begun.status_code == 303, begun.text
        async with httpx.AsyncClient(trust_env=False) as outside:
            agreed = await outside.get(begun.headers["location"])
        assert agreed.status_code == 302, agreed.text
        return str(agreed.headers["location"])

    async def back(self, url: str, browser: httpx.AsyncClient | None = None) -> httpx.Response:
        """The browser follows."""
        parts = urlsplit(url)
        return await (browser or self.browser).get(f"{parts.path}?{parts.query}")

    async def sign_in(self) -> httpx.Response:
        """The whole way."""
        return await self.back(await self.to_provider())

    def last_entry(self) -> AuditEntry:
        """What the audit log says of it."""
        return every(self.store, AuditEntry)[-1]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running(Provider()) as there:
        yield there


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = SqlStore.open(f"sqlite:///{tmp_path / 'podyard.db'}")
    yield opened
    opened.close()


@pytest.fixture
async def site(provider: Provider, store: SqlStore, tmp_path: Path) -> AsyncIterator[Site]:
    there = Site(provider, store, tmp_path)
    yield there
    await there.browser.aclose()


def refused(site: Site, reply: httpx.Response, why: str) -> None:
    assert reply.status_code == 303
    assert reply.headers["location"] == "/sign-in?failed=oidc"
    assert COOKIE not in reply.cookies
    assert every(site.store, Session) == []
    entry = site.last_entry()
    assert entry.outcome == "401"
    assert why in entry.detail, entry.detail


async def test_a_person_of_a_known_group_signs_in(site: Site) -> None:
    reply = await site.sign_in()
    assert reply.headers["location"] == "/hosts"
    me = (await site.browser.get("/api/me")).json()
    assert (me["user"], me["roles"]) == ("jane-doe", {"operator": ["zrh1"]})
    (user,) = every(site.store, User)
    assert (user.display, user.oidc_subject) == ("Jane Doe", "u-1")
    assert site.last_entry().actor == "user jane-doe"


async def test_groups_say_at_each_sign_in_what_one_may_do(site: Site) -> None:
    await site.sign_in()
    site.provider.person |= {"groups": ["pod-admins"], "preferred_username": "renamed"}
    await site.sign_in()
    (user,) = every(site.store, User)
    assert user.name == "jane-doe"
    assert [(g.role, g.site) for g in user.grants] == [("admin", "")]
    site.provider.person["groups"] = []
    refused_reply = await site.sign_in()
    assert refused_reply.headers["location"] == "/sign-in?failed=oidc"


async def test_a_tenants_people_see_their_tenant_alone(site: Site) -> None:
    site.provider.person["groups"] = ["acme-people"]
    await site.sign_in()
    me = (await site.browser.get("/api/me")).json()
    assert (me["tenant"], list(me["roles"])) == ("acme", ["tenant"])


async def test_a_name_takes_over_no_local_person(site: Site) -> None:
    local = User(name="jane-doe", password_hash="x", created_at=NOW)
    site.store.apply(Change(insert=(local,)), now=NOW)
    await site.sign_in()
    assert {u.name: u.oidc_subject for u in every(site.store, User)} == {
        "jane-doe": "",
        "jane-doe-2": "u-1",
    }


async def test_who_is_disabled_here_stays_out(site: Site) -> None:
    await site.sign_in()
    (user,) = every(site.store, User)
    (session,) = every(site.store, Session)
    disabled = user.model_copy(update={"disabled": True})
    site.store.apply(Change(replace=(disabled,), remove=(session,)), now=NOW)
    refused(site, await site.sign_in(), "disabled")


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"aud": "another-client"}, "audience"),
        ({"aud": None}, "audience"),
        ({"aud": [CLIENT, "another-client"]}, "authorized party"),
        ({"azp": "another-client"}, "authorized party"),
        ({"iss": "https://evil.example"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"exp": NOW.timestamp() - 61}, "expired"),
        ({"exp": None}, "expired"),
        ({"exp": "never"}, "expired"),
        ({"iat": NOW.timestamp() + 61}, "future"),
        ({"iat": NOW.timestamp() - 601}, "long ago"),
        ({"iat": None}, "future"),
        ({"nbf": NOW.timestamp() + 61}, "not yet"),
        ({"sub": None}, "subject"),
        ({"sub": ""}, "subject"),
        ({"sub": 7}, "subject"),
        ({"groups": None}, "groups"),
        ({"groups": "pod-admins"}, "groups"),
    ],
)
async def test_a_wrong_claim_opens_nothing(site: Site, claims: dict[str, Any], why: str) -> None:
    site.provider.claims = claims
    refused(site, await site.sign_in(), why)


async def test_no_algorithm_but_a_signatures(site: Site) -> None:
    def confused(claims: dict[str, Any]) -> str:
        return signed_with_the_public_key(site.provider, claims)

    site.provider.forge = confused
    refused(site, await site.sign_in(), "not good")
    for signature in ("", "AAAA"):
        site.provider.forge = partial(unsigned, signature=signature)
        refused(site, await site.sign_in(), "not good")


async def test_a_strangers_key_signs_nothing(site: Site) -> None:
    for kid in ("k1", "k2"):
        site.provider.signer = RSAKey.generate_key(2048, {"kid": kid})
        site.provider.header = {"kid": kid}
        refused(site, await site.sign_in(), "not good")


async def test_a_token_brings_no_key_of_its_own(site: Site) -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "k1"})
    site.provider.signer = stranger
    site.provider.header = {"jwk": stranger.as_dict(private=False), "jku": "http://127.0.0.1:9/"}
    refused(site, await site.sign_in(), "not good")


async def test_new_keys_of_the_provider_are_learned_but_not_for_every_token(site: Site) -> None:
    await site.to_provider()
    new = RSAKey.generate_key(2048, {"kid": "k2"})
    site.provider.key, site.provider.published = new, [new]
    site.provider.header = {"kid": "k2"}
    before = site.provider.asked.count("keys")
    refused(site, await site.sign_in(), "not good")
    assert site.provider.asked.count("keys") == before
    site.clock.moment = NOW + timedelta(minutes=1)
    site.provider.now = site.clock.moment.timestamp()
    assert (await site.sign_in()).headers["location"] == "/hosts"


async def test_an_answer_counts_once(site: Site) -> None:
    url = await site.to_provider()
    stolen = site.fresh_browser()
    stolen.cookies = httpx.Cookies(site.browser.cookies)
    assert (await site.back(url)).headers["location"] == "/hosts"
    again = await site.back(url, stolen)
    assert again.headers["location"] == "/sign-in?failed=oidc"
    assert "used already" in site.last_entry().detail
    await stolen.aclose()


async def test_an_answer_belongs_to_the_browser_that_asked(site: Site) -> None:
    """Else a stranger could sign somebody in as himself."""
    url = await site.to_provider()
    victim = site.fresh_browser()
    refused(site, await site.back(url, victim), "began no sign-in")
    await victim.get("/sign-in/oidc")
    refused(site, await site.back(url, victim), "state")
    await victim.aclose()


@pytest.mark.parametrize("name", ["state", "code", "iss"])
async def test_a_part_of_the_answer_cannot_be_left_out_or_changed(site: Site, name: str) -> None:
    for other in ("", "https://evil.example"):
        url = await site.to_provider()
        query = {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()} | {name: other}
        reply = await site.browser.get("/sign-in/oidc/callback", params=query)
        assert reply.headers["location"] == "/sign-in?failed=oidc"
        assert COOKIE not in reply.cookies


async def test_an_attempt_does_not_last(site: Site) -> None:
    url = await site.to_provider()
    site.clock.moment = NOW + timedelta(minutes=10)
    refused(site, await site.back(url), "too long")


async def test_the_code_is_redeemed_with_the_verifier_alone(site: Site) -> None:
    """A code that was taken on its way is worth nothing without what stayed here."""
    begun = await site.browser.get("/sign-in/oidc")
    asked = {k: v[0] for k, v in parse_qs(urlsplit(begun.headers["location"]).query).items()}
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    sealed = begun.cookies["podyard_oidc"]
    assert asked["state"] not in sealed
    assert "httponly" in begun.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "https://evil.example/token"},
        {"jwks_uri": "http://169.254.169.254/latest/meta-data"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": None},
        {"code_challenge_methods_supported": ["plain"]},
    ],
)
async def test_only_the_named_provider_is_ever_asked(site: Site, document: dict[str, Any]) -> None:
    site.provider.document = document
    reply = await site.browser.get("/sign-in/oidc")
    assert reply.headers["location"] == "/sign-in?failed=oidc"
    assert site.provider.asked == ["discovery"]


async def test_the_provider_cannot_send_us_elsewhere(site: Site) -> None:
    url = await site.to_provider()
    site.provider.token_reply = RedirectResponse("http://127.0.0.1:9/", 307)
    refused(site, await site.back(url), "answered 307")


async def test_too_large_an_answer_is_not_read(site: Site) -> None:
    url = await site.to_provider()
    site.provider.token_reply = JSONResponse({"id_token": "x" * 2_000_000})
    refused(site, await site.back(url), "too large")


async def test_the_way_on_is_a_path_of_ours(site: Site) -> None:
    reply = await site.back(await site.to_provider("/sign-in/oidc?next=https://evil.example"))
    assert reply.headers["location"] == "/"


async def test_without_a_provider_there_is_no_such_door(store: SqlStore, tmp_path: Path) -> None:
    site = Site(Provider(issuer=""), store, tmp_path)
    assert (await site.browser.get("/sign-in/oidc")).status_code == 404
    assert (await site.browser.get("/sign-in/oidc/callback?x=1")).status_code == 404
    await site.browser.aclose()


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://idp.example"},
        {"issuer": "https://user:password@idp.example"},
        {"public_url": "http://podyard.example"},
        {"grants": {"x": ["root"]}},
        {"grants": {"x": ["admin@"]}},
    ],
)
def test_settings_that_would_not_be_safe_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OidcSettings(**wrong)


async def test_a_provider_that_drips_is_given_one_time_for_all_of_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each read is in time, and each request; all of them together are not."""
    monkeypatch.setattr(oidc, "EXCHANGE_S", 2.0)

    async def drops() -> AsyncIterator[bytes]:
        for _ in range(3000):
            yield b" "
            await asyncio.sleep(0.05)

    url = await site.to_provider()
    site.provider.token_reply = StreamingResponse(drops(), media_type="application/json")
    async with asyncio.timeout(60):
        refused(site, await site.back(url), "the provider took longer than 2 s")
