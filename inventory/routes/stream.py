"""Events as they happen: a stream of server-sent events that resumes where it broke off.

Who follows is asked again every few seconds: a revoked key or a signed-out session ends its streams
within that time. Nothing of the database is held between two events.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import StoreUnavailable
from inventory.event_kinds import kind_asked
from inventory.following import Following, Seat
from inventory.identity import identified
from inventory.model import Event, Host, Pod
from inventory.refusals import ERRORS, Refused
from inventory.routes.shapes import Text
from inventory.site_store import SiteStore
from inventory.tenant_store import TenantStore

router = APIRouter(prefix="/api/events", tags=["events"], responses=ERRORS)
Reader = Annotated[Actor, Depends(require(Permission.EVENT_READ))]

SEQ_MAX = 2**63 - 1  # what both databases hold
ASK_AGAIN_S = 3.0  # a revoked key reaches everything within 5 s
KIND = "`host.parked`; or `host.*` for all below it. One that no event has is refused."
BY = "Who did it, as events name them: `user jane`."
BEATS = 5  # a heartbeat every fifth time: 15 s
SITES_KNOWN_MAX = 20_000

STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "description": "`id` is the cursor, `data` the event as JSON. A comment every 15 s shows "
        "that the line is alive; `event: end` says that nothing more comes.",
    }
}


class Told(StreamingResponse):
    """A stream that gives its seat back however it ends, also before it began."""

    def __init__(self, content: AsyncIterator[str], leave: Callable[[], None]) -> None:
        super().__init__(content, media_type="text/event-stream")
        self.headers["x-accel-buffering"] = "no"
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the client leaves or the stream ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()


@router.get("/stream", responses=STREAM, response_class=Response)
async def stream_events(
    request: Request,
    deps: Deps,
    actor: Reader,
    *,
    after: Annotated[
        int | None,
        Query(ge=0, le=SEQ_MAX, description="The last event that you have; else from now on."),
    ] = None,
    subject: Annotated[Text, Query(description="`host:r1-h3`; `host:` for every one")] = "",
    kind: Annotated[Text, Query(description=KIND)] = "",
    by: Annotated[Text, Query(alias="actor", description=BY)] = "",
    site: Annotated[Text, Query(description="Hosts and pods of this site alone.")] = "",
    last_event_id: Annotated[str, Header(alias="Last-Event-ID", pattern=r"^[0-9]{0,18}$")] = "",
) -> Response:
    """Follow events; after a break, go on with `Last-Event-ID` (browsers send it) or `after`."""
    following = following_of(request)
    cursor = int(last_event_id) if last_event_id else after
    wanted = Wanted(deps, subject=subject, kind=kind_asked(kind), actor=by, site=site)
    seat = following.take_seat(actor.id)
    sites = actor.sites_for(Permission.EVENT_READ)

    async def may_go_on() -> bool:
        try:
            by_now = await identified(request, deps)
        except Refused:
            return False
        except StoreUnavailable:  # nobody can be revoked meanwhile, and nothing is read either
            return True
        # Other sites than at the beginning: whoever comes again is shown those.
        return by_now.sites_for(Permission.EVENT_READ) == sites

    return Told(_lines(following, seat, cursor, wanted, may_go_on), lambda: following.leave(seat))


def following_of(request: Request) -> Following:
    """This app's one reader."""
    following = getattr(request.app.state, "following", None)
    if not isinstance(following, Following):
        raise TypeError("the app was not made by build_api")
    return following


class Wanted:
    """Which events one client asked for."""

    def __init__(
        self, deps: ApiDeps, *, subject: str, kind: str = "", actor: str = "", site: str = ""
    ) -> None:
        self._deps = deps
        self._group = subject if subject.endswith(":") else ""
        self.subject = "" if self._group else subject
        self._kind = kind
        self._actor = actor
        self._site = site
        self._sites: dict[str, str] = {}

    def __call__(self, event: Event) -> bool:
        """By its kind and the sort of its subject; its site is asked for apart, in a thread."""
        if self._kind and event.kind != self._kind and not event.kind.startswith(f"{self._kind}."):
            return False
        return event.subject.startswith(self._group)

    async def here(self, event: Event) -> bool:
        """True when the event is about this client's site, and about one that it may see."""
        store = self._deps.store
        if isinstance(store, SiteStore | TenantStore) and not await self._deps.in_thread(
            store.sees, event
        ):
            return False
        if not self._site:
            return True
        if event.subject not in self._sites:
            if len(self._sites) >= SITES_KNOWN_MAX:
                self._sites.clear()
            self._sites[event.subject] = await self._deps.in_thread(
                _site_of, self._deps, event.subject
            )
        return self._sites[event.subject] == self._site

    async def shown(self, event: Event) -> Event | None:
        """The event as this client may see it; None when it is not by whom the client asked for.

        By whom it may see: else a tenant would learn by asking who acted for the site.
        """
        store = self._deps.store
        if isinstance(store, TenantStore):
            event = await self._deps.in_thread(store.shown, event)
        return event if self._actor in {"", event.actor} else None


def _site_of(deps: ApiDeps, subject: str) -> str:
    sort, _, name = subject.partition(":")
    found: Host | Pod | None = None
    if sort == "host":
        found = next(iter(deps.store.find(Host, name=name, limit=1)), None)
    elif sort == "pod":
        found = deps.store.get(Pod, name)
    return found.site if found else ""


async def _lines(
    following: Following,
    seat: Seat,
    cursor: int | None,
    wanted: Wanted,
    may_go_on: Callable[[], Awaitable[bool]],
) -> AsyncIterator[str]:
    yield "retry: 2000\n: podyard events\n\n"
    clock = asyncio.get_running_loop().time
    asked_s, silent = clock(), 0
    async for event in following.follow(
        seat, after=cursor, subject=wanted.subject, wants=wanted, beat_s=ASK_AGAIN_S
    ):
        if clock() - asked_s >= ASK_AGAIN_S or event is None:
            asked_s = clock()
            if not await may_go_on():
                yield 'event: end\ndata: {"why": "the key or session ended"}\n\n'
                return
        if event is None:
            silent += 1
            if silent % BEATS == 0:
                yield ": still here\n\n"
        elif await wanted.here(event):
            told = await wanted.shown(event)
            if told is not None:
                yield f"id: {event.seq}\ndata: {told.model_dump_json()}\n\n"
