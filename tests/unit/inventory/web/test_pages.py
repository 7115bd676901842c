"""Pages as they leave the service: what stands on them, who gets them, and under which policy."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from inventory.keys import Scope, mint
from inventory.model import Event, Host, Problem
from inventory.states import HostState, PowerState
from inventory.store.protocol import Change
from inventory.web.board import hosts_now
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import (
    NOW,
    make_claim,
    make_facts,
    make_host,
    make_pod,
    make_unit,
)

HOSTILE = "<script>alert(1)</script>\"' onmouseover=alert(2)"
PAGES = (
    "/",
    "/hall",
    "/racks/here/r1",
    "/hosts",
    "/hosts?problem=parked",
    "/hosts?state=ready",
    "/hosts/r1-h1",
    "/hosts/r1-h3",
    "/pods",
    "/pods/lab",
    "/units",
    "/units/r1-h1-u0",
    "/claims",
    "/claims/claim-1",
    "/events",
    "/events?kind=host",
    "/events?subject=host:r1-h1",
    "/audit",
    "/search",
    "/search?q=r1",
)


def parked(**fields: Any) -> Problem:
    """A problem that only a person can end."""
    given: dict[str, Any] = {
        "kind": "spec-mismatch",
        "message": "memory.modules: wanted 4, found 3",
        "since": NOW - timedelta(hours=2),
        "tried": ("read the memory again",),
        "remedy": "seat or replace the DIMM in slot DIMM2",
        **fields,
    }
    return Problem(**given)


def furnish(site: Site) -> None:
    """A pod with a host in each kind of state."""
    site.put(
        make_pod(),
        make_host(1, state=HostState.READY, power=PowerState.ON, facts=make_facts()),
        make_host(2, state=HostState.BOOTING, waiting="the image is booting", wave=1),
        make_host(3, state=HostState.MATCHING, problem=parked()),
        make_host(4, state=HostState.ACCEPTING, problem=parked(next_at=NOW, next_step="again")),
        make_unit(1),
        make_claim(1),
    )
    event = Event(
        at=NOW,
        actor="provisioning",
        kind="host.state",
        subject="host:r1-h1",
        old="accepting",
        new="ready",
        why="every floor was reached",
    )
    site.store.apply(Change(events=(event,)), now=NOW)


@pytest.fixture
def furnished(site: Site) -> Site:
    furnish(site)
    return site


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_shown_under_the_strict_policy(
    furnished: Site, admin: str, path: str
) -> None:
    reply = await furnished.ask("GET", path, key=admin)

    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith("text/html")
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert_nothing_inline(reply.text)


def assert_nothing_inline(text: str) -> None:
    """No script, style or handler in the page itself, and nothing from elsewhere."""
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert "<style" not in text
    assert not re.search(r"<[^>]*\sstyle=", text)
    assert not re.search(r"<[^>]*\son[a-z]+\s*=", text)
    outside = re.findall(r"(?:src|href|action)=\"(https?:)?//", text.replace("http://podyard/", ""))
    assert outside == []


async def test_strangers_are_sent_to_sign_in_and_come_back(furnished: Site) -> None:
    reply = await furnished.ask("GET", "/hosts?state=ready")

    assert reply.status_code == 303
    assert reply.headers["location"] == "/sign-in?next=%2Fhosts%3Fstate%3Dready"
    form = await furnished.ask("GET", reply.headers["location"])
    assert 'name="next" value="/hosts?state=ready"' in form.text
    foreign = await furnished.ask("GET", "/sign-in?next=//evil.example")
    assert 'name="next" value="/"' in foreign.text


async def test_a_tenant_sees_its_own_claims_and_nothing_of_the_hall(furnished: Site) -> None:
    furnished.put(make_claim(2, tenant="globex"))
    key = furnished.key("tenant", "acme")

    claims = await furnished.ask("GET", "/claims", key=key)
    assert "claim-1" in claims.text
    assert "globex" not in claims.text
    assert (await furnished.ask("GET", "/claims/claim-2", key=key)).status_code == 404
    events = await furnished.ask("GET", "/events", key=key)
    assert "host:r1-h1" not in events.text
    for path in ("/", "/hosts", "/hosts/r1-h1", "/pods/lab", "/audit", "/units"):
        reply = await furnished.ask("GET", path, key=key)
        assert reply.status_code == 403, path
        assert "<h1>Not allowed</h1>" in reply.text


async def test_a_role_at_one_site_sees_that_site_though_another_looked_before(
    furnished: Site, admin: str
) -> None:
    furnished.put(make_host(9, name="far-h9", serial="FAR9", site="far", rack="far1"))
    assert "far-h9" in (await furnished.ask("GET", "/hosts", key=admin)).text
    record, here = mint("viewer", now=NOW)
    furnished.put(record.model_copy(update={"sites": ("here",)}))

    for path in ("/", "/hall", "/hosts", "/search?q=h9"):
        shown = await furnished.ask("GET", path, key=here)
        assert shown.status_code == 200
        assert "far-h9" not in shown.text
        assert "far1" not in shown.text
    assert (await furnished.ask("GET", "/hosts/far-h9", key=here)).status_code == 404
    assert (await furnished.ask("GET", "/racks/far/far1", key=here)).status_code == 404
    assert "far-h9" in (await furnished.ask("GET", "/hosts", key=admin)).text


async def test_hostile_strings_stay_text_on_every_page(furnished: Site, admin: str) -> None:
    facts = make_facts(model=HOSTILE, manufacturer=HOSTILE)
    problem = parked(message=HOSTILE, remedy=HOSTILE, tried=(HOSTILE,))
    furnished.put(make_host(7, serial=HOSTILE, facts=facts, problem=problem, maintenance=HOSTILE))
    event = Event(at=NOW, actor=HOSTILE, kind="host.state", subject=f"host:{HOSTILE}", why=HOSTILE)
    furnished.store.apply(Change(events=(event,)), now=NOW)

    for path in (*PAGES, "/hosts/r1-h7", f"/search?q={HOSTILE}"):
        reply = await furnished.ask("GET", path, key=admin)
        assert "<script>alert" not in reply.text, path
        assert_nothing_inline(reply.text)
    assert "&lt;script&gt;" in (await furnished.ask("GET", "/hosts/r1-h7", key=admin)).text


async def test_the_why_panel_says_what_the_command_says(furnished: Site, admin: str) -> None:
    why = (await furnished.ask("GET", "/api/hosts/r1-h3/why", key=admin)).json()
    page = (await furnished.ask("GET", "/hosts/r1-h3", key=admin)).text
    for told in (why["summary"], why["remedy"], *why["tried"], why["problem"]["kind"]):
        assert told in page


async def post(site: Site, path: str, key: str, **form: str) -> httpx.Response:
    """A form, with a key instead of a cookie."""
    headers = {"Authorization": f"Bearer {key}"}
    return await site.client.post(path, data=form, headers=headers)


async def test_a_host_is_paused_and_resumed_by_its_page_and_the_overview_tells_of_a_hold(
    furnished: Site, admin: str
) -> None:
    paused = await post(furnished, "/hosts/r1-h3/pause", admin, why="technician")
    assert paused.status_code == 303, paused.text
    page = (await furnished.ask("GET", "/hosts/r1-h3", key=admin)).text
    assert "paused in" in page
    assert "technician" in page
    assert (await post(furnished, "/hosts/r1-h3/resume", admin)).status_code == 303
    assert (await post(furnished, "/hosts/r1-h3/quarantine", admin, why="x")).status_code == 422
    assert "On hold" not in (await furnished.ask("GET", "/", key=admin)).text
    await furnished.ask("POST", "/api/hold", {"reason": "bad <image>"}, key=admin)
    assert "bad &lt;image&gt;" in (await furnished.ask("GET", "/", key=admin)).text


async def test_forms_do_what_the_routes_do_and_ask_before_what_hurts(
    furnished: Site, admin: str
) -> None:
    retried = await post(furnished, "/hosts/r1-h3/retry", admin)
    assert retried.headers["location"] == "/hosts/r1-h3?done=retry"
    host = furnished.store.find(Host, name="r1-h3")[0]
    assert host.problem is None

    unsure = await post(furnished, "/hosts/r1-h1/retire", admin)
    assert unsure.status_code == 422
    assert "the box was not ticked" in unsure.text
    assert furnished.store.find(Host, name="r1-h1")[0].target == "ready"
    sure = await post(furnished, "/hosts/r1-h1/retire", admin, sure="yes")
    assert sure.status_code == 303
    assert furnished.store.find(Host, name="r1-h1")[0].target == "retired"

    viewer = furnished.key("viewer")
    assert (await post(furnished, "/hosts/r1-h2/retry", viewer)).status_code == 403
    assert (await furnished.ask("POST", "/hosts/r1-h2/retry")).status_code == 303


async def test_a_files_address_changes_with_its_content(furnished: Site, admin: str) -> None:
    page = (await furnished.ask("GET", "/", key=admin)).text
    for path in re.findall(r"/static/[0-9a-f]{16}/[a-z.]+", page):
        reply = await furnished.ask("GET", path)
        assert reply.status_code == 200
        assert "immutable" in reply.headers["cache-control"]
    assert (await furnished.ask("GET", "/static/0000000000000000/pages.css")).status_code == 404


async def test_a_mistyped_filter_is_refused_and_not_ignored(furnished: Site, admin: str) -> None:
    reply = await furnished.ask("GET", "/hosts?stat=ready", key=admin)
    assert reply.status_code == 400
    assert "valid ones: " in reply.text


async def test_lists_are_paged_and_keep_their_filters(site: Site, admin: str) -> None:
    hosts = [
        make_host(n, name=f"h{n:03d}", state=HostState.READY if n % 2 else HostState.BOOTING)
        for n in range(1, 302)
    ]
    site.put(make_pod(), *hosts)
    first = (await site.ask("GET", "/hosts?state=ready", key=admin)).text
    assert "1 to 100 of 151" in first
    following = re.search(r'href="([^"]+)" rel="next"', first)
    assert following is not None
    path = following[1].replace("&amp;", "&")
    assert "state=ready" in path
    second = (await site.ask("GET", path, key=admin)).text
    assert "101 to 151 of 151" in second
    assert "h301" in second


async def test_the_codes_of_racks_lead_to_themselves(furnished: Site, admin: str) -> None:
    text = (await furnished.ask("GET", "/racks/here/r1", key=admin)).text
    assert 'href="http://podyard/racks/here/r1"' in text
    assert "<svg" in text
    assert (await furnished.ask("GET", "/racks/here/r99", key=admin)).status_code == 404


async def test_only_changed_hosts_are_read_whole_again(furnished: Site) -> None:
    store = furnished.store
    known = hosts_now(store, {})
    host = store.find(Host, name="r1-h2")[0]
    store.apply(Change(replace=(host.model_copy(update={"waiting": "nearly there"}),)), now=NOW)
    gone = store.find(Host, name="r1-h4")[0]
    store.apply(Change(remove=(gone,)), now=NOW)

    fresh = hosts_now(store, known)
    assert fresh[host.id][1].now_doing == "nearly there"
    assert gone.id not in fresh
    same = [key for key in fresh if fresh[key] is known[key]]
    assert len(same) == len(known) - 2


async def test_a_narrowed_key_is_shown_a_host_without_what_it_was_not_given(
    furnished: Site,
) -> None:
    whole = furnished.key("viewer")
    narrow = furnished.key("viewer", scope=Scope(permissions=("host:read",)))
    assert "every floor was reached" in (await furnished.ask("GET", "/hosts/r1-h1", key=whole)).text
    reply = await furnished.ask("GET", "/hosts/r1-h1", key=narrow)
    assert reply.status_code == 200
    assert "every floor was reached" not in reply.text
    assert "/units/" not in reply.text
    assert "Your key was not given certificate:read, event:read" in reply.text


async def test_older_events_follow_at_once_however_far_their_numbers_are_apart(
    site: Site, admin: str
) -> None:
    told = [Event(at=NOW, actor="a", kind=f"k.{n}", subject="pod:lab") for n in range(120)]
    site.store.apply(Change(events=tuple(told)), now=NOW)
    engine = sa.create_engine(site.store._engine.url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE events SET seq = seq + 1000000 WHERE seq > 60")
    engine.dispose()
    for query in ("", "?kind=k", "?subject=pod:lab"):
        text = (await site.ask("GET", f"/events{query}", key=admin)).text
        assert text.count('<tr id="event-') == 100, query
        older = re.search(r'href="(/events[^"]*before=[^"]*)"', text)
        assert older is not None, query
        second = (await site.ask("GET", older[1].replace("&amp;", "&"), key=admin)).text
        assert second.count('<tr id="event-') == 20, query
        assert "Older" not in second


async def test_the_audit_page_counts_nothing(furnished: Site, admin: str) -> None:
    for _ in range(3):
        await furnished.ask("POST", "/api/tenants", {"name": "x"}, key=admin)
    asked: list[str] = []
    engine = furnished.store._engine
    sa.event.listen(engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    text = (await furnished.ask("GET", "/audit", key=admin)).text
    assert "1 to 3" in text
    assert not [one for one in asked if "count(" in one and "audit" in one]


async def test_an_unknown_page_is_a_page_to_browsers_and_json_to_programs(site: Site) -> None:
    page = await site.ask("GET", "/racks", accept="text/html,*/*;q=0.8")
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "there is no such page" in page.text
    assert_nothing_inline(page.text)
    for path, accept in (("/racks", "*/*"), ("/api/nothing", "text/html")):
        told = await site.ask("GET", path, accept=accept)
        assert told.status_code == 404
        assert told.json()["error"]["kind"] == "not-found"
