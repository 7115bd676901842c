"""Who used how many tokens: an append-only journal beside the gateway.

The gateway must never wait for a database to answer a tenant, and must never forget what it
answered. So each answer is one JSON line, appended with one write to a local file (mode 0600), and
inventory reads the lines later, from a cursor that it keeps with the records it made of them. Every
entry has an id of its own: reading a line twice counts once.

What a crash can cost. A killed process loses nothing: the write is in the kernel. A machine that
loses power loses what was written since the last `fsync`, one second's worth at most. A line torn
by that is never glued to the next: a new life starts a new segment, and readers skip the torn end
of a segment that has a successor, and wait at the end of the last one.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import re
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

SEGMENT_BYTES = 16 * 1024**2  # some 50,000 answers: small enough to read whole, few enough to list
SYNC_INTERVAL_S = 1.0  # what a power cut may cost; an fsync per answer would cap the answers
SEGMENT_FORM = re.compile(r"^usage-(\d{8})\.jsonl$")
CURSOR_FORM = re.compile(r"^(\d{1,8}):(\d{1,12})\Z")
START = "0:0"
"""The cursor before the first entry."""


class LedgerError(Exception):
    """The journal cannot be opened, or a cursor cannot be understood."""


class Entry(BaseModel):
    """One metered answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    tenant: str
    key_id: str
    model: str
    prompt_tokens: Annotated[int, Field(ge=0)]
    completion_tokens: Annotated[int, Field(ge=0)]
    started_at: datetime
    ended_at: datetime
    estimated: bool = False
    """True when the engine's count did not come, or made no sense: tokens seen are counted."""


class Ledger:
    """The writer. One per directory, held by a lock."""

    def __init__(self, directory: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._lock = _locked(directory)
        self._number = max(_segments(directory), default=0) + 1
        self._file = self._open_segment()
        self._written = 0
        self._dirty = False
        self._syncing: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, entry: Entry) -> None:
        """Written when this returns; on the disk a second later, while `keep_synced` runs."""
        line = entry.model_dump_json().encode() + b"\n"
        if self._written and self._written + len(line) > self._segment_bytes:
            self._rotate()
        view = memoryview(line)
        while view:  # a full disk may take a part; the rest raises
            view = view[os.write(self._file, view) :]
        self._written += len(line)
        self._dirty = True

    def sync(self) -> None:
        """Everything appended so far is on the disk."""
        if self._dirty:
            self._dirty = False
            os.fsync(self._file)

    async def keep_synced(self) -> None:
        """Sync every second, beside the loop, until cancelled."""
        while True:
            await asyncio.sleep(SYNC_INTERVAL_S)
            if self._dirty:
                self._dirty = False
                await asyncio.to_thread(self._fsync_current)

    def close(self) -> None:
        """Sync and let another writer in. Safe to call twice."""
        if self._lock < 0:
            return
        self.sync()
        os.close(self._file)
        os.close(self._lock)
        self._lock = -1

    def _fsync_current(self) -> None:
        with contextlib.suppress(OSError):  # rotated or closed meanwhile: both synced it
            os.fsync(self._file)

    def _rotate(self) -> None:
        os.fsync(self._file)
        os.close(self._file)
        self._number += 1
        self._file = self._open_segment()
        self._written = 0

    def _open_segment(self) -> int:
        path = self._directory / f"usage-{self._number:08d}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        return os.open(path, flags, 0o600)


def new_id() -> str:
    """An entry's id."""
    return f"tok-{uuid.uuid4().hex}"


def entries_after(directory: Path, cursor: str = START) -> Iterator[tuple[Entry, str]]:
    """Whole entries after a cursor, oldest first, each with the cursor behind it.

    Safe beside a writer. The last segment's unfinished line is left for the next time.
    """
    number, offset = _parsed(cursor)
    segments = sorted(_segments(directory)) if directory.is_dir() else []
    for segment in segments:
        if segment < number:
            continue
        start = offset if segment == number else 0
        yield from _entries_in(directory, segment, start)


def forget_before(directory: Path, cursor: str) -> int:
    """Remove segments that lie wholly before a cursor; how many. The last is always kept."""
    number, _ = _parsed(cursor)
    removed = 0
    for segment in sorted(_segments(directory))[:-1]:
        if segment < number:
            (directory / f"usage-{segment:08d}.jsonl").unlink(missing_ok=True)
            removed += 1
    return removed


def _entries_in(directory: Path, segment: int, start: int) -> Iterator[tuple[Entry, str]]:
    position = start
    with (directory / f"usage-{segment:08d}.jsonl").open("rb") as file:
        file.seek(start)
        for line in file:
            if not line.endswith(b"\n"):  # torn, or being written
                return
            position += len(line)
            entry = _entry(line)
            if entry is not None:
                yield entry, f"{segment}:{position}"


def _entry(line: bytes) -> Entry | None:
    """None for a line of zeros, as file systems leave after a power cut."""
    try:
        return Entry.model_validate_json(line)
    except ValidationError as error:
        if not line.strip(b"\0\n"):
            return None
        shown = json.dumps(line[:80].decode(errors="replace"))
        raise LedgerError(f"the journal holds a line that is no entry: {shown}") from error


def _segments(directory: Path) -> list[int]:
    return [int(found[1]) for one in directory.iterdir() if (found := SEGMENT_FORM.match(one.name))]


def _parsed(cursor: str) -> tuple[int, int]:
    found = CURSOR_FORM.fullmatch(cursor)
    if found is None:
        raise LedgerError(f"{cursor!r} is no cursor; hint: the first one is {START!r}")
    return int(found[1]), int(found[2])


def _locked(directory: Path) -> int:
    """Two writers would interleave segments; the second is told who is first."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise LedgerError(
            f"the usage journal {directory} is in use by another gateway; "
            "hint: stop it, or give this one a state directory of its own"
        ) from error
    return descriptor
