"""The audit log: who asked for what, and what came of it, each entry bound to the one before.

An entry carries the hash of its predecessor and a hash of itself, so whoever changes, removes or
reorders an entry must make every later one anew; and then the head no longer is the one that was
signed outside of the database (`audit_anchors`). The functions here are pure: an exported log is
checked by them as well as the service's own, on any machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from inventory.model import Record

_DOMAIN = b"podyard audit entry v1\n"
"""Hashed first, so that the hash of an entry can be the hash of nothing else."""


class AuditEntry(Record):
    """One thing that somebody asked for."""

    seq: int
    """Counts from 1 without a gap; of two writers of one number, one is told to try again."""
    at: datetime
    actor: str
    action: str
    subject: str = ""
    outcome: str = ""
    request_id: str = ""
    address: str = ""
    """Where the request came from."""
    detail: str = ""
    previous_hash: str = ""
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What is to be written down, before it has its place in the chain."""

    at: datetime
    actor: str
    action: str
    subject: str = ""
    outcome: str = ""
    request_id: str = ""
    address: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends: the number and hash of its last entry."""

    seq: int = 0
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a log that is not as it was written."""

    seq: int
    what: str


def chained(head: Head, said: Iterable[Said]) -> list[AuditEntry]:
    """The entries that follow a head."""
    entries: list[AuditEntry] = []
    for one in said:
        bare = AuditEntry(
            seq=head.seq + 1,
            at=one.at,
            actor=one.actor,
            action=one.action,
            subject=one.subject,
            outcome=one.outcome,
            request_id=one.request_id,
            address=one.address,
            detail=one.detail,
            previous_hash=head.hash,
        )
        entry = bare.model_copy(update={"hash": hash_of(bare)})
        entries.append(entry)
        head = Head(entry.seq, entry.hash)
    return entries


def hash_of(entry: AuditEntry) -> str:
    """The hash of all that an entry says, its predecessor's hash among it."""
    said = entry.model_dump(mode="json", exclude={"hash"})
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(_DOMAIN + text.encode()).hexdigest()


class Verification:
    """Walks a log from its first entry and says what is wrong with it."""

    def __init__(self) -> None:
        self.head = Head()

    def check(self, entries: Iterable[AuditEntry]) -> Iterator[Fault]:
        """Faults among the next entries, in order; may be called page by page."""
        for entry in entries:
            if entry.hash != hash_of(entry):
                yield Fault(entry.seq, "was changed: its hash is not that of what it says")
            if entry.seq > self.head.seq + 1:
                gone = f"{self.head.seq + 1} to {entry.seq - 1}"
                yield Fault(entry.seq, f"entries are missing before it: {gone}")
            elif entry.seq != self.head.seq + 1:
                yield Fault(entry.seq, f"stands in the wrong place: {self.head.seq + 1} belongs")
            elif entry.previous_hash != self.head.hash:
                yield Fault(entry.seq, "does not follow the entry before it: one was replaced")
            self.head = Head(entry.seq, entry.hash)
