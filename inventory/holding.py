"""The fleet-wide hold: nothing new is begun on any hardware until a person lets go.

It stands in two places, and either of them holds: a note in the database, which every controller
reads, and a file `hold` in the service's directory, which one reads when the database is away and
which a person can make with nothing but a shell. So it works with the API down, and it survives
restarts. A file that cannot be read holds: who placed it meant something.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from inventory.clock import Clock
from inventory.errors import StoreUnavailable
from inventory.model import Event
from inventory.secrets import write_private
from inventory.store.protocol import Change, Store

NOTE = "hold"
FILE = "hold"
RELEASE = "podyard hold --release"
FILE_MAX_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Held:
    """Why the fleet is on hold, since when, and where that stands."""

    reason: str
    by: str
    since: str
    """As it was written, in ISO 8601; empty where nobody wrote it."""
    where: tuple[str, ...]

    def __str__(self) -> str:
        who = f" by {self.by}" if self.by else ""
        return f"the fleet is on hold{who}: {self.reason}; `{RELEASE}` lets it go on"


def held(store: Store | None, file: Path | None) -> Held | None:
    """What holds the fleet; None when nothing does. A database that is away is not asked twice."""
    found = [(one, "file") for one in (_in_file(file),) if one is not None]
    try:
        note = store.note(NOTE) if store is not None else ""
    except StoreUnavailable:
        note = ""
        if not found:
            raise
    if note:
        found.append((_read(note), "database"))
    if not found:
        return None
    said = found[-1][0]
    where = tuple(place for _, place in found)
    return Held(said.get("reason", ""), said.get("by", ""), said.get("since", ""), where)


def hold(
    store: Store | None, file: Path | None, *, reason: str, by: str, now: datetime
) -> tuple[str, ...]:
    """Hold the fleet; where it could be written. The file first: it needs nothing else."""
    text = json.dumps({"reason": reason, "by": by, "since": now.isoformat(timespec="seconds")})
    written: list[str] = []
    if file is not None:
        write_private(file, text.encode())
        written.append("file")
    if store is not None:
        store.write_note(NOTE, text)
        event = Event(at=now, actor=by, kind="fleet.held", subject="site:fleet", why=reason)
        store.apply(Change(events=(event,)), now=now)
        written.append("database")
    return tuple(written)


def release(store: Store | None, file: Path | None, *, by: str, clock: Clock) -> Held | None:
    """Let the fleet go on; what held it, None when nothing did."""
    found = held(store, file)
    if file is not None:
        file.unlink(missing_ok=True)
    if store is not None and found is not None:
        store.write_note(NOTE, "")
        now = clock.now()
        event = Event(
            at=now, actor=by, kind="fleet.released", subject="site:fleet", why=found.reason
        )
        store.apply(Change(events=(event,)), now=now)
        store.wake_hosts(now=clock.now())  # after the note: who looked before was held
    return found


def _in_file(file: Path | None) -> dict[str, str] | None:
    if file is None:
        return None
    try:
        with file.open("rb") as opened:
            text = opened.read(FILE_MAX_BYTES).decode(errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        return {"reason": f"{file} cannot be read ({type(error).__name__})"}
    return _read(text) if text.strip() else {"reason": f"{file} is there"}


def _read(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        return {"reason": text.strip()[:200]}
    return {k: str(v) for k, v in found.items()} if isinstance(found, dict) else {"reason": text}
