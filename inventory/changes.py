"""What people and programs changed in records, and what people wrote about them.

An event says that something happened to the hardware; an object change says which fields of a
record somebody set, with the values before and after. The journal holds a person's own words.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from inventory.model import Record


class ObjectChange(Record):
    """One write of one record by one request."""

    id: str
    """Made by `change_id`: ids sort in the order of time."""
    at: datetime
    actor: str
    request_id: str = ""
    kind: str
    """`host`, `rack` …"""
    key: str
    name: str = ""
    """What the record was called then: a removed record has no other name left."""
    action: Literal["create", "update", "delete"]
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    message: str = ""
    """Why, in the words of whoever asked for it."""


class JournalEntry(Record):
    """A person's note on a record."""

    id: str
    at: datetime
    author: str
    level: Literal["info", "success", "warning", "danger"] = "info"
    subject: str
    """`host:<name>`, `rack:<name>` … as in events."""
    text: str
    version: int = 1


def change_id(at: datetime, chance: str) -> str:
    """An id that sorts by time.

    `chance`, eight or more random characters, tells those of one microsecond apart.
    """
    return f"{int(at.timestamp() * 1_000_000):016x}-{chance}"
