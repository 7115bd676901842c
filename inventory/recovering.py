"""A new admin key for whoever holds the service's own directory and database.

Nobody else is asked: who can read both can read every record anyway. The audit log has the entry
before the key exists, so that no key comes into being unseen.
"""

from __future__ import annotations

import asyncio

from inventory.audit import Said
from inventory.audit_log import AuditLog
from inventory.deps import ApiDeps
from inventory.keys import mint
from inventory.model import ApiKey, Event
from inventory.store.protocol import Change

TITLE = "recovered on the service's machine"


def recover(deps: ApiDeps, *, by: str) -> tuple[ApiKey, str]:
    """The key, and its text; nothing is made when the audit log cannot be written."""
    now = deps.clock.now()
    key, text = mint("admin", now=now, title=TITLE)
    said = Said(
        at=now, actor=by, action="podyard key recover", subject=f"key:{key.id}", outcome="201"
    )
    asyncio.run(_written(deps, said))
    event = Event(
        at=now, actor=by, kind="key.created", subject=f"key:{key.id}", new="admin", why=TITLE
    )
    deps.store.apply(Change(insert=(key,), events=(event,)), now=now)
    return key, text


async def _written(deps: ApiDeps, said: Said) -> None:
    log = AuditLog(deps)
    await log.record(said)
    await log.keep_head()
