"""Records in this process's memory: for simulations of ten thousand hosts, and for tests.

It keeps the same promises as `sql`, on the records themselves: they are frozen, so nothing needs to
be printed and parsed again. What is asked rarely and with much choice (lookups, order, pages,
words) is answered by the very SQL that answers it elsewhere, from a copy in SQLite that is made
when such a question comes: two answers to one question would drift apart. Nothing outlives the
process.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from inventory.errors import Conflict, FenceLost, StaleWrite
from inventory.model import Event, Host, Record, UsageRecord
from inventory.store import asking, outlining, rows
from inventory.store.conflicts import conflict_message, stale_words
from inventory.store.memory_mirror import Mirror
from inventory.store.memory_table import MemoryTable, Taken
from inventory.store.outline import Document, Outline, Row
from inventory.store.protocol import PAGE_MAX, Change, Fence, PutOff
from inventory.store.query import Found, Query
from inventory.store.tables import KINDS

R = TypeVar("R", bound=Record)


@dataclass(slots=True)
class _Lease:
    owner: str
    number: int
    until: datetime


@dataclass(slots=True)
class _Waking:
    """When each host is due, and the order in which they are; a host may stand there twice."""

    at: dict[str, float] = field(default_factory=dict)
    woken: dict[str, float] = field(default_factory=dict)
    queue: list[tuple[float, str]] = field(default_factory=list)
    aside: set[str] = field(default_factory=set)
    """Due, at work when they were looked at, and in the queue no more."""

    def put(self, key: str, at: float) -> None:
        """This host is due then, whatever was said before."""
        if self.at.get(key) != at or key in self.aside:
            self.at[key] = at
            self.aside.discard(key)
            heapq.heappush(self.queue, (at, key))

    def due(self, now: float, limit: int, busy: Collection[str] = ()) -> list[str]:
        """The longest due besides the busy ones, in their order; they stay due."""
        for key in self.aside.difference(busy):
            self.put(key, self.at[key])
        found: list[tuple[float, str]] = []
        while self.queue and self.queue[0][0] <= now and len(found) < limit:
            entry = heapq.heappop(self.queue)
            if self.at.get(entry[1]) != entry[0] or (found and found[-1] == entry):
                continue
            if entry[1] in busy:
                self.aside.add(entry[1])
            else:
                found.append(entry)
        for entry in found:
            heapq.heappush(self.queue, entry)
        return [key for _, key in found]


class MemoryStore:
    """A `Store` that ends with its process. It is safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._tables: dict[type[Record], MemoryTable] = {}
        self._waking = _Waking()
        self._events: list[Event] = []
        self._last_event = 0
        self._secrets: dict[tuple[str, str], bytes] = {}
        self._notes: dict[str, str] = {}
        self._leases: dict[str, _Lease] = {}
        self._mirror = Mirror()

    def apply(self, change: Change, *, now: datetime, fence: Fence | None = None) -> None:
        """Write a change whole, or raise and write nothing."""
        with self._lock:
            if fence is not None and self._holder(fence, now) is None:
                raise FenceLost(f"lease {fence.lease} is no longer held by {fence.owner}")
            self._check(change)
            if change.unnamed:
                self._refuse_named(change)
            self._write(change, at=now.timestamp())

    def get(self, kind: type[R], key: str) -> R | None:
        """One record by its key."""
        return cast("R | None", self._table(kind).records.get(key))

    def get_many(self, kind: type[R], keys: Iterable[str]) -> dict[str, R]:
        """Those of the keys that there are, by key."""
        records = self._table(kind).records
        with self._lock:
            return {key: cast("R", records[key]) for key in keys if key in records}

    def find(
        self, kind: type[R], *, after: str = "", limit: int = PAGE_MAX, **equals: str | int
    ) -> list[R]:
        """Records whose columns equal the given values, ordered by key."""
        with self._lock:
            found = self._table(kind).matching(equals, after=after)
            return cast("list[R]", list(itertools.islice(found, min(limit, PAGE_MAX))))

    def find_rows(
        self, kind: type[Record], *, after: str = "", limit: int = PAGE_MAX, **equals: str | int
    ) -> list[Row]:
        """Which states of records `find` would find, ordered by key."""
        table = self._table(kind)
        with self._lock:
            found = itertools.islice(table.matching(equals, after=after), min(limit, PAGE_MAX))
            keys = [table.kind.key(one) for one in found]
            return [
                Row(key, getattr(table.records[key], "version", 1), *table.moments[key])
                for key in keys
            ]

    def search(self, kind: type[R], query: Query) -> Found[R]:
        """One page of what a query finds."""
        table = self._table(kind)
        with self._asked(kind) as connection:
            page = asking.page(connection, table.kind, query, columns=(table.kind.table.c.key,))
            return Found(
                records=[cast("R", table.records[row.key]) for row in page.rows],
                total=page.total,
                next_cursor=page.next_cursor,
            )

    def outline(self, kind: type[Record], query: Query) -> Outline:
        """Which records `search` would find, without what they hold."""
        if (row := self._row_of_one(kind, query)) is not None:
            return Outline(rows=row, total=None, next_cursor="")
        with self._asked(kind) as connection:
            return outlining.outline(connection, KINDS[kind], query)

    def documents(self, kind: type[Record], keys: Iterable[str]) -> dict[str, Document]:
        """What records hold, as it would be written, by key."""
        with self._asked(kind) as connection:
            return outlining.documents(connection, KINDS[kind], keys)

    def states(self, kind: type[Record], keys: Iterable[str]) -> dict[str, Row]:
        """Which state of each record there is now, by key."""
        table = self._table(kind)
        with self._lock:
            return {
                key: Row(key, getattr(table.records[key], "version", 1), *table.moments[key])
                for key in keys
                if key in table.records
            }

    def count(self, kind: type[R], **equals: str | int) -> int:
        """How many records match."""
        with self._lock:
            return self._table(kind).count(equals)

    def tally(self, kind: type[Record], *columns: str) -> dict[tuple[str, ...], int]:
        """How many records there are of each combination of values."""
        how = KINDS[kind]
        for name in columns:
            asking.column_of(how, name)
        readers = [how.key if name == "key" else how.columns[name] for name in columns]
        with self._lock:
            records = self._table(kind).records.values()
            if not columns:
                return {(): len(records)}
            return dict(Counter(tuple(str(read(one)) for read in readers) for one in records))

    def tags(self, kind: type[Record], query: Query) -> dict[str, int]:
        """How many of all that a query finds carry each tag."""
        with self._asked(kind) as connection:
            return asking.tags(connection, KINDS[kind], query)

    def due_hosts(self, now: datetime, *, limit: int, among: Collection[str] = ()) -> list[Host]:
        """Hosts whose `wake_at` has come, longest waiting first; of these ids, if any are given."""
        with self._lock:
            records = self._table(Host).records
            due = self._waking.due(now.timestamp(), len(records) if among else limit)
            kept = [key for key in due if not among or key in among]
            return [cast("Host", records[key]) for key in kept[:limit]]

    def due_keys(self, now: datetime, *, limit: int) -> list[tuple[str, str, str]]:
        """Id, pod and state of due hosts, longest waiting first."""
        return [(host.id, host.pod, host.state.value) for host in self.due_hosts(now, limit=limit)]

    def due_besides(self, busy: Collection[str], *, now: datetime, limit: int) -> list[Host]:
        """The same without those that are at work, which cost nothing however many they are."""
        with self._lock:
            records = self._table(Host).records
            keys = self._waking.due(now.timestamp(), limit, busy)
            return [cast("Host", records[key]) for key in keys]

    def wake_hosts(self, *, now: datetime, pod: str = "", host_id: str = "") -> None:
        """Make waiting hosts due now, without touching their records or versions."""
        at = now.timestamp()
        with self._lock:
            if host_id:
                host = self.get(Host, host_id)
                hosts: Iterable[Record] = [host] if host and pod in ("", host.pod) else []
            else:
                hosts = self._table(Host).matching({"pod": pod} if pod else {})
            for one in hosts:
                key = cast("Host", one).id
                self._waking.woken[key] = at
                if self._waking.at[key] > at:
                    self._waking.put(key, at)

    def put_off(
        self, hosts: Sequence[PutOff], *, now: datetime, fence: Fence | None = None
    ) -> None:
        """Look at these hosts then and not before, unless they were written since."""
        with self._lock:
            if fence is not None and self._holder(fence, now) is None:
                raise FenceLost(f"lease {fence.lease} is no longer held by {fence.owner}")
            records = self._table(Host).records
            for one in hosts:
                known = records.get(one.host_id)
                if known is None or cast("Host", known).version != one.version:
                    continue
                if self._waking.woken.get(one.host_id, 0.0) <= one.seen_at.timestamp():
                    self._waking.put(one.host_id, one.until.timestamp())

    def secret(self, owner: str, name: str) -> bytes | None:
        """A sealed secret."""
        return self._secrets.get((owner, name))

    def events(
        self, *, after: int = 0, subject: str = "", kind: str = "", limit: int = PAGE_MAX
    ) -> list[Event]:
        """Events in order, after a sequence number."""
        with self._lock:
            first = self._events[0].seq if self._events else 1
            later = itertools.islice(self._events, max(0, after - first + 1), None)
            found = (event for event in later if _is_of(event, subject, kind))
            return list(itertools.islice(found, min(limit, PAGE_MAX)))

    def newest_events(
        self, *, before: int = 0, subject: str = "", kind: str = "", limit: int = PAGE_MAX
    ) -> list[Event]:
        """The newest events below a number, newest first."""
        with self._lock:
            found = (
                event
                for event in reversed(self._events)
                if (not before or event.seq < before) and _is_of(event, subject, kind)
            )
            return list(itertools.islice(found, min(limit, PAGE_MAX)))

    def last_event(self) -> int:
        """The number of the newest event; 0 before the first."""
        return self._events[-1].seq if self._events else 0

    def ingest_usage(self, records: Iterable[UsageRecord]) -> int:
        """Add usage records, skipping ids already known."""
        with self._lock:
            table = self._table(UsageRecord)
            fresh = {one.id: one for one in records if one.id not in table.records}
            for one in fresh.values():
                table.insert(one, at=one.ended_at.timestamp())
            return len(fresh)

    def forget(
        self, kind: type[Record], column: str, *, before: datetime, limit: int, **equals: str | int
    ) -> int:
        """Remove at most `limit` records whose moment in a column has passed."""
        how = KINDS[kind]
        moment = asking.column_of(how, column)
        if how.labelled or not isinstance(moment.type, sa.Double):
            raise ValueError(f"{how.table.name} is not forgotten by {column}")
        read, until = how.columns[column], before.timestamp()
        with self._lock:
            table = self._table(kind)
            old = sorted(
                (read(one), how.key(one)) for one in table.matching(equals) if read(one) < until
            )
            for _, key in old[:limit]:
                table.remove(key)
            return len(old[:limit])

    def forget_events(self, *, before: datetime, limit: int) -> int:
        """Remove at most `limit` of the oldest events, never the newest."""
        with self._lock:
            older = itertools.takewhile(lambda event: event.at < before, self._events[:-1])
            gone = len(list(itertools.islice(older, limit)))
            del self._events[:gone]
            return gone

    def note(self, name: str) -> str:
        """What is said of these records under a name; empty when nothing is."""
        return self._notes.get(name, "")

    def write_note(self, name: str, value: str) -> None:
        """Say something; empty takes it back."""
        with self._lock:
            self._notes.pop(name, None)
            if value:
                self._notes[name] = value

    def take_lease(
        self, lease: str, owner: str, *, now: datetime, until: datetime, alone: bool
    ) -> Fence | None:
        """Take a lease that is free, expired, ours, or (when `alone`) a dead worker's."""
        with self._lock:
            known = self._leases.get(lease)
            if known is None:
                self._leases[lease] = _Lease(owner, 1, until)
                return Fence(lease, owner, 1)
            if known.owner != owner and known.until > now and not alone:
                return None
            number = known.number if known.owner == owner else known.number + 1
            self._leases[lease] = _Lease(owner, number, until)
            return Fence(lease, owner, number)

    def renew_lease(self, fence: Fence, *, now: datetime, until: datetime) -> bool:
        """Extend a lease still held."""
        with self._lock:
            held = self._holder(fence, now)
            if held is not None:
                held.until = until
            return held is not None

    def close(self) -> None:
        """Forget the copy that answered questions; the records stay as long as the store does."""
        with self._lock:
            self._mirror.close()

    def _holder(self, fence: Fence, now: datetime) -> _Lease | None:
        known = self._leases.get(fence.lease)
        if known is None or (known.owner, known.number) != (fence.owner, fence.number):
            return None
        return known if known.until > now else None

    def _row_of_one(self, kind: type[Record], query: Query) -> tuple[Row, ...] | None:
        """Whether one record is still what it was is asked at every step: no SQL for that."""
        if query.counted or len(query.conditions) != 1:
            return None
        asked = query.conditions[0]
        if query != Query((asked,), limit=1, counted=False):
            return None
        if (asked.column, asked.lookup) != ("key", "exact") or len(asked.values) != 1:
            return None
        table, key = self._table(kind), str(asked.values[0])
        record = table.records.get(key)
        if record is None:
            return ()
        return (Row(key, getattr(record, "version", 1), *table.moments[key]),)

    def _table(self, kind: type[Record]) -> MemoryTable:
        table = self._tables.get(kind)
        if table is None:
            with self._lock:
                table = self._tables.setdefault(kind, MemoryTable(KINDS[kind]))
        return table

    @contextmanager
    def _asked(self, *kinds: type[Record]) -> Iterator[sa.Connection]:
        with self._lock, self._mirror.of([self._table(kind) for kind in kinds]) as connection:
            yield connection

    def _check(self, change: Change) -> None:
        """Raise what SQL would raise, with its words, before anything is written."""
        for name, said in change.counted.items():
            if self._notes.get(name, "") != said:
                raise StaleWrite(f"{name} was counted on by another one meanwhile")
        for need in change.needs:
            if need.key not in self._table(need.kind).records:
                name = KINDS[need.kind].table.name
                raise Conflict(
                    f"{name}: {need.key} is not there any more",
                    hint="read what there is, and send the request again",
                )
        try:
            for kind, (inserted, replaced) in _by_kind(change).items():
                self._table(kind).check(inserted, replaced)
        except Taken as taken:
            error = IntegrityError(None, None, taken)
            with self._asked(*_by_kind(change)) as connection:
                message = conflict_message(connection, change, error)
            raise Conflict(message) from taken
        except rows.Overtaken as error:
            found = self._found(error)
            raise StaleWrite(stale_words(error, found)) from error

    def _found(self, overtaken: rows.Overtaken) -> dict[str, int]:
        """The versions that there are now, of what was overtaken."""
        table = next(one for one in self._tables.values() if one.kind is overtaken.kind)
        return {
            key: getattr(table.records[key], "version", 1)
            for key in overtaken.versions
            if key in table.records
        }

    def _refuse_named(self, change: Change) -> None:
        """Conflict when a record that stays, or that comes now, names what is removed."""
        gone = {(type(one), KINDS[type(one)].key(one)) for one in change.remove}
        for unnamed in change.unnamed:
            kind = KINDS[unnamed.kind]
            coming = (one for one in change.insert if type(one) is unnamed.kind)
            staying = self._table(unnamed.kind).matching(unnamed.where)
            for one in itertools.chain(staying, coming):
                named = all(
                    kind.columns[name](one) == value for name, value in unnamed.where.items()
                )
                if named and (unnamed.kind, kind.key(one)) not in gone:
                    raise Conflict(
                        f"{kind.table.name}: {kind.key(one)} names what would be removed",
                        hint="remove that first, or let it name another",
                    )

    def _write(self, change: Change, *, at: float) -> None:
        for record in change.insert:
            self._table(type(record)).insert(record, at=at)
        for record in change.replace:
            self._table(type(record)).replace(record, at=at)
        for record in (*change.insert, *change.replace):
            if type(record) is Host:
                self._waking.put(record.id, self._due(record, change))
        for record in change.remove:
            self._table(type(record)).remove(KINDS[type(record)].key(record))
            if type(record) is Host:
                self._waking.at.pop(record.id, None)
                self._waking.woken.pop(record.id, None)
        self._write_secrets(change)
        for name, said in change.counted.items():
            self._notes[name] = str(int(said or "0") + 1)
        for event in change.events:
            self._last_event += 1
            self._events.append(event.model_copy(update={"seq": self._last_event}))

    def _due(self, host: Host, change: Change) -> float:
        """As its record says, or when it was woken amid the look that the record comes from."""
        said, began = host.wake_at.timestamp(), change.looked.get(host.id)
        woken = self._waking.woken.get(host.id, 0.0)
        return woken if began is not None and began.timestamp() < woken < said else said

    def _write_secrets(self, change: Change) -> None:
        for owner in change.forget_secrets:
            for key in [key for key in self._secrets if key[0] == owner]:
                del self._secrets[key]
        self._secrets.update(change.secrets)


def _by_kind(change: Change) -> dict[type[Record], tuple[list[Any], list[Any]]]:
    """What is inserted and what is replaced, of each kind."""
    groups: dict[type[Record], tuple[list[Any], list[Any]]] = {}
    for record in change.insert:
        groups.setdefault(type(record), ([], []))[0].append(record)
    for record in change.replace:
        groups.setdefault(type(record), ([], []))[1].append(record)
    return groups


def _is_of(event: Event, subject: str, kind: str) -> bool:
    if subject and event.subject != subject:
        return False
    return not kind or event.kind == kind or event.kind.startswith(f"{kind}.")
