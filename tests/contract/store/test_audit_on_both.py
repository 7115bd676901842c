"""The audit log on both databases: two processes that write at once make one whole chain."""

from __future__ import annotations

import asyncio
from pathlib import Path

from inventory.audit import AuditEntry, Said, Verification
from inventory.audit_log import AuditLog
from inventory.deps import ApiDeps
from inventory.secrets import SecretBox
from inventory.store.reading import every
from inventory.store.sql import SqlStore
from tests.unit.inventory.records import NOW, FixedClock

EACH = 40


async def test_two_writers_make_one_chain_and_lose_nothing(url: str, tmp_path: Path) -> None:
    box = SecretBox.open(tmp_path / "secrets.key")
    stores = [SqlStore.open(url), SqlStore.open(url)]
    logs = [
        AuditLog(ApiDeps(store, FixedClock(), box, asyncio.to_thread, lambda: None))
        for store in stores
    ]

    async def write(who: int) -> None:
        for n in range(EACH):
            said = Said(at=NOW, actor=f"user u{who}", action="POST /x", subject=f"{n}")
            await logs[who].record(said)

    await asyncio.gather(write(0), write(1))
    found = every(stores[0], AuditEntry)
    for store in stores:
        store.close()
    assert list(Verification().check(found)) == []
    for who in (0, 1):
        written = [e.subject for e in found if e.actor == f"user u{who}"]
        assert written == [str(n) for n in range(EACH)]
