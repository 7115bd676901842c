"""Events: what happened, as a list or as a stream that follows along."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import Field

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.event_kinds import kind_asked
from inventory.model import Event
from inventory.refusals import ERRORS
from inventory.routes.shapes import Limit, Page, Text, next_after
from inventory.routes.stream import BY, KIND, SEQ_MAX, stream_events
from inventory.store.protocol import PAGE_MAX

router = APIRouter(prefix="/api/events", tags=["events"], responses=ERRORS)
Reader = Annotated[Actor, Depends(require(Permission.EVENT_READ))]


LOOKED_AT_MAX = 10_000
"""Events that one request looks at: no index knows who wrote them."""


class EventPage(Page[Event]):
    """Events in order, not counted. Follow `next`, or go on later with `after` set to `last`."""

    last: int = Field(description="The last event that was looked at.")


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
    reader: Reader,
    *,
    after: Annotated[int, Query(ge=0, le=SEQ_MAX)] = 0,
    subject: Text = "",
    kind: Annotated[Text, Query(description=KIND)] = "",
    actor: Annotated[Text, Query(description=BY)] = "",
    limit: Limit = 100,
    last_event_id: Annotated[str, Header(alias="Last-Event-ID", pattern=r"^[0-9]{0,18}$")] = "",
) -> Response | EventPage:
    """Events after a sequence number; with `Accept: text/event-stream` they keep coming."""
    if "text/event-stream" in request.headers.get("accept", ""):
        return await stream_events(
            request,
            deps,
            reader,
            after=after,
            subject=subject,
            kind=kind,
            by=actor,
            last_event_id=last_event_id,
        )
    found, last, ended = await deps.in_thread(
        _found, deps, after=after, subject=subject, kind=kind_asked(kind), actor=actor, limit=limit
    )
    following = None if ended else next_after(request, str(last))
    return EventPage(count=None, next=following, previous=None, last=last, results=tuple(found))


def _found(
    deps: ApiDeps, *, after: int, subject: str, kind: str, actor: str, limit: int
) -> tuple[list[Event], int, bool]:
    """Events, the last one that was looked at, and whether that was the last there is."""
    found: list[Event] = []
    last, looked_at = after, 0
    while looked_at < LOOKED_AT_MAX:
        page = deps.store.events(
            after=last, subject=subject, kind=kind, limit=PAGE_MAX if actor else limit
        )
        if not page:
            return found, last, True
        for event in page:
            last = event.seq
            if not actor or event.actor == actor:
                found.append(event)
            if len(found) == limit:
                return found, last, last >= deps.store.last_event()
        if not actor:
            break
        looked_at += len(page)
    return found, last, last >= deps.store.last_event()
