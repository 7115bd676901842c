"""Events: what happened, as a list or as a stream that follows along."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from inventory.auth import Actor, Permission, require
from inventory.deps import Deps
from inventory.model import Event
from inventory.refusals import ERRORS
from inventory.routes.shapes import Limit, Text, View
from inventory.routes.stream import SEQ_MAX, stream_events

router = APIRouter(prefix="/api/events", tags=["events"], responses=ERRORS)
Reader = Annotated[Actor, Depends(require(Permission.EVENT_READ))]


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
    actor: Reader,
    *,
    after: Annotated[int, Query(ge=0, le=SEQ_MAX)] = 0,
    subject: Text = "",
    limit: Limit = 100,
    last_event_id: Annotated[str, Header(alias="Last-Event-ID", pattern=r"^[0-9]{0,18}$")] = "",
) -> Response | EventPage:
    """Events after a sequence number; with `Accept: text/event-stream` they keep coming."""
    if "text/event-stream" in request.headers.get("accept", ""):
        return await stream_events(
            request, deps, actor, after=after, subject=subject, last_event_id=last_event_id
        )
    found = await deps.in_thread(deps.store.events, after=after, subject=subject, limit=limit)
    return EventPage(last=found[-1].seq if found else after, results=tuple(found))
