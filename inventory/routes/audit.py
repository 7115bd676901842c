"""The audit log as it is read: a page of it, and its signed head. Nothing here writes it."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from inventory.audit import AuditEntry
from inventory.audit_anchors import Anchor
from inventory.audit_log import AuditLog
from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.refusals import ERRORS
from inventory.routes.shapes import Limit, Page, Text, View, next_after
from inventory.store.protocol import FilingStore
from inventory.store.query import Condition
from inventory.store.query import Query as Asked
from inventory.store.tables import audit_key

router = APIRouter(prefix="/api/audit", tags=["audit"], responses=ERRORS)
Reader = Annotated[Actor, Depends(require(Permission.AUDIT_READ))]

SEQ_MAX = 10**16 - 1  # what a key of sixteen digits holds


class AuditPage(Page[AuditEntry]):
    """Entries in order, not counted. Follow `next`, or go on later with `after` set to `last`."""

    last: int
    misfiled: tuple[int, ...] = Field(
        description="Entries here that the database lists under what they do not say."
    )


class AnchorsView(View):
    """Two heads to compare a log with: as it ends now, and as it ended when it was last kept."""

    head: Anchor | None
    kept: Anchor | None


@router.get("")
async def list_audit(
    request: Request,
    deps: Deps,
    _actor: Reader,
    *,
    after: Annotated[int, Query(ge=0, le=SEQ_MAX)] = 0,
    actor: Text = "",
    action: Text = "",
    subject: Text = "",
    newest: Annotated[
        bool, Query(description="The last entries instead of the first; the order stays.")
    ] = False,
    limit: Limit = 100,
) -> AuditPage:
    """Entries after a number, or the newest ones."""
    filters = {"actor": actor, "action": action, "subject": subject}
    found = await deps.in_thread(_entries, deps, after, filters, limit, newest)
    misfiled = await deps.in_thread(_misfiled, deps, found)
    last = found[-1].seq if found else after
    following = next_after(request, str(last)) if len(found) == limit and not newest else None
    return AuditPage(
        count=None,
        next=following,
        previous=None,
        last=last,
        results=tuple(found),
        misfiled=misfiled,
    )


@router.get("/anchors")
async def get_anchors(request: Request, deps: Deps, _actor: Reader) -> AnchorsView:
    """The head of the log signed now, and the one that lies outside of the database."""
    log: AuditLog = request.app.state.audit
    kept = await deps.in_thread(deps.anchors.kept) if deps.anchors else None
    return AnchorsView(head=await log.anchor(), kept=kept)


def _misfiled(deps: ApiDeps, found: list[AuditEntry]) -> tuple[int, ...]:
    """Whoever changes the columns and not the entry moves it in lists, and no hash tells."""
    store = cast("FilingStore", deps.store)
    wrong = store.misfiled(AuditEntry, [audit_key(entry.seq) for entry in found])
    return tuple(entry.seq for entry in found if audit_key(entry.seq) in wrong)


def _entries(
    deps: ApiDeps,
    after: int,
    filters: dict[str, str],
    limit: int,
    newest: bool,  # noqa: FBT001 - the same
) -> list[AuditEntry]:
    conditions = [Condition(n, "exact", (v,)) for n, v in filters.items() if v]
    if after:
        conditions.append(Condition("key", "gt", (f"{after:016d}",)))
    query = Asked(
        conditions=tuple(conditions), ordering=(("key", newest),), limit=limit, counted=False
    )
    found = deps.store.search(AuditEntry, query).records
    return found[::-1] if newest else found
