"""The port to durable records.

Two ideas carry it. A **change** is everything that one decision writes — new records, new
versions, removals, events — and it lands whole or not at all. A **fence** names the lease under
which it was decided; a store refuses a fenced change once that lease is lost, so a worker that was
paused and woke up late cannot write over its successor.

All methods are synchronous, short and free of network calls to anything but the database; async
callers run them in a thread. Never call one while waiting for a BMC.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from inventory.model import Event, Host, Record, UsageRecord
from inventory.store.outline import Document, Outline, Row
from inventory.store.query import Found, Query

R = TypeVar("R", bound=Record)

PAGE_MAX = 1000
"""Records a single `find` returns at most; the callers page with `after`."""


@dataclass(frozen=True, slots=True)
class Fence:
    """Proof of a lease: its name, who holds it, and the number that grows with every new holder."""

    lease: str
    owner: str
    number: int


@dataclass(frozen=True, slots=True)
class Needed:
    """A record that a change names: it must be there when the change is written, and stay."""

    kind: type[Record]
    key: str


@dataclass(frozen=True, slots=True)
class Unnamed:
    """Records that name what a change removes: there must be none when it is written."""

    kind: type[Record]
    where: Mapping[str, str | int]
    """Columns of the kind's table and the values that would name it."""


@dataclass(frozen=True, slots=True)
class PutOff:
    """When a host is looked at next, whose record stays as it is."""

    host_id: str
    version: int
    """As it was read: a record that was written since is due when its writer says."""
    until: datetime
    seen_at: datetime
    """When the look began: whoever was woken since is looked at again."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one decision writes, all or nothing.

    `replace` holds records as they should be, with the `version` that was read: the store writes
    only if that version is still current, and stores it plus one.
    """

    insert: tuple[Record, ...] = ()
    replace: tuple[Record, ...] = ()
    remove: tuple[Record, ...] = ()
    events: tuple[Event, ...] = ()
    secrets: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """(owner id, field name) to the *sealed* secret."""
    forget_secrets: tuple[str, ...] = ()
    """Owner ids whose secrets go, all of them."""
    counted: Mapping[str, str] = field(default_factory=dict)
    """Notes that count, and what they said when this was decided: each says one more afterwards.
    StaleWrite when another one has counted on since, so that of two decisions that must know of
    each other only one is written."""
    needs: tuple[Needed, ...] = ()
    """Conflict when one of them is gone; nobody removes one while this is written."""
    looked: Mapping[str, datetime] = field(default_factory=dict)
    """Ids of hosts that are replaced, and when the look began that says so. Whoever was woken since
    is due at once, not when its record says: what it was woken for may have come after it."""
    unnamed: tuple[Unnamed, ...] = ()
    """Conflict when there is such a record, also one that is written in this same moment."""


class Store(Protocol):
    """Durable records. Every implementation passes `tests/contract/store`."""

    def apply(self, change: Change, *, now: datetime, fence: Fence | None = None) -> None:
        """Write a change. Raises Conflict, StaleWrite or FenceLost, and then wrote nothing."""

    def get(self, kind: type[R], key: str) -> R | None:
        """One record by its key, or None."""

    def find(
        self, kind: type[R], *, after: str = "", limit: int = PAGE_MAX, **equals: str | int
    ) -> list[R]:
        """Records whose columns equal the given values, ordered by key, from `after` on.

        Only columns of the kind's table may be named: anything else is a ValueError, never an
        unfiltered answer.
        """

    def get_many(self, kind: type[R], keys: Iterable[str]) -> dict[str, R]:
        """Those of the keys that there are, by key; the others are simply absent."""

    def find_rows(
        self, kind: type[Record], *, after: str = "", limit: int = PAGE_MAX, **equals: str | int
    ) -> list[Row]:
        """Which states of records `find` would find, ordered by key, without what they hold."""

    def search(self, kind: type[R], query: Query) -> Found[R]:
        """One page of what a query finds. A column that the kind does not have is a ValueError."""

    def outline(self, kind: type[Record], query: Query) -> Outline:
        """Which records `search` would find, without what they hold."""

    def documents(self, kind: type[Record], keys: Iterable[str]) -> dict[str, Document]:
        """What records hold, as it was written, by key; the others are simply absent."""

    def states(self, kind: type[Record], keys: Iterable[str]) -> dict[str, Row]:
        """Which state of each record there is now, by key; the others are simply absent.

        As cheap as a look can be: who knows a record from before asks this first.
        """

    def count(self, kind: type[R], **equals: str | int) -> int:
        """How many `find` would find."""

    def tally(self, kind: type[Record], *columns: str) -> dict[tuple[str, ...], int]:
        """How many records there are of each combination of values in these columns.

        Grouped by the database: as cheap at ten thousand hosts as at ten. Without columns: all,
        under the empty tuple, also when there are none.
        """

    def tags(self, kind: type[Record], query: Query) -> dict[str, int]:
        """How many of all that a query finds carry each tag, grouped by the database."""

    def due_hosts(self, now: datetime, *, limit: int, among: Collection[str] = ()) -> list[Host]:
        """Hosts whose `wake_at` has come, longest waiting first; of these ids, if any are given."""

    def due_keys(self, now: datetime, *, limit: int) -> list[tuple[str, str, str]]:
        """Id, pod and state of the same hosts: what it takes to say whose turn it is."""

    def wake_hosts(self, *, now: datetime, pod: str = "", host_id: str = "") -> None:
        """Make waiting hosts due now: an event wakes the loop, and carries nothing else.

        All of them, those of one pod, or one host. One that is due already keeps its place in the
        line. It may be looked at this moment, by somebody who then puts it off: it is due anew.
        """

    def put_off(
        self, hosts: Sequence[PutOff], *, now: datetime, fence: Fence | None = None
    ) -> None:
        """Look at these hosts then and not before, without touching their records or versions.

        Whoever was written or woken since it was read stays due as it is. FenceLost as for a
        change.
        """

    def secret(self, owner: str, name: str) -> bytes | None:
        """A sealed secret."""

    def events(
        self, *, after: int = 0, subject: str = "", kind: str = "", limit: int = PAGE_MAX
    ) -> list[Event]:
        """Events in order, after a sequence number; `kind` as for the newest ones."""

    def newest_events(
        self, *, before: int = 0, subject: str = "", kind: str = "", limit: int = PAGE_MAX
    ) -> list[Event]:
        """The newest events below a number (0: of all), newest first, whatever gaps there are.

        `kind` is one, or the beginning of several up to a full stop: `host` for `host.parked`.
        """

    def last_event(self) -> int:
        """The number of the newest event; 0 before the first.

        Numbers become visible in their order: whoever has read up to one has missed none before it.
        """

    def ingest_usage(self, records: Iterable[UsageRecord]) -> int:
        """Add usage records, skipping ids already known; how many were new."""

    def note(self, name: str) -> str:
        """What the database says of itself under a name; empty when it says nothing."""

    def write_note(self, name: str, value: str) -> None:
        """Say something of the database; empty takes it back."""

    def take_lease(
        self, lease: str, owner: str, *, now: datetime, until: datetime, alone: bool
    ) -> Fence | None:
        """Take a lease that is free, expired or already ours, else None.

        `alone`: the caller holds an operating system lock which proves that no other process
        works on this store, so a dead owner's lease need not be waited for.
        """

    def renew_lease(self, fence: Fence, *, now: datetime, until: datetime) -> bool:
        """Extend a lease still held; False when it is not ours any more."""

    def close(self) -> None:
        """Release connections. Safe to call twice."""


class FilingStore(Store, Protocol):
    """A store that keeps beside each record what it is found by."""

    def misfiled(self, kind: type[Record], keys: Iterable[str]) -> set[str]:
        """Those of the keys whose columns do not say what the record says."""


class ForgettingStore(Store, Protocol):
    """A store that also removes what is too old: the service's own, never a view of a request."""

    def forget(
        self, kind: type[Record], column: str, *, before: datetime, limit: int, **equals: str | int
    ) -> int:
        """Remove at most `limit` records whose moment in a column has passed; how many went.

        Only for kinds without tags and custom fields.
        """

    def forget_events(self, *, before: datetime, limit: int) -> int:
        """Remove at most `limit` of the oldest events; how many went.

        Never the newest: numbers would begin anew, and who follows them would miss what comes.
        """
