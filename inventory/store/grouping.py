"""Writes of several threads in one transaction: what a commit costs is paid once for all of them.

SQLite lets one writer in at a time, and each commit waits for the disk. Threads that write each
for itself stand in a queue that SQLite does not keep in order: who finds the door locked sleeps for
a while and tries again. So a thread here does not write: it says what is to be written. Whoever
comes first leads: it takes everybody's that waits, writes one after the other under a savepoint of
its own, commits once, and tells each how its own ended. Meanwhile the next ones gather behind the
first of them, which leads then. Nobody returns before its write is on the disk, one that is refused
leaves no trace and harms no other, and each sees what those before it wrote, as it would alone.

PostgreSQL takes many writers at once and gathers their commits by itself; one transaction of many
there would hold the locks of all for as long as the longest takes. There each writes for itself.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from inventory.errors import StoreUnavailable

T = TypeVar("T")
Work = Callable[[sa.Connection], T]

TOGETHER_MAX = 64
"""Writes in one transaction: half a millisecond each, so that the last one's caller waits no longer
than a person notices."""


class _Ticket:
    """What one thread wants written, and how that ended."""

    __slots__ = ("_told", "_work", "done", "error", "found", "leads")

    def __init__(self, work: Work[Any]) -> None:
        self._work = work
        self._told = threading.Event()
        self.done = False
        self.leads = False
        self.found: Any = None
        self.error: BaseException | None = None

    def write(self, connection: sa.Connection) -> None:
        """Run it in a transaction that is its own."""
        self.found = self._work(connection)

    def write_among(self, connection: sa.Connection) -> None:
        """Run it in one with others: what it did is undone when it fails."""
        connection.exec_driver_sql("SAVEPOINT one_of_many")
        try:
            self.found = self._work(connection)
        except Exception as error:
            if not _in_transaction(connection):
                raise  # SQLite gave the whole of it up, as when the disk is full
            self.error = error
            connection.exec_driver_sql("ROLLBACK TO one_of_many")
        connection.exec_driver_sql("RELEASE one_of_many")

    def wait(self) -> None:
        """Until it is done, or its turn to lead has come."""
        self._told.wait()

    def tell(self) -> None:
        """One of both has happened."""
        self._told.set()

    def outcome(self) -> Any:
        """What its work returned, or raised."""
        if self.error is not None:
            raise self.error
        return self.found


class Writers:
    """All threads of a process that write to one database."""

    def __init__(self, engine: sa.Engine, *, together: bool) -> None:
        self._engine = engine
        self._together = together
        self._lock = threading.Lock()
        self._waiting: deque[_Ticket] = deque()
        self._led = False
        self._turn = threading.Lock()

    def write(self, work: Work[T]) -> T:
        """Run this in a transaction, and return when it is committed.

        `work` uses the connection that it is given, and never this store.
        """
        if not self._together:
            with self._engine.begin() as connection:
                return work(connection)
        ticket = _Ticket(work)
        try:
            with self._lock:
                self._waiting.append(ticket)
                ticket.leads, self._led = not self._led, True
            if not ticket.leads:
                ticket.wait()
            if not ticket.done:
                self._lead(ticket)
        except BaseException:  # an interrupted thread: those behind it must not wait for it
            self._leave(ticket)
            raise
        return cast("T", ticket.outcome())

    @contextmanager
    def alone(self) -> Iterator[sa.Connection]:
        """A transaction of its own, when those before have committed."""
        if not self._together:
            with self._engine.begin() as connection:
                yield connection
            return
        with self._turn, self._engine.begin() as connection:
            yield connection

    def _lead(self, leader: _Ticket) -> None:
        """Write what waits, the leader's first, and hand the lead to the next one."""
        with self._turn:
            tickets: list[_Ticket] = []
            try:
                with self._lock:
                    while self._waiting and len(tickets) < TOGETHER_MAX:
                        tickets.append(self._waiting.popleft())
                self._commit(tickets)
            except Exception as error:  # noqa: BLE001 - whatever it is, each thread raises it
                for ticket in tickets:
                    ticket.error = ticket.error or error
            except BaseException:
                lost = StoreUnavailable("the write was interrupted", hint="send it again")
                for ticket in tickets:
                    ticket.error = ticket.error or lost
                raise
            finally:
                self._hand_over(leader, tickets)

    def _leave(self, ticket: _Ticket) -> None:
        """Forget what nobody waits for any more, and let the next one lead if this one was to."""
        with self._lock:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
        self._hand_over(ticket, [])

    def _commit(self, tickets: list[_Ticket]) -> None:
        with self._engine.begin() as connection:
            if len(tickets) == 1:
                tickets[0].write(connection)
                return
            for ticket in tickets:
                ticket.write_among(connection)

    def _hand_over(self, leader: _Ticket, written: list[_Ticket]) -> None:
        following: _Ticket | None = None
        with self._lock:
            if leader.leads:
                leader.leads = False
                following = self._waiting[0] if self._waiting else None
                self._led = following is not None
            if following is not None:
                following.leads = True
        for ticket in written:
            ticket.done = True
            ticket.tell()
        if following is not None:
            following.tell()


def _in_transaction(connection: sa.Connection) -> bool:
    driver: Any = connection.connection.driver_connection
    return bool(driver.in_transaction)
