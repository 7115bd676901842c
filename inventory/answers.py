"""Answers kept for a day, so that a request sent again is answered and not done again.

A client that loses our answer cannot know whether we did what it asked. With an `Idempotency-Key`
it may send the same request again: the first one's answer comes back.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from inventory.model import Record


class Answer(Record):
    """What one request with an idempotency key was answered, or that it is being worked on."""

    id: str
    """Digest of who asked, what for and under which key: nobody reads another one's answer."""
    request_digest: str
    """Of the body: the same key with another body is a mistake, not a repetition."""
    status: int = 0
    """0 while the request is worked on."""
    headers: dict[str, str] = Field(default_factory=dict)
    body: str = ""
    too_large: bool = False
    """The request was done, and its answer weighs more than is kept of one."""
    created_at: datetime
    worked_at: datetime | None = None
    """When whoever works on it last said so; None: not since it began."""
    expires_at: datetime
    version: int = 1
