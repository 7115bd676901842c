"""Logs and the event stream: newest first or last, endless, garbled, and not ours."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from provisioning.drivers.redfish import transport
from provisioning.drivers.redfish.events import MAX_EVENT_BYTES, records
from provisioning.drivers.redfish.logs import MAX_ENTRIES
from provisioning.errors import AnswerRefused, BmcUnreachable, Unsupported
from tests.integration.drivers.conftest import Connect
from tests.integration.drivers.scripted_bmc import SYSTEM, TOKEN, ScriptedBmc

pytestmark = pytest.mark.integration

LOGS = f"{SYSTEM}/LogServices"
ENTRIES = f"{LOGS}/SEL/Entries"
SSE = "/redfish/v1/EventService/SSE"


def log(bmc: ScriptedBmc, entries: list[dict[str, Any]]) -> None:
    bmc.resources[SYSTEM]["LogServices"] = {"@odata.id": LOGS}
    bmc.resources[LOGS] = {"Members": [{"@odata.id": f"{LOGS}/SEL"}]}
    bmc.resources[f"{LOGS}/SEL"] = {"Id": "SEL", "Entries": {"@odata.id": ENTRIES}}
    bmc.resources[ENTRIES] = {"Members": entries}


def entry(number: int) -> dict[str, Any]:
    return {
        "Id": str(number),
        "Created": f"2026-01-01T{number // 60:02d}:{number % 60:02d}:00Z",
        "Message": f"line {number}",
        "Severity": "OK",
    }


@pytest.mark.parametrize("newest_first", [True, False])
async def test_newest_entries_are_read_wherever_they_stand(
    bmc: ScriptedBmc, connect: Connect, *, newest_first: bool
) -> None:
    entries = [entry(number) for number in range(MAX_ENTRIES + 50)]
    log(bmc, entries[::-1] if newest_first else entries)
    found = await connect().log_entries()
    assert len(found) == MAX_ENTRIES
    assert [found[0].message, found[-1].message] == ["line 50", f"line {MAX_ENTRIES + 49}"]


async def test_text_and_times_of_a_log_are_made_harmless(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    log(bmc, [{"Id": "1", "Created": "yesterday", "Message": "\x1b[31mlid\x00 open"}])
    (found,) = await connect().log_entries()
    assert (found.at, found.message) == (None, "[31mlid  open")


async def test_bmc_without_logs_says_so(connect: Connect) -> None:
    with pytest.raises(Unsupported, match="no logs here"):
        await connect().log_entries()


def streaming(bmc: ScriptedBmc, *chunks: bytes, endless: bool = False) -> None:
    bmc.resources["/redfish/v1"]["EventService"] = {"@odata.id": "/redfish/v1/EventService"}
    bmc.resources["/redfish/v1/EventService"] = {"ServerSentEventUri": SSE}

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        for _ in range(100 if endless else 0):
            await response.write(b"x" * 65536)
            await asyncio.sleep(0)  # the client shares this loop
        return response

    bmc.on("GET", SSE, stream)


def event(message: str) -> bytes:
    body = {"Events": [{"EventId": "1", "MessageId": "A.1.0.B", "Message": message}]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


async def test_events_come_one_by_one_and_garbage_between_them_is_dropped(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    streaming(bmc, b": hello\n\n", event("first"), b"data: {no\n\n", b"data: 7\n\n", event("last"))
    found = [one.message async for one in connect().events()]
    assert found == ["first", "last"]
    assert bmc.requests("GET", SSE)[0]["X-Auth-Token"].startswith(TOKEN)


async def test_line_without_an_end_is_cut_off(bmc: ScriptedBmc, connect: Connect) -> None:
    streaming(bmc, endless=True)
    with pytest.raises(AnswerRefused, match="over"):
        async for _ in connect().events():
            pass


async def test_event_without_an_end_is_cut_off(bmc: ScriptedBmc, connect: Connect) -> None:
    lines = b"".join(b"data: " + b"x" * 60_000 + b"\n" for _ in range(MAX_EVENT_BYTES // 50_000))
    streaming(bmc, lines)
    with pytest.raises(AnswerRefused, match="over"):
        async for _ in connect().events():
            pass


async def test_stream_that_falls_silent_ends(
    bmc: ScriptedBmc, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "SILENCE_S", 0.5)
    streaming(bmc, b": hello\n\n")

    async def hold(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.sleep(20)
        return response

    bmc.on("GET", SSE, hold)
    with pytest.raises(BmcUnreachable, match="the stream ended"):
        async for _ in connect().events():
            pass


async def test_stream_elsewhere_is_not_followed(bmc: ScriptedBmc, connect: Connect) -> None:
    streaming(bmc)
    bmc.resources["/redfish/v1/EventService"]["ServerSentEventUri"] = "https://127.0.0.1:1/sse"
    with pytest.raises(AnswerRefused):
        async for _ in connect().events():
            pass


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b'{"Events": 7}', b"[" * 100_000])
def test_what_is_no_event_is_none(raw: bytes) -> None:
    assert records(raw) == []
