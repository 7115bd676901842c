"""Which records a query finds, without reading what they hold.

A list that shows a thousand hosts knows most of them from the list before: their keys, versions
and moments of writing say which. Their documents, which are large, are read for the rest alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

PAGE_MAX = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One state of one record."""

    key: str
    version: int
    created_at: float
    """Seconds since 1970; 0 for a record from before this was kept."""
    updated_at: float

    @property
    def created(self) -> datetime | None:
        """When the record came."""
        return _moment(self.created_at)

    @property
    def updated(self) -> datetime | None:
        """When it was written last."""
        return _moment(self.updated_at)


@dataclass(frozen=True, slots=True)
class Outline:
    """One page of an answer: which records, and where the next page begins."""

    rows: tuple[Row, ...]
    total: int | None
    next_cursor: str


@dataclass(frozen=True, slots=True)
class Document:
    """A record as JSON, as it was written."""

    row: Row
    document: dict[str, Any]


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
