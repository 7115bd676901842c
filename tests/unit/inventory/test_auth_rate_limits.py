"""How often one may ask: told with every answer, and refused when it is too often."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.access_settings import AccessSettings
from inventory.api import build_api
from inventory.rate_limits import Backoff, Buckets, Rate
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW


def limited(site: Site, **given_settings: int) -> httpx.AsyncClient:
    """The site's API with other limits."""
    deps = replace(site.deps, access=AccessSettings(**given_settings))
    transport = httpx.ASGITransport(build_api(deps), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://podyard")


async def test_every_answer_says_what_is_left(site: Site) -> None:
    key = site.key("viewer", requests_per_minute=3)
    left = []
    for _ in range(4):
        reply = await site.ask("GET", "/api/me", key=key)
        left.append((reply.status_code, reply.headers["ratelimit-remaining"]))
    assert left == [(200, "2"), (200, "1"), (200, "0"), (429, "0")]
    assert reply.headers["ratelimit-limit"] == "3"
    assert reply.headers["retry-after"] == "20"
    assert reply.json()["error"]["kind"] == "too-many-requests"
    site.clock.moment = NOW + timedelta(seconds=20)
    assert (await site.ask("GET", "/api/me", key=key)).status_code == 200


async def test_one_client_takes_nothing_from_another(site: Site) -> None:
    client = limited(site, requests_per_minute=2)
    first, second = (
        {"authorization": f"Bearer {site.key('viewer')}"},
        {"authorization": f"Bearer {site.key('viewer')}"},
    )
    codes = [(await client.get("/api/me", headers=first)).status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    assert (await client.get("/api/me", headers=second)).status_code == 200
    await client.aclose()


async def test_an_address_that_guesses_is_slowed_down_and_holders_of_keys_are_not(
    site: Site,
) -> None:
    client = limited(site, unknown_per_minute=3)
    codes = [(await client.get("/api/me")).status_code for _ in range(4)]
    assert codes == [401, 401, 401, 429]
    good = {"authorization": f"Bearer {site.key('viewer')}"}
    assert (await client.get("/api/me", headers=good)).status_code == 200
    await client.aclose()


def test_buckets_are_bounded() -> None:
    buckets = Buckets(remembered_max=10)
    for n in range(1000):
        buckets.take(f"address {n}", Rate.per_minute(1), now=NOW)
    assert len(buckets) == 10


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(min_value=-5, max_value=30), min_size=1, max_size=200))
def test_no_bucket_gives_more_than_its_burst_and_its_rate(pauses: list[float]) -> None:
    """Whatever the clock does."""
    buckets, rate, now, passed, given_out = Buckets(), Rate.per_minute(6), NOW, 0.0, 0
    for pause in pauses:
        now += timedelta(seconds=pause)
        passed += max(0.0, pause)
        given_out += buckets.take("k", rate, now=now).allowed
    # A clock that was set back may pass the same seconds again; it can never add more than those.
    assert given_out <= rate.burst + passed * rate.per_s + 1e-6


@pytest.mark.parametrize(
    ("failures", "wait_s"), [(1, 0), (5, 0), (6, 1), (7, 2), (10, 16), (14, 256), (15, 300)]
)
def test_waiting_doubles_and_ends(failures: int, wait_s: float) -> None:
    backoff = Backoff()
    for _ in range(failures):
        backoff.failed("jane", now=NOW)
    assert backoff.wait_s("jane", now=NOW) == wait_s
    assert backoff.wait_s("mary", now=NOW) == 0
    backoff.succeeded("jane")
    assert backoff.wait_s("jane", now=NOW) == 0


def test_failures_are_remembered_for_so_many() -> None:
    backoff = Backoff(remembered_max=10)
    for n in range(1000):
        backoff.failed(f"name {n}", now=NOW)
    assert len(backoff._failures) == 10
