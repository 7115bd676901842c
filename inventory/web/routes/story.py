"""What happened: events, the audit log, and where NetBox differs."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request, Response

from inventory.audit import AuditEntry
from inventory.deps import ApiDeps, Deps
from inventory.model import Event
from inventory.netbox.door import NetBoxDrift, NetBoxStatus
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
from inventory.web.views.drift import drift_table
from inventory.web.views.hosts import event_line

router = page_router()


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
        older=link("/events", {**filters, "before": first}) if first else "",
        newest=link("/events", filters) if before else "",
    )


def _events(deps: ApiDeps, subject: str, kind: str, before: int) -> tuple[list[Event], int]:
    """Newest first, and the number before which the next page looks."""
    found = deps.store.newest_events(before=before, subject=subject, kind=kind, limit=PAGE + 1)
    shown = found[:PAGE]
    return shown, shown[-1].seq if len(found) > PAGE else 0


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
            told=_told(found.records),
        ),
    )


def _audit(deps: ApiDeps, after: str) -> Found[AuditEntry]:
    query = Query(ordering=(("key", True),), after=after, limit=PAGE, counted=False)
    return deps.store.search(AuditEntry, query)


def _told(entries: Sequence[AuditEntry]) -> str:
    """Which entries these are: they are numbered without a gap, so nobody needs to count them."""
    return f"{entries[-1].seq:,} to {entries[0].seq:,}" if entries else "none"


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
