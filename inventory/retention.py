"""What is kept for how long: what only grows would fill the disk and slow every page.

Events, the change log, settled deliveries, ended sessions and old answers go after a while, in
small batches, so that no writer waits for long. Usage is never lost: what is older than the
invoices that are still being asked about is added up by day, and the sums stay. The audit log and
the parts' history are kept for ever: they are there to be old.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from inventory.answers import Answer
from inventory.changes import ObjectChange
from inventory.clock import Clock
from inventory.errors import FenceLost, StoreUnavailable
from inventory.model import UsageRecord
from inventory.store.protocol import Change, Fence, ForgettingStore
from inventory.store.query import Condition, Query
from inventory.threads import InThread
from inventory.users import Session
from inventory.webhooks import Delivery

log = logging.getLogger("podyard.retention")

LEASE = "retention"
HELD_FOR = timedelta(seconds=30)
"""For one batch, then it is given back: a worker that died in one holds up a restore no longer.

A batch that takes longer loses nothing: whoever took over has another fence, and what is removed
without one is too old for everybody.
"""
BATCH_PAUSE_S = 0.1
"""Between batches: who waits for the database meanwhile goes first."""
DAY = "day/"
"""Begins the id of a day's sum: it is never added up again."""

Batch = Callable[[datetime, Fence], int]
"""Removes one batch; how many rows went."""


class RetentionSettings(BaseSettings):
    """Read by the composition root from `PODYARD_RETENTION_…`."""

    model_config = SettingsConfigDict(env_prefix="PODYARD_RETENTION_", frozen=True)

    events_days: int = Field(default=400, ge=1)
    """A year of what happened and the month in which somebody asks for it."""
    changes_days: int = Field(default=400, ge=1)
    """The change log of records, as long as events."""
    usage_days: int = Field(default=62, ge=2)
    """Single usage records: the last invoice and the one before; older ones are summed by day."""
    deliveries_days: int = Field(default=30, ge=1)
    """What became of each webhook delivery: as long as a receiver may want it again."""
    every_s: float = Field(default=3600.0, ge=1)
    """How often it is looked for what is too old."""
    batch: int = Field(default=500, ge=1, le=1000)
    """Rows of one transaction: some 20 ms of the database's time."""


@dataclass(slots=True)
class Retention:
    """Removes what is too old, one batch after the other."""

    store: ForgettingStore
    clock: Clock
    settings: RetentionSettings
    owner: str
    in_thread: InThread

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                gone = await self.sweep()
                if gone:
                    log.info("old rows removed", extra={"rows": gone})
            except (StoreUnavailable, FenceLost) as error:  # nothing is urgent here
                log.warning("old rows stay for now", extra={"cause": str(error)})
            await self.clock.sleep(self.settings.every_s)

    async def sweep(self) -> int:
        """Everything that is too old now; how many rows went."""
        gone = 0
        for batch in (self._events, self._changes, self._deliveries, self._expired, self._usage):
            while (removed := await self.in_thread(self._once, batch)) > 0:
                gone += removed
                await self.clock.sleep(BATCH_PAUSE_S)
        return gone

    def _once(self, batch: Batch) -> int:
        """One batch, unless another process is at it."""
        now = self.clock.now()
        fence = self.store.take_lease(LEASE, self.owner, now=now, until=now + HELD_FOR, alone=False)
        if fence is None:
            return 0
        try:
            return batch(now, fence)
        finally:
            self.store.renew_lease(fence, now=now, until=now)

    def _events(self, now: datetime, _fence: Fence) -> int:
        before = now - timedelta(days=self.settings.events_days)
        return self.store.forget_events(before=before, limit=self.settings.batch)

    def _changes(self, now: datetime, _fence: Fence) -> int:
        before = now - timedelta(days=self.settings.changes_days)
        return self.store.forget(ObjectChange, "at", before=before, limit=self.settings.batch)

    def _deliveries(self, now: datetime, _fence: Fence) -> int:
        before = now - timedelta(days=self.settings.deliveries_days)
        return sum(
            self.store.forget(
                Delivery, "next_at", before=before, limit=self.settings.batch, state=state
            )
            for state in ("delivered", "failed")
        )

    def _expired(self, now: datetime, _fence: Fence) -> int:
        limit = self.settings.batch
        return sum(
            self.store.forget(kind, "expires_at", before=now, limit=limit)
            for kind in (Session, Answer)
        )

    def _usage(self, now: datetime, fence: Fence) -> int:
        """Sums and the records that they are of change together, so nothing counts twice."""
        before = now - timedelta(days=self.settings.usage_days)
        old = self.store.search(
            UsageRecord,
            Query(
                conditions=(
                    Condition("ended_at", "lt", (before,)),
                    Condition("key", "nisw", (DAY,)),
                ),
                ordering=(("ended_at", False),),
                limit=self.settings.batch,
                counted=False,
            ),
        ).records
        sums = days(old)
        known = self.store.get_many(UsageRecord, sums)
        self.store.apply(
            Change(
                insert=tuple(day for key, day in sums.items() if key not in known),
                replace=tuple(added(known[key], sums[key]) for key in known),
                remove=tuple(old),
            ),
            now=now,
            fence=fence,
        )
        return len(old)


def days(records: Iterable[UsageRecord]) -> dict[str, UsageRecord]:
    """One record for each day, tenant, kind, model and claim, by its id."""
    found: dict[str, UsageRecord] = {}
    for record in records:
        day = record.ended_at.astimezone(UTC).date().isoformat()
        what = hashlib.sha256(f"{record.model}\n{record.claim}".encode()).hexdigest()[:32]
        key = f"{DAY}{day}/{record.tenant}/{record.kind}/{what}"
        fresh = record.model_copy(update={"id": key})
        found[key] = added(found[key], fresh) if key in found else fresh
    return found


def added(one: UsageRecord, other: UsageRecord) -> UsageRecord:
    """Two of one day as one."""
    return one.model_copy(
        update={
            "prompt_tokens": one.prompt_tokens + other.prompt_tokens,
            "completion_tokens": one.completion_tokens + other.completion_tokens,
            "unit_seconds": one.unit_seconds + other.unit_seconds,
            "started_at": min(one.started_at, other.started_at),
            "ended_at": max(one.ended_at, other.ended_at),
        }
    )
