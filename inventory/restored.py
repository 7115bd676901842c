"""After a restore the controllers only watch, until a person says that they may act.

Records from a backup are older than the hardware: hosts may have been powered, flashed, claimed or
wiped since, and an intent that was settled then is open again. Looking is safe and brings the
records up to date; acting on them may not be. So a restore leaves a note in the database, and
whoever would change hardware or what tenants have asks here first.
"""

from __future__ import annotations

from inventory.clock import Clock
from inventory.model import Event
from inventory.store.protocol import Change, Store

NOTE = "restored_at"
CONFIRM = "podyard restore --confirm"


def watching_only(store: Store) -> str:
    """Why nothing may be changed now, in words for an operator; empty when it may."""
    made = store.note(NOTE)
    if not made:
        return ""
    return f"records were restored from a backup of {made}: watching only, until `{CONFIRM}`"


def confirm(store: Store, *, clock: Clock, actor: str) -> str:
    """Let the controllers act again; what the note said, empty when there was none."""
    made = store.note(NOTE)
    if made:
        event = Event(
            at=clock.now(),
            actor=actor,
            kind="records.confirmed",
            subject="site:records",
            why=f"restored from a backup of {made}",
        )
        store.apply(Change(events=(event,)), now=event.at)
        store.write_note(NOTE, "")
        store.wake_hosts(now=clock.now())  # after the note: who looked before only watched
    return made
