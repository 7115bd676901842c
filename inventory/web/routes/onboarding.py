"""Hosts that are expected, and whom the networks of BMCs showed: two lists side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response

from inventory.auth import Actor, Permission, page_actor
from inventory.deps import ApiDeps, Deps
from inventory.expected_hosts import ExpectedHost
from inventory.found_bmcs import BmcNetwork, Discovery, FoundBmc
from inventory.store.query import Condition, Found, Query
from inventory.web.asking import PAGE, Cursor, Word, page_router, pager
from inventory.web.frame import link, render
from inventory.web.views.looks import SYMBOLS, Look

router = page_router()
Reader = Annotated[Actor, Depends(page_actor(Permission.EXPECTED_READ))]

FOUND = {
    "found": Look("warn", "found", SYMBOLS["warn"]),
    "matched": Look("work", "matched", SYMBOLS["work"]),
    "host": Look("good", "a host", SYMBOLS["good"]),
}
WAITING = Look("rest", "not found yet", SYMBOLS["rest"])
REFUSED = Look("stop", "refused", SYMBOLS["stop"])


@dataclass(frozen=True, slots=True)
class Shown:
    """What both lists show."""

    expected: Found[ExpectedHost]
    found: Found[FoundBmc]
    waiting: int
    strangers: int
    networks: tuple[BmcNetwork, ...]
    walk: Discovery | None


@router.get("/expected")
async def expected_page(
    request: Request,
    deps: Deps,
    actor: Reader,
    *,
    q: Word = "",
    after: Cursor = "",
    found_after: Cursor = "",
) -> Response:
    """Rows that are no host yet, BMCs that are nobody's first, and the last walk."""
    shown = await deps.in_thread(_shown, deps, q, after, found_after)
    filters = {"q": q}
    return render(
        request,
        deps,
        "expected.html",
        actor=actor,
        shown=shown,
        filters=filters,
        rows=[(one, look_of(one)) for one in shown.expected.records],
        bmcs=[(one, FOUND[one.state]) for one in shown.found.records],
        pager=pager(
            "/expected",
            filters,
            after=after,
            following=shown.expected.next_cursor,
            told=f"{len(shown.expected.records)} of {shown.waiting:,} that are no host yet",
        ),
        more=link("/expected", {**filters, "found_after": shown.found.next_cursor})
        if shown.found.next_cursor
        else "",
    )


def look_of(row: ExpectedHost) -> Look:
    """How an expected host stands."""
    if row.why:
        return REFUSED
    return FOUND["matched"] if row.found else WAITING


def _shown(deps: ApiDeps, words: str, after: str, found_after: str) -> Shown:
    store = deps.store
    no_host = (Condition("host_id", "exact", ("",)),)
    asked = Query(
        no_host, search=words, ordering=(("name", False),), after=after, limit=PAGE, counted=False
    )
    found = Query(
        search=words,
        ordering=(("state", False), ("address", False)),
        after=found_after,
        limit=PAGE,
        counted=False,
    )
    newest = Query(ordering=(("created_at_s", True),), limit=1, counted=False)
    return Shown(
        expected=store.search(ExpectedHost, asked),
        found=store.search(FoundBmc, found),
        waiting=store.count(ExpectedHost, host_id=""),
        strangers=store.count(FoundBmc, state="found"),
        networks=tuple(store.find(BmcNetwork, limit=PAGE)),
        walk=next(iter(store.search(Discovery, newest).records), None),
    )
