"""The hall's append-only record of what was really done to each host: the judge of every test.

One JSON object a line, written in one call and numbered without gaps, so a killed simulator leaves
at most one torn line, which the next start cuts off. The judges below read it and nothing else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


@dataclass(slots=True)
class Journal:
    """The writer. `at` is handed in, so that the hall's clock stamps every line."""

    path: Path
    _seq: int = 0
    _descriptor: int = field(default=-1)

    def open(self) -> None:
        """Go on after the last whole line."""
        self._descriptor = os.open(
            self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self._descriptor, whole)
        lines = content[:whole].splitlines()
        self._seq = int(json.loads(lines[-1])["seq"]) if lines else 0

    def write(
        self, what: str, *, at: float, host: str = "", feed: str = "", **fields: Any
    ) -> Entry:
        """Append one event. It is in the kernel's hands before this returns: kill -9 keeps it."""
        self._seq += 1
        entry: Entry = {"seq": self._seq, "at": at, "host": host, "feed": feed, "what": what}
        entry.update(fields)
        os.write(self._descriptor, json.dumps(entry).encode() + b"\n")
        return entry

    def close(self) -> None:
        """Stop writing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def read_journal(path: Path) -> list[Entry]:
    """Every whole line, in order. A torn last line is left out: its act was never answered."""
    content = path.read_bytes() if path.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()]


@dataclass(frozen=True, slots=True)
class FeedLoad:
    """What a feed carries from a moment on."""

    at: float
    feed: str
    watts: float


def feed_loads(entries: Iterable[Entry]) -> Iterator[FeedLoad]:
    """Every change of every feed's sum, from each draw's shares of the feeds that it burdens."""
    held: dict[str, dict[str, float]] = {}
    carried: dict[str, dict[str, float]] = {}
    for entry in entries:
        if entry["what"] not in {"draw", "draw.base"}:
            continue
        who = entry["host"] or entry["consumer"]
        shares = entry.get("shares", {entry["feed"]: float(entry["watts"])})
        before, held[who] = held.get(who, {}), shares
        for feed in {**before, **shares}:
            on = carried.setdefault(feed, {})
            on[who] = float(shares.get(feed, 0.0))
            yield FeedLoad(entry["at"], feed, sum(on.values()))


def feed_peaks(entries: Iterable[Entry]) -> dict[str, float]:
    """The highest sum of draws that each feed ever carried, in watts."""
    peaks: dict[str, float] = {}
    for load in feed_loads(entries):
        peaks[load.feed] = max(peaks.get(load.feed, 0.0), load.watts)
    return peaks


def trips(entries: Iterable[Entry]) -> list[Entry]:
    """Every breaker that opened."""
    return [entry for entry in entries if entry["what"] == "feed.trip"]


@dataclass(frozen=True, slots=True)
class DestructiveAct:
    """One firmware image that was really written to one component of one host."""

    host: str
    component: str
    old: str
    new: str
    seq: int


def destructive_acts(entries: Iterable[Entry]) -> list[DestructiveAct]:
    """Every flash that was begun, whatever became of it and whatever was answered."""
    return [
        DestructiveAct(
            host=entry["host"],
            component=entry["component"],
            old=entry["from"],
            new=entry["to"],
            seq=entry["seq"],
        )
        for entry in entries
        if entry["what"] == "firmware.update.start"
    ]


def repeated_acts(entries: Iterable[Entry]) -> list[DestructiveAct]:
    """The acts among them that did again what had been done: same host, component and version."""
    seen: set[tuple[str, str, str]] = set()
    repeated = []
    for act in destructive_acts(entries):
        key = (act.host, act.component, act.new)
        if key in seen:
            repeated.append(act)
        seen.add(key)
    return repeated


def updating_at_once(
    entries: Iterable[Entry], domains: Mapping[str, Iterable[str]]
) -> dict[str, int]:
    """The most hosts of each domain that were ever being flashed together; `domains`: by host."""
    begun: dict[str, set[str]] = {}
    most: dict[str, int] = {}
    for entry in entries:
        for domain in domains.get(entry["host"], ()):
            hosts = begun.setdefault(domain, set())
            if entry["what"] == "firmware.update.start":
                hosts.add(entry["host"])
                most[domain] = max(most.get(domain, 0), len(hosts))
            elif entry["what"] in {"firmware.update.done", "firmware.update.failed"}:
                hosts.discard(entry["host"])
    return most


def erases_of_the_erased(entries: Iterable[Entry]) -> list[Entry]:
    """Erases that were begun on a drive which was empty: nobody wrote to it since the last one."""
    empty: set[str] = set()
    repeated = []
    for entry in entries:
        if entry["what"] == "drive.erase.start" and entry["serial"] in empty:
            repeated.append(entry)
        elif entry["what"] == "drive.erase.done":
            empty.add(entry["serial"])
        elif entry["what"] == "drive.written":
            empty -= set(entry["serials"])
    return repeated
