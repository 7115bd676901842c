"""Puts every request that changes something, and every refusal, into the audit log.

It stands around the whole app, so no route can forget it: the entry is written after the route has
decided and before its answer leaves, and an answer whose entry could not be written is not given.
What a route knows better than its path (who signed in, as whom) it adds by `note`.

Nobody can fill the log with refusals: beyond a few a minute of one stranger's address, or of one
key, they are only counted, and the next one that is written says how many there were.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inventory.actors import Actor
from inventory.audit import Said
from inventory.audit_log import AuditLog
from inventory.bounds import REQUEST_ID_STATE
from inventory.deps import ApiDeps
from inventory.errors import InventoryError
from inventory.forgery import SAFE_METHODS
from inventory.rate_limits import Buckets, Rate
from inventory.refusals import ErrorBody, answer

LISTED = Rate.per_minute(30)
UNLISTED_MAX = 20_000
TEXT_MAX = 255
NOTES = "audit"
REFUSALS = frozenset({401, 403, 429})
FAILED = 500
NOBODY = "nobody"

_NOT_WRITTEN = ErrorBody(
    kind="not-audited",
    message="the audit log could not be written, so the answer is not given",
    hint="look whether it was done, and send it again when the database is back",
)


def note(request: Request, **said: str) -> None:
    """Add to this request's entry: `actor`, `action`, `subject`, `detail` or `outcome`.

    The last where the status does not tell: a browser is sent on whatever came of its form.
    """
    notes: dict[str, str] = request.scope.setdefault("state", {}).setdefault(NOTES, {})
    notes.update(said)


class Audited:
    """The app, with every change and refusal written down."""

    def __init__(self, app: ASGIApp, *, deps: ApiDeps, log: AuditLog) -> None:
        self._app = app
        self._deps = deps
        self._log = log
        self._refused = Buckets()
        self._unlisted: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        begun = False
        dropped = False

        async def send_written(message: Message) -> None:
            nonlocal begun, dropped
            if message["type"] == "http.response.start" and not begun:
                begun = True
                if not await self._written(scope, message["status"]):
                    dropped = True
                    await answer(503, _NOT_WRITTEN)(scope, receive, send)
            if not dropped:
                await send(message)

        try:
            await self._app(scope, receive, send_written)
        except Exception:
            if not begun:
                await self._written(scope, FAILED)
            raise

    async def _written(self, scope: Scope, status: int) -> bool:
        said = self._said(scope, status)
        if said is None:
            return True
        try:
            await self._log.record(said)
        except InventoryError:
            return False
        return True

    def _said(self, scope: Scope, status: int) -> Said | None:
        """What this request's entry says; None when it needs none."""
        notes: dict[str, str] = scope["state"].get(NOTES, {})
        changes = scope["method"] not in SAFE_METHODS
        if not changes and status not in REFUSALS and "action" not in notes:
            return None
        actor = scope["state"].get("actor")
        address = scope["client"][0] if scope.get("client") else ""
        name = notes.get("actor") or (actor.name if isinstance(actor, Actor) else NOBODY)
        detail = notes.get("detail", "")
        if name == NOBODY or status in REFUSALS:
            who = address if name == NOBODY else name
            if not self._refused.take(who, LISTED, now=self._deps.clock.now()).allowed:
                self._count_unlisted(who)
                return None
            if more := self._unlisted.pop(who, 0):
                detail = f"{detail} (and {more} before that are not listed)".strip()
        return Said(
            at=self._deps.clock.now(),
            actor=name[:TEXT_MAX],
            action=_cut(notes.get("action") or f"{scope['method']} {_template(scope)}"),
            subject=_cut(notes.get("subject") or scope["path"]),
            outcome=notes.get("outcome") or str(status),
            request_id=scope["state"].get(REQUEST_ID_STATE, ""),
            address=address,
            detail=_cut(detail),
        )

    def _count_unlisted(self, who: str) -> None:
        if len(self._unlisted) >= UNLISTED_MAX:
            self._unlisted.clear()
        self._unlisted[who] += 1


def _template(scope: Scope) -> str:
    """The path as its route declares it, so that entries of one action are found together."""
    route: Any = scope.get("route")
    return str(getattr(route, "path", "")) or "unknown path"


def _cut(text: str) -> str:
    """What fits, and what both databases can hold."""
    return text.replace("\x00", " ")[:TEXT_MAX]
