"""The stream of events over real sockets: many clients, breaks, filters, and keys that end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from jsonschema_rs import Draft202012Validator

from inventory.keys import Role, mint
from inventory.model import ApiKey, Event, Tenant
from inventory.store.protocol import Change
from tests.integration.web.conftest import Shown
from tests.integration.web.furnished_site import NOW

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"
CLIENTS = 200
CLIENTS_A_KEY = 10


def key_of(shown: Shown, role: Role, tenant: str = "") -> str:
    """A fresh key."""
    record, text = mint(role, now=NOW, tenant=tenant)
    shown.store.apply(Change(insert=(record,)), now=NOW)
    return text


def happen(shown: Shown, subject: str, kind: str = "host.state", count: int = 1) -> int:
    """Write events; the number of the last one."""
    event = Event(at=NOW, actor="test", kind=kind, subject=subject)
    shown.store.apply(Change(events=(event,) * count), now=NOW)
    return shown.store.last_event()


class Listener:
    """One client of the stream."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def line(self, prefix: str) -> str:
        """The next line that begins so."""
        while line := (await self._reader.readline()).decode():
            if line.startswith(prefix):
                return line.removeprefix(prefix).strip()
        raise EOFError

    async def event(self) -> dict[str, Any]:
        """The next event."""
        found: dict[str, Any] = json.loads(await self.line("data: "))
        return found


@asynccontextmanager
async def listening(
    shown: Shown, key: str, query: str = "", *, path: str = "/api/events/stream", **headers: str
) -> AsyncIterator[Listener]:
    """A stream that has begun."""
    port = urlsplit(shown.url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(
        f"GET {path}{query} HTTP/1.1\r\nHost: podyard\r\n"
        f"Authorization: Bearer {key}\r\n{told}\r\n".encode()
    )
    status = (await reader.readline()).decode()
    assert " 200 " in status, status
    one = Listener(reader)
    await one.line(": podyard events")
    try:
        yield one
    finally:
        writer.close()


async def test_two_hundred_clients_hear_of_an_event_and_the_database_is_read_by_one(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [key_of(shown, "viewer") for _ in range(CLIENTS // CLIENTS_A_KEY)]
    reads = 0
    real = shown.store.events

    def counted(**asked: Any) -> list[Event]:
        nonlocal reads
        reads += 1
        return real(**asked)

    async def hear(key: str, ready: asyncio.Semaphore) -> list[dict[str, Any]]:
        async with listening(shown, key) as one:
            ready.release()
            return [await one.event() for _ in range(3)]

    ready = asyncio.Semaphore(0)
    clients = [
        asyncio.create_task(hear(keys[number // CLIENTS_A_KEY], ready)) for number in range(CLIENTS)
    ]
    for _ in range(CLIENTS):
        await ready.acquire()
    await asyncio.sleep(1.5)  # the last of them have caught up with what was there
    monkeypatch.setattr(shown.store, "events", counted)
    last = happen(shown, "host:a-r1-h1", count=3)
    heard = await asyncio.gather(*clients)

    assert all([event["seq"] for event in one] == [last - 2, last - 1, last] for one in heard)
    assert reads < CLIENTS / 4, "every client reads for itself"


async def test_a_stream_goes_on_where_it_broke_off(shown: Shown) -> None:
    key = key_of(shown, "viewer")
    first = happen(shown, "host:a-r1-h1", count=1200) - 1199
    async with listening(shown, key, f"?after={first - 1}") as one:
        assert (await one.event())["seq"] == first

    async with listening(shown, key, **{"Last-Event-ID": str(first + 1)}) as one:
        heard = [(await one.event())["seq"] for _ in range(1198)]
        live = happen(shown, "pod:alpha", "pod.held")
        assert (await one.event())["seq"] == live
    assert heard == list(range(first + 2, first + 1200))


async def test_a_client_hears_only_what_it_asked_for(shown: Shown) -> None:
    key = key_of(shown, "viewer")
    async with (
        listening(shown, key, "?subject=host:a-r1-h2") as host,
        listening(shown, key, "?subject=host:") as hosts,
        listening(shown, key, "?kind=pod") as pods,
        listening(shown, key, "?site=zrh1") as here,
    ):
        await asyncio.sleep(0.6)
        happen(shown, "claim:x", "claim.state")
        happen(shown, "host:a-r1-h1")
        happen(shown, "host:a-r1-h2")
        happen(shown, "pod:alpha", "pod.held")

        assert (await host.event())["subject"] == "host:a-r1-h2"
        assert [(await hosts.event())["subject"] for _ in range(2)] == [
            "host:a-r1-h1",
            "host:a-r1-h2",
        ]
        assert (await pods.event())["kind"] == "pod.held"
        assert (await here.event())["subject"] == "host:a-r1-h1"


@pytest.mark.parametrize("path", ["/api/events/stream", "/api/events"])
async def test_a_stream_ends_when_its_key_is_revoked_though_others_events_go_on(
    shown: Shown, path: str
) -> None:
    key = key_of(shown, "viewer")
    sort = {"Accept": "text/event-stream"}
    async with listening(shown, key, "?subject=host:nobody", path=path, **sort) as one:
        record = shown.store.get(ApiKey, key.split("_")[1])
        assert record is not None
        gone = record.model_copy(update={"revoked_at": NOW - timedelta(seconds=1)})
        shown.store.apply(Change(replace=(gone,)), now=NOW)

        async def busy() -> None:
            while True:
                happen(shown, "host:a-r1-h1")
                await asyncio.sleep(0.3)

        noise = asyncio.create_task(busy())
        try:
            assert await asyncio.wait_for(one.line("event: "), 12) == "end"
            with pytest.raises(EOFError):
                await asyncio.wait_for(one.line("never"), 12)
        finally:
            noise.cancel()


async def test_a_stream_ends_when_its_reader_keeps_a_role_at_other_sites_alone(
    shown: Shown,
) -> None:
    key = key_of(shown, "viewer")
    async with listening(shown, key) as one:
        record = shown.store.get(ApiKey, key.split("_")[1])
        assert record is not None
        far = record.model_copy(update={"sites": ("far",)})
        shown.store.apply(Change(replace=(far,)), now=NOW)
        assert await asyncio.wait_for(one.line("event: "), 12) == "end"


async def test_a_role_at_another_site_hears_nothing_of_this_one(shown: Shown) -> None:
    record, key = mint("viewer", now=NOW)
    elsewhere = record.model_copy(update={"sites": ("far",)})
    shown.store.apply(Change(insert=(elsewhere,)), now=NOW)
    async with (
        listening(shown, key) as far,
        listening(shown, key_of(shown, "viewer")) as here,
    ):
        await asyncio.sleep(0.6)
        happen(shown, "host:a-r1-h1")
        assert (await here.event())["subject"] == "host:a-r1-h1"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(far.event(), 1.5)


async def test_a_tenant_hears_of_its_own_and_of_nobody_elses(shown: Shown) -> None:
    for name in ("mine", "theirs"):
        shown.store.apply(Change(insert=(Tenant(name=name, created_at=NOW),)), now=NOW)
    async with (
        listening(shown, key_of(shown, "tenant", "mine")) as tenant,
        listening(shown, key_of(shown, "viewer")) as staff,
    ):
        await asyncio.sleep(0.6)
        subjects = ["cluster:theirs/main", "host:a-r1-h1", "cluster:mine/main"]
        for subject in subjects:
            happen(shown, subject, "cluster.phase")
        assert [(await staff.event())["subject"] for _ in subjects] == subjects
        assert (await tenant.event())["subject"] == "cluster:mine/main"


async def test_what_a_stream_tells_is_as_the_description_has_it(shown: Shown) -> None:
    described = json.loads(DOCUMENT.read_text())
    schema = {"$ref": "#/components/schemas/Event", "components": described["components"]}
    async with listening(shown, key_of(shown, "viewer")) as one:
        await asyncio.sleep(0.6)
        last = happen(shown, "host:a-r1-h1")
        assert int(await one.line("id: ")) == last
        Draft202012Validator(schema).validate(await one.event())


async def test_strangers_and_an_eleventh_stream_are_refused(shown: Shown) -> None:
    key = key_of(shown, "viewer")
    url = f"{shown.url}/api/events/stream"
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(url)).status_code == 401
        streams = [listening(shown, key) for _ in range(10)]
        for stream in streams:
            await stream.__aenter__()
        refused = await client.get(url, headers={"Authorization": f"Bearer {key}"})
        assert refused.status_code == 429
        assert refused.json()["error"]["kind"] == "too-many-followers"
        for stream in streams:
            await stream.__aexit__(None, None, None)
        await asyncio.sleep(0.5)
        async with listening(shown, key):
            pass  # places that were given back are free
