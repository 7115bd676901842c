"""Events: what happened, as a list or as a stream that follows along."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.model import Event
from inventory.refusals import ERRORS
from inventory.routes.shapes import Limit, Text, View

router = APIRouter(prefix="/api/events", tags=["events"], responses=ERRORS)
Reader = Annotated[Actor, Depends(require(Permission.EVENT_READ))]

FOLLOW_EVERY_S = 0.5  # a person watching sees no delay; one indexed read costs well under 1 ms
SEQ_MAX = 2**63 - 1  # what both databases hold


class EventPage(View):
    """Events in order. Go on with `after` set to `last`."""

    last: int
    results: tuple[Event, ...]


STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "description": "JSON, or a stream of server-sent events when `Accept` asks for one.",
    }
}


@router.get("", responses=STREAM, response_model=EventPage)
async def list_events(
    request: Request,
    deps: Deps,
    _actor: Reader,
    *,
    after: Annotated[int, Query(ge=0, le=SEQ_MAX)] = 0,
    subject: Text = "",
    limit: Limit = 100,
    last_event_id: Annotated[str, Header(alias="Last-Event-ID", pattern=r"^[0-9]{0,18}$")] = "",
) -> Response | EventPage:
    """Events after a sequence number; with `Accept: text/event-stream` they keep coming."""
    if "text/event-stream" in request.headers.get("accept", ""):
        start = int(last_event_id) if last_event_id else after
        return StreamingResponse(
            follow(deps, request, after=start, subject=subject), media_type="text/event-stream"
        )
    found = await deps.in_thread(deps.store.events, after=after, subject=subject, limit=limit)
    return EventPage(last=found[-1].seq if found else after, results=tuple(found))


async def follow(
    deps: ApiDeps, request: Request, *, after: int, subject: str
) -> AsyncIterator[str]:
    """Server-sent events, until the client goes away."""
    yield ": podyard events\n\n"
    while not await request.is_disconnected():
        found = await deps.in_thread(deps.store.events, after=after, subject=subject)
        for event in found:
            after = event.seq
            yield f"id: {event.seq}\nevent: {_one_line(event.kind)}\ndata: {_data(event)}\n\n"
        if not found:
            await deps.clock.sleep(FOLLOW_EVERY_S)


def _data(event: Event) -> str:
    return event.model_dump_json()


def _one_line(text: str) -> str:
    """A kind never holds a line break; this keeps a wrong one from forging an event."""
    return text.replace("\r", " ").replace("\n", " ")
