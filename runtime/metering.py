"""From the gateway's journal to usage records: every answer counted once, whatever crashes when.

The order is the whole idea: read after the cursor, ingest (the store skips ids that it knows),
then move the cursor in one step. A crash before the cursor moved means reading the same entries
again, which adds nothing; no crash can move it past an entry that was not ingested. So the cursor
may lag or be lost, and it never leads.
"""

from __future__ import annotations

import logging
from itertools import islice
from pathlib import Path

from inventory.model import UsageRecord
from inventory.secrets import write_private
from inventory.store.protocol import Store
from runtime.ledger import CURSOR_FORM, START, Entry, entries_after, forget_before

log = logging.getLogger("podyard.runtime")

BATCHES_MOST = 50
"""At one time: some seconds of work."""


class Metering:
    """Ingests one gateway's journal. Not for two threads at a time."""

    def __init__(self, store: Store, *, journal: Path, cursor: Path, batch: int) -> None:
        self._store = store
        self._journal = journal
        self._cursor = cursor
        self._batch = batch

    def ingest(self) -> int:
        """Ingest whole entries; how many records were new. Blocks: call it in a thread.

        Where tenants ask faster than records are written there is always one more: after
        `BATCHES_MOST` the rest waits for the next time, so that a service can end.
        """
        added = 0
        for _ in range(BATCHES_MOST):
            cursor = self._read_cursor()
            entries = list(islice(entries_after(self._journal, cursor), self._batch))
            if not entries:
                return added
            added += self._store.ingest_usage(usage_record(entry) for entry, _ in entries)
            behind = entries[-1][1]
            write_private(self._cursor, behind.encode())
            forget_before(self._journal, behind)
        return added

    def _read_cursor(self) -> str:
        """Where to go on. A cursor that is lost or broken costs a second reading, no more."""
        try:
            text = self._cursor.read_text().strip()
        except FileNotFoundError:
            return START
        except UnicodeDecodeError:
            text = ""
        if CURSOR_FORM.match(text):
            return text
        log.warning("the usage cursor is broken; the journal is read from its start")
        return START


def usage_record(entry: Entry) -> UsageRecord:
    """The record of one answer, with the entry's own id."""
    return UsageRecord(
        id=entry.id,
        tenant=entry.tenant,
        kind="tokens",
        model=entry.model,
        prompt_tokens=entry.prompt_tokens,
        completion_tokens=entry.completion_tokens,
        started_at=entry.started_at,
        ended_at=entry.ended_at,
    )
