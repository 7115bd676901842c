"""What happened: events, the audit log, and where NetBox differs."""

from __future__ import annotations

from fastapi import Request, Response

from inventory.audit import AuditEntry
from inventory.deps import ApiDeps, Deps
from inventory.model import Event
from inventory.netbox.door import NetBoxDrift, NetBoxStatus
from inventory.store.protocol import PAGE_MAX
from inventory.store.query import Found, Query
from inventory.web.asking import (
    PAGE,
    AuditReader,
    Cursor,
    EventReader,
    NetBoxReader,
    Offset,
    Word,
    page_router,
    pager,
)
from inventory.web.frame import link, render
from inventory.web.routes.hosts import events_of
from inventory.web.views.drift import drift_table
from inventory.web.views.hosts import event_line

router = page_router()

LOOKED_AT = 5 * PAGE_MAX
"""Events that a filter by kind looks through at once; the page says how far it looked."""


@router.get("/events")
async def events_page(
    request: Request,
    deps: Deps,
    actor: EventReader,
    *,
    subject: Word = "",
    kind: Word = "",
    before: Offset = 0,
) -> Response:
    """Events, the newest first; the first page follows along."""
    found, first = await deps.in_thread(_events, deps, subject, kind, before)
    filters = {"subject": subject, "kind": kind}
    return render(
        request,
        deps,
        "events.html",
        actor=actor,
        events=[event_line(event) for event in found],
        filters=filters,
        following=not before,
        older=link("/events", {**filters, "before": first}) if first > 1 else "",
        newest=link("/events", filters) if before else "",
    )


def _events(deps: ApiDeps, subject: str, kind: str, before: int) -> tuple[list[Event], int]:
    """Newest first, and the number before which the next page looks."""
    store = deps.store
    ends = before or store.last_event() + 1
    if subject:
        found = [e for e in events_of(store, subject) if e.seq < ends]
        found = [e for e in found if _below(e.kind, kind)]
        shown = found[-PAGE:]
        return shown[::-1], shown[0].seq if len(found) > PAGE else 0
    if not kind:
        begins = max(0, ends - 1 - PAGE)
        shown = [e for e in store.events(after=begins, limit=PAGE) if e.seq < ends]
        return shown[::-1], begins + 1 if begins else 0
    begins = max(0, ends - 1 - LOOKED_AT)
    after, looked = begins, []
    while (page := store.events(after=after)) and after < ends - 1:
        looked += [e for e in page if e.seq < ends and _below(e.kind, kind)]
        after = page[-1].seq
    shown = looked[-PAGE:]
    first = shown[0].seq if len(looked) > PAGE else begins + 1
    return shown[::-1], first if begins or len(looked) > PAGE else 0


def _below(kind: str, wanted: str) -> bool:
    return not wanted or kind == wanted or kind.startswith(f"{wanted}.")


@router.get("/audit")
async def audit_page(
    request: Request, deps: Deps, actor: AuditReader, *, after: Cursor = ""
) -> Response:
    """Who asked for what, the newest first."""
    found = await deps.in_thread(_audit, deps, after)
    return render(
        request,
        deps,
        "audit.html",
        actor=actor,
        entries=found.records,
        pager=pager(
            "/audit",
            {},
            after=after,
            following=found.next_cursor,
            told=f"{found.total or 0:,} in all",
        ),
    )


def _audit(deps: ApiDeps, after: str) -> Found[AuditEntry]:
    return deps.store.search(AuditEntry, Query(ordering=(("at", True),), after=after, limit=PAGE))


@router.get("/netbox")
async def netbox_page(request: Request, deps: Deps, actor: NetBoxReader) -> Response:
    """How the two get on, and what differed at the last look."""
    status = deps.netbox.status() if deps.netbox else NetBoxStatus()
    drift = deps.netbox.drift() if deps.netbox else NetBoxDrift()
    return render(
        request,
        deps,
        "netbox.html",
        actor=actor,
        sync=status,
        drift=drift,
        table=drift_table(drift),
    )
