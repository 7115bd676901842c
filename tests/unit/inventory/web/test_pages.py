"""Pages as they leave the service: what stands on them, who gets them, and under which policy."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from inventory.model import Event, Problem
from inventory.states import HostState, PowerState
from inventory.store.protocol import Change
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
