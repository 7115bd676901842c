"""Who wants to be told of events, and what became of each telling.

The event itself is the outbox: a delivery names it by its number, so nothing is stored twice and
any delivery can be replayed for as long as the event is kept.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from inventory.model import Name, Record


class Webhook(Record):
    """One receiver. Its signing keys are in `secrets`, enveloped."""

    id: str
    name: Name
    url: str
    kinds: tuple[str, ...] = ()
    """Kinds of events, `host.*` for all that begin so; none: every event."""
    tenant: str = ""
    """Set: only events of this tenant's things."""
    enabled: bool = True
    after_seq: int = 0
    """Events up to here are no concern of it: it was made later, or has them queued."""
    created_at: datetime
    created_by: str = ""
    disabled_why: str = ""
    previous_key_until: datetime | None = None
    """While its key is being changed: until then the previous one signs beside it."""
    version: int = 1


class Delivery(Record):
    """One event on its way to one receiver."""

    id: str
    webhook_id: str
    event_seq: int
    state: Literal["pending", "delivered", "failed"] = "pending"
    attempts: int = 0
    next_at: datetime
    """When it is tried next; once settled, when that was."""
    created_at: datetime
    last_status: int | None = None
    last_error: str = ""
    version: int = 1
