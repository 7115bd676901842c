"""A request sent twice under one key is done once, and answered as it was the first time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from inventory.answers import Answer
from inventory.api import build_api
from inventory.changes import JournalEntry
from inventory.model import ApiKey, Tenant
from inventory.resources import repeating
from tests.unit.inventory.conftest import Site

NOTE = {"subject": "host:r1-h1", "text": "fan 2 is loud"}
PATH = "/api/journal-entries"


async def test_the_first_answer_comes_again(site: Site, admin: str) -> None:
    first = await site.ask("POST", PATH, NOTE, key=admin, Idempotency_Key="k1")
    again = await site.ask("POST", PATH, NOTE, key=admin, Idempotency_Key="k1")
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["etag"] == first.headers["etag"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert site.store.count(JournalEntry) == 1


async def test_without_a_key_or_under_another_one_it_is_done_again(site: Site, admin: str) -> None:
    for headers in ({}, {}, {"Idempotency_Key": "a"}, {"Idempotency_Key": "b"}):
        await site.ask("POST", PATH, NOTE, key=admin, **headers)
    assert site.store.count(JournalEntry) == 4


async def test_another_body_under_the_same_key_is_refused(site: Site, admin: str) -> None:
    await site.ask("POST", PATH, NOTE, key=admin, Idempotency_Key="k1")
    other = await site.ask("POST", PATH, {**NOTE, "text": "x"}, key=admin, Idempotency_Key="k1")
    assert other.status_code == 422
    assert other.json()["error"]["kind"] == "idempotency-key-reused"


async def test_a_refused_request_leaves_its_key_free(site: Site, admin: str) -> None:
    wrong = await site.ask("POST", PATH, {"text": "x"}, key=admin, Idempotency_Key="k1")
    right = await site.ask("POST", PATH, NOTE, key=admin, Idempotency_Key="k1")
    assert (wrong.status_code, right.status_code) == (422, 201)


async def test_an_answer_is_nobody_elses(site: Site, admin: str) -> None:
    await site.ask("POST", PATH, NOTE, key=admin, Idempotency_Key="k1")
    second = site.key("admin")
    done = await site.ask("POST", PATH, NOTE, key=second, Idempotency_Key="k1")
    assert "idempotency-replayed" not in done.headers
    stranger = await site.ask("POST", PATH, NOTE, key="pyd_a_b", Idempotency_Key="k1")
    assert stranger.status_code == 401


async def test_a_day_later_the_key_is_forgotten(site: Site, admin: str) -> None:
    await site.ask("POST", PATH, NOTE, key=admin, Idempotency_Key="k1")
    site.clock.moment += timedelta(hours=25)
    await site.ask("POST", PATH, NOTE, key=admin, Idempotency_Key="k2")
    assert site.store.count(Answer) == 1
    await site.ask("POST", PATH, NOTE, key=admin, Idempotency_Key="k1")
    assert site.store.count(JournalEntry) == 3


async def test_a_key_that_is_made_twice_is_one_and_lies_sealed(site: Site, admin: str) -> None:
    body = {"role": "viewer"}
    first = await site.ask("POST", "/api/keys", body, key=admin, Idempotency_Key="k1")
    again = await site.ask("POST", "/api/keys", body, key=admin, Idempotency_Key="k1")
    assert first.status_code == 201
    assert first.json()["text"] == again.json()["text"]
    assert site.store.count(ApiKey, role="viewer") == 1
    (answer,) = site.store.find(Answer)
    assert first.json()["text"] not in answer.model_dump_json()


async def test_one_that_is_worked_on_is_not_begun_again(
    site: Site, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply, seen = site.store.apply, []

    def racing(change: Any, **given: Any) -> None:
        apply(change, **given)
        if any(isinstance(r, Answer) and not r.status for r in change.insert):
            seen.append(change)

    monkeypatch.setattr(site.store, "apply", racing)
    await site.ask("POST", "/api/tenants", {"name": "acme"}, key=admin, Idempotency_Key="k1")
    (answer,) = site.store.find(Answer)
    reserved = seen[0].insert[0].model_copy(update={"version": answer.version})
    apply(seen[0].__class__(replace=(reserved,)), now=site.clock.now())  # as a crash leaves it
    busy = await site.ask("POST", "/api/tenants", {"name": "acme"}, key=admin, Idempotency_Key="k1")
    assert (busy.status_code, busy.json()["error"]["kind"]) == (409, "worked-on")
    site.clock.moment += timedelta(minutes=5)
    late = await site.ask("POST", "/api/tenants", {"name": "acme"}, key=admin, Idempotency_Key="k1")
    assert late.status_code == 409  # done anew, and what it made is there already
    assert late.json()["error"]["kind"] == "conflict"
    assert site.store.count(Tenant) == 1


async def test_a_request_that_takes_long_is_not_begun_again(
    site: Site, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeating, "WORKING_EVERY_S", 0.01)
    going, come = asyncio.Event(), asyncio.Event()

    async def slow(call: Any, /, *given: Any, **named: Any) -> Any:
        if call.__qualname__.startswith("Writer.") and not going.is_set():
            going.set()
            await come.wait()
        return call(*given, **named)

    site.app = build_api(replace(site.deps, in_thread=slow))
    transport = httpx.ASGITransport(site.app, raise_app_exceptions=False)
    monkeypatch.setattr(
        site, "client", httpx.AsyncClient(transport=transport, base_url="http://podyard")
    )
    first = asyncio.create_task(site.ask("POST", PATH, NOTE, key=admin, Idempotency_Key="k1"))
    async with asyncio.timeout(20):
        await going.wait()
        for _ in range(5):  # five minutes, a minute at a time
            site.clock.moment += timedelta(minutes=1)
            told = site.store.find(Answer)[0].worked_at
            while site.store.find(Answer)[0].worked_at == told:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)
        again = await site.ask("POST", PATH, NOTE, key=admin, Idempotency_Key="k1")
        come.set()
        done = await first
    assert (again.status_code, again.json()["error"]["kind"]) == (409, "worked-on")
    assert done.status_code == 201
    repeated = await site.ask("POST", PATH, NOTE, key=admin, Idempotency_Key="k1")
    assert repeated.json() == done.json()
    assert site.store.count(JournalEntry) == 1


async def test_an_answer_too_large_to_keep_comes_once_and_is_not_done_again(
    site: Site, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeating, "ANSWER_MAX_BYTES", 100)
    first = await site.ask("POST", PATH, NOTE, key=admin, Idempotency_Key="k1")
    assert first.json()["text"] == NOTE["text"]
    again = await site.ask("POST", PATH, NOTE, key=admin, Idempotency_Key="k1")
    assert (again.status_code, again.json()["error"]["kind"]) == (409, "answer-not-kept")
    assert site.store.count(JournalEntry) == 1
    (answer,) = site.store.find(Answer)
    assert len(answer.model_dump_json()) < 1000


async def test_every_post_heeds_the_header(site: Site) -> None:
    document = (await site.ask("GET", "/api/openapi.json")).json()
    for path, operations in document["paths"].items():
        post = operations.get("post")
        if post and post.get("security") and path.startswith("/api/"):
            names = {p["name"] for p in post.get("parameters", ())}
            assert "Idempotency-Key" in names, path
