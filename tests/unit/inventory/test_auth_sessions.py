"""Sessions in a browser: opened with a key or a password, ended in time, safe from other sites."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from inventory.auth import local_path
from inventory.keys import Role
from inventory.passwords import Passwords
from inventory.sessions import COOKIE, csrf_of, session_id
from inventory.store.protocol import Change
from inventory.users import Grant, Session, User
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW, make_host

PASSWORD = "correct horse battery staple"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def password_hash() -> str:
    return Passwords().hash(PASSWORD)


def person(password_hash: str, name: str = "jane", role: str = "operator", site: str = "") -> User:
    return User(
        name=name,
        password_hash=password_hash,
        grants=(Grant(role=role, site=site),),  # type: ignore[arg-type]
        created_at=NOW,
    )


async def sign_in(site: Site, headers: dict[str, str] | None = None, **form: str) -> httpx.Response:
    return await site.client.post("/sign-in", data=form, headers=headers)


def cookie_of(reply: httpx.Response) -> str:
    assert reply.status_code == 303, reply.text
    return reply.cookies[COOKIE]


async def opened(site: Site, key: str) -> str:
    token = cookie_of(await sign_in(site, key=key))
    site.client.cookies.set(COOKIE, token)
    return token


async def test_a_key_opens_a_session_that_may_do_what_the_key_may(site: Site) -> None:
    site.put(make_host())
    token = await opened(site, site.key("viewer"))
    assert (await site.ask("GET", "/api/hosts")).status_code == 200
    assert (await site.ask("GET", "/api/keys")).status_code == 403
    (session,) = site.store.find(Session)
    assert session.id == session_id(token)
    assert token not in session.model_dump_json()


async def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(site: Site) -> None:
    reply = await sign_in(site, key=site.key("viewer"))
    said = reply.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=lax" in said
    assert "secure" in said
    assert "path=/" in said
    local = await sign_in(site, {"host": "127.0.0.1:8470"}, key=site.key("viewer"))
    assert "secure" not in local.headers["set-cookie"].lower()
    named = await sign_in(site, {"host": "127.0.0.1.example.org"}, key=site.key("viewer"))
    assert "secure" in named.headers["set-cookie"].lower()


async def test_a_password_opens_a_session(site: Site, password_hash: str) -> None:
    site.put(person(password_hash))
    reply = await sign_in(site, user="jane", password=PASSWORD, next="/hosts/r1-h1?tab=parts")
    assert reply.headers["location"] == "/hosts/r1-h1?tab=parts"
    site.client.cookies.set(COOKIE, cookie_of(reply))
    me = (await site.ask("GET", "/api/me")).json()
    assert (me["name"], me["roles"]) == ("user jane", {"operator": ["*"]})
    stored = site.store.get(User, "jane")
    assert stored is not None
    assert stored.last_login_at == NOW


async def test_every_wrong_proof_is_answered_alike(site: Site, password_hash: str) -> None:
    disabled = person(password_hash, "mary").model_copy(update={"disabled": True})
    without = person("", "anne")
    site.put(person(password_hash), disabled, without)
    wrong = [
        {"user": "jane", "password": "x" * 20},
        {"user": "nobody", "password": PASSWORD},
        {"user": "mary", "password": PASSWORD},
        {"user": "anne", "password": ""},
        {"key": "pyd_000000000000_" + "x" * 43},
        {"key": site.key("setup")},
        {},
    ]
    replies = [await sign_in(site, **form) for form in wrong]
    assert {r.status_code for r in replies} == {401}
    assert len({r.text for r in replies}) == 1
    assert not any("set-cookie" in r.headers for r in replies)


async def test_a_browser_is_sent_back_to_the_form(site: Site) -> None:
    reply = await sign_in(site, {"accept": "text/html"}, user="jane", password="x", next="/hosts")
    assert reply.status_code == 303
    assert reply.headers["location"] == "/sign-in?failed=wrong&next=%2Fhosts"


async def test_guessing_gets_slower_whether_the_account_exists_or_not(
    site: Site, password_hash: str
) -> None:
    site.put(person(password_hash))
    for name in ("jane", "nobody"):
        codes = [(await sign_in(site, user=name, password="wrong")).status_code for _ in range(7)]
        assert codes == [401] * 6 + [429], name
    right = await sign_in(site, user="jane", password=PASSWORD)
    assert right.status_code == 429
    assert right.headers["retry-after"] == "1"
    site.clock.moment = NOW + timedelta(seconds=1)
    assert (await sign_in(site, user="jane", password=PASSWORD)).status_code == 303


async def test_an_address_that_tries_often_waits(site: Site) -> None:
    codes = [(await sign_in(site, key="wrong")).status_code for _ in range(21)]
    assert codes == [401] * 20 + [429]


async def test_an_old_hash_is_made_anew_at_sign_in(site: Site) -> None:
    from argon2 import PasswordHasher  # noqa: PLC0415

    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    site.put(person(old))
    cookie_of(await sign_in(site, user="jane", password=PASSWORD))
    stored = site.store.get(User, "jane")
    assert stored is not None
    assert stored.password_hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


async def test_a_session_ends_when_it_rests_and_when_its_time_is_over(site: Site) -> None:
    await opened(site, site.key("viewer"))
    for minutes in (29, 58, 60 * 24):
        site.clock.moment = NOW + timedelta(minutes=minutes)
        expected = 200 if minutes < 60 else 401
        assert (await site.ask("GET", "/api/me")).status_code == expected, minutes
    site.clock.moment = NOW
    token = await opened(site, site.key("viewer"))
    for quarter in range(1, 48):
        site.clock.moment = NOW + timedelta(minutes=15 * quarter)
        assert (await site.ask("GET", "/api/me")).status_code == 200
    site.clock.moment = NOW + timedelta(hours=12)
    assert (await site.ask("GET", "/api/me")).status_code == 401
    assert site.store.get(Session, session_id(token)) is not None


async def test_a_revoked_key_ends_its_sessions(site: Site, admin: str) -> None:
    viewer = site.key("viewer")
    await opened(site, viewer)
    revoked = await site.ask("DELETE", f"/api/keys/{viewer.split('_')[1]}", key=admin)
    assert revoked.status_code == 200
    assert (await site.ask("GET", "/api/hosts")).status_code == 401


async def test_a_disabled_person_is_out_at_once(site: Site, password_hash: str) -> None:
    site.put(person(password_hash))
    token = cookie_of(await sign_in(site, user="jane", password=PASSWORD))
    site.client.cookies.set(COOKIE, token)
    assert (await site.ask("GET", "/api/me")).status_code == 200
    user = site.store.get(User, "jane")
    assert user is not None
    site.store.apply(Change(replace=(user.model_copy(update={"disabled": True}),)), now=NOW)
    assert (await site.ask("GET", "/api/me")).status_code == 401


async def test_a_new_password_ends_older_sessions(site: Site, password_hash: str) -> None:
    site.put(person(password_hash))
    site.client.cookies.set(COOKIE, cookie_of(await sign_in(site, user="jane", password=PASSWORD)))
    user = site.store.get(User, "jane")
    assert user is not None
    later = NOW + timedelta(seconds=1)
    fresh = user.model_copy(update={"password_changed_at": later})
    site.store.apply(Change(replace=(fresh,)), now=later)
    assert (await site.ask("GET", "/api/me")).status_code == 401


async def test_signing_out_ends_the_session_on_the_server(site: Site) -> None:
    token = await opened(site, site.key("viewer"))
    reply = await site.client.post("/sign-out", data={"csrf_token": csrf_of(token)})
    assert reply.status_code == 303
    assert reply.headers["location"] == "/sign-in"
    assert 'podyard_session=""' in reply.headers["set-cookie"]
    site.client.cookies.set(COOKIE, token)
    assert (await site.ask("GET", "/api/me")).status_code == 401
    assert site.store.find(Session) == []


async def test_what_changes_something_needs_the_sessions_own_token(site: Site) -> None:
    site.put(make_host())
    token = await opened(site, site.key("operator"))
    other = cookie_of(await sign_in(site, key=site.key("operator")))
    site.client.cookies.set(COOKIE, token)
    path = "/api/hosts/r1-h1/retry"
    for proof in ("", "x", csrf_of(other), token, session_id(token)):
        reply = await site.client.post(path, json={}, headers={"x-csrf-token": proof})
        assert reply.status_code == 403, proof
        assert reply.json()["error"]["kind"] == "forged"
    assert (await site.client.post(path, json={})).status_code == 403
    good = await site.client.post(path, json={}, headers={"x-csrf-token": csrf_of(token)})
    assert good.status_code != 403, good.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://podyard.evil.example"},
        {"origin": "http://podyard:8470"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_another_sites_page_cannot_use_the_cookie(
    site: Site, headers: dict[str, str]
) -> None:
    token = await opened(site, site.key("operator"))
    proof = {"x-csrf-token": csrf_of(token)}
    reply = await site.client.post("/sign-out", headers={**headers, **proof})
    assert reply.status_code == 403
    signing_in = await sign_in(site, headers, key=site.key("viewer"))
    assert signing_in.status_code == 403
    own = {"origin": "http://podyard", "sec-fetch-site": "same-origin"}
    assert (await site.client.post("/sign-out", headers={**own, **proof})).status_code == 303


async def test_a_key_in_the_header_needs_no_such_proof(site: Site, admin: str) -> None:
    await opened(site, site.key("viewer"))
    made = await site.ask("POST", "/api/tenants", {"name": "acme"}, key=admin)
    assert made.status_code == 201


@pytest.mark.parametrize(
    "wrong",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "hosts",
        "",
        " /hosts",
    ],
)
def test_no_path_leads_to_another_site(wrong: str) -> None:
    assert local_path(wrong) == "/"


@pytest.mark.parametrize("right", ["/", "/hosts", "/hosts/r1-h1?tab=parts&x=%20#top"])
def test_own_paths_are_kept(right: str) -> None:
    assert local_path(right) == right


@pytest.mark.parametrize(
    ("role", "tenant", "lands"),
    [("viewer", "", "/"), ("admin", "", "/"), ("tenant", "acme", "/claims")],
)
async def test_signing_in_leads_to_a_page_that_they_may_see(
    site: Site, role: Role, tenant: str, lands: str
) -> None:
    reply = await sign_in(site, key=site.key(role, tenant))
    assert reply.headers["location"] == lands
    site.client.cookies.set(COOKIE, cookie_of(reply))
    assert (await site.ask("GET", lands)).status_code == 200
    asked = await sign_in(site, key=site.key("viewer"), next="/hosts?q=r1")
    assert asked.headers["location"] == "/hosts?q=r1"
