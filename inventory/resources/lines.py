"""Records as they were shown last, kept as bytes until they change.

A page of a thousand hosts is a thousand documents of 15 KB to read and parse, 0.2 ms each, for
lines of a kilobyte that were the same a second ago. A record's key, version and moment of writing
name one state of it for good, so that a line made of it never goes stale and needs no notice when
the record is written: the next list asks for another line.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from threading import Lock
from typing import Any

LINES_BYTES_MAX = 64 * 1024 * 1024
"""Some 40,000 lines of hosts: a site is walked without reading a document twice."""
LINE_OVERHEAD_BYTES = 300
"""Of the key and the entry, measured with 64-bit Python 3.11."""

LineKey = tuple[str, str, int, float]
"""Resource, key, version, and when it was written: a name that is used again is another record."""


class Lines:
    """A bounded store of lines; those used longest ago go first. Safe to use from threads."""

    def __init__(self, *, bytes_max: int = LINES_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._lines: OrderedDict[LineKey, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, keys: list[LineKey]) -> list[bytes | None]:
        """The lines that are known, and None for the others."""
        with self._lock:
            found = [self._lines.get(key) for key in keys]
            for key, line in zip(keys, found, strict=True):
                if line is not None:
                    self._lines.move_to_end(key)
        return found

    def put(self, made: dict[LineKey, bytes]) -> None:
        """Keep lines."""
        with self._lock:
            for key, line in made.items():
                old = self._lines.pop(key, None)
                self._bytes += len(line) + LINE_OVERHEAD_BYTES if old is None else 0
                self._lines[key] = line
            while self._bytes > self._bytes_max and self._lines:
                _, gone = self._lines.popitem(last=False)
                self._bytes -= len(gone) + LINE_OVERHEAD_BYTES


def as_json(value: Any) -> bytes:
    """JSON as it is answered: UTF-8, nothing between the tokens."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
