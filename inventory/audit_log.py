"""Appends to the audit log, in order, and many entries with one write.

A request waits until its entry is durable. While one write is under way the entries of other
requests gather, and the next write takes them all; so the log costs one transaction at a time
however many ask, and reading is never in its way. Two processes on one database write by turns:
whoever finds the next number taken reads the head again and follows it.

The head is signed and kept outside of the database while entries are written, by a timer, and once
more at a clean stop: what is cut off a log that rests is noticed as well.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import datetime, timedelta

from inventory.audit import AuditEntry, Head, Said, chained
from inventory.audit_anchors import Anchor
from inventory.deps import ApiDeps
from inventory.errors import Conflict, Invalid, InventoryError, StoreUnavailable
from inventory.store.protocol import Change
from inventory.store.query import Query
from inventory.store.tables import audit_key

log = logging.getLogger("podyard.audit")

BATCH_MAX = 200
TURNS_MAX = 50
"""Other processes that may take the number first, one after another, before we call it a fault."""
ANCHOR_EVERY = timedelta(seconds=30)
"""The kept head is promised to be at most a minute old: so a look may take as long again."""


class AuditLog:
    """One per process."""

    def __init__(self, deps: ApiDeps) -> None:
        self._deps = deps
        self._waiting: list[tuple[Said, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._head: Head | None = None
        self._anchored_at: datetime | None = None
        self._keeping = threading.Lock()
        """Writer and timer keep heads from threads: the older one must not come last."""

    async def record(self, said: Said) -> None:
        """Write it down; StoreUnavailable when that was not possible."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((said, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        await done

    async def anchor(self) -> Anchor | None:
        """The head as it is now, signed; None without a key."""
        return await self._deps.in_thread(self._anchor)

    async def run(self) -> None:
        """Among the service's loops: keep the head, also when nothing is written any more."""
        while True:
            await self._deps.clock.sleep(ANCHOR_EVERY.total_seconds())
            await self.keep_head()

    async def keep_head(self) -> None:
        """Sign the head as it is now and keep it. What stands in the way is logged."""
        try:
            await self._deps.in_thread(self._keep_head)
        except InventoryError as error:
            _not_kept(error)

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            failure: InventoryError | None = None
            try:
                await self._deps.in_thread(self._append, [said for said, _ in batch])
            except InventoryError as error:
                failure = error
            except Exception as error:  # a bug: those who wait must not wait for ever
                log.exception("the audit log could not be written")
                failure = StoreUnavailable(f"the audit log could not be written: {error}")
            for _, done in batch:
                if done.done():  # the client left meanwhile
                    continue
                if failure is None:
                    done.set_result(None)
                else:
                    done.set_exception(failure)

    def _append(self, said: list[Said]) -> None:
        store = self._deps.store
        for _ in range(TURNS_MAX):
            head = self._head or self._read_head()
            entries = chained(head, said)
            try:
                store.apply(Change(insert=tuple(entries)), now=said[-1].at)
            except Conflict:
                self._head = None
                continue
            self._head = Head(entries[-1].seq, entries[-1].hash)
            self._keep_anchor(said[-1].at)
            return
        raise StoreUnavailable(
            "the audit log could not be written: others were always first",
            hint="send the request again; it may have been carried out",
        )

    def _read_head(self) -> Head:
        query = Query(ordering=(("key", True),), limit=1, counted=False)
        last = self._deps.store.search(AuditEntry, query).records
        return Head(last[0].seq, last[0].hash) if last else Head()

    def _keep_anchor(self, now: datetime) -> None:
        """Outside of the database, while entries are written."""
        if self._anchored_at is None or now >= self._anchored_at + ANCHOR_EVERY:
            self._keep(self._head, now)

    def _keep_head(self) -> None:
        """The database's head, or this process's own when the database lost that."""
        if self._deps.anchors is None:
            return
        own, found = self._head, self._read_head()
        if own is not None and found.seq < own.seq:
            log.error(
                "the audit log ends before what was written: podyard audit verify",
                extra={"seq": own.seq, "found": found.seq},
            )
            found = own
        self._keep(found, self._deps.clock.now())

    def _keep(self, head: Head | None, now: datetime) -> None:
        anchors = self._deps.anchors
        if anchors is None or head is None or head.seq == 0:
            return
        with self._keeping:
            self._anchored_at = now
            try:
                kept = anchors.kept()
                if self._follows(kept) and (kept is None or kept.seq < head.seq):
                    anchors.keep(anchors.sign(head, at=now))
            except (OSError, Invalid) as error:  # the entries are written; `verify` tells the rest
                _not_kept(error)

    def _follows(self, kept: Anchor | None) -> bool:
        """Whether the log still holds what was signed; if not, that proof must stay as it is."""
        if kept is None or kept.seq == 0:
            return True
        entry = self._deps.store.get(AuditEntry, audit_key(kept.seq))
        if entry is not None and entry.hash == kept.hash:
            return True
        log.error(
            "the audit log does not hold the head that was signed: podyard audit verify",
            extra={"seq": kept.seq},
        )
        return False

    def _anchor(self) -> Anchor | None:
        anchors = self._deps.anchors
        if anchors is None:
            return None
        return anchors.sign(self._read_head(), at=self._deps.clock.now())


def _not_kept(error: Exception) -> None:
    log.error(
        "the signed head of the audit log cannot be kept: what is cut off now goes unnoticed",
        extra={"cause": str(error)},
    )
