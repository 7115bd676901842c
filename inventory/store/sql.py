"""Records in SQLite or PostgreSQL, through one schema.

Every method is one short transaction at most: a change lands whole or not at all. How rows are made
is in `rows`, how questions are put in `asking`, how connections behave in `engine`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from inventory.errors import Conflict, StaleWrite
from inventory.model import Event, Host, Record, UsageRecord
from inventory.store import asking, holding, leasing, naming, outlining, prepared, rows
from inventory.store.conflicts import conflict_message, stale_message
from inventory.store.counting import Counts
from inventory.store.engine import GLANCES, WRITES, answering, make_engine
from inventory.store.grouping import Work, Writers
from inventory.store.migrate import upgrade
from inventory.store.outline import Document, Outline, Row
from inventory.store.protocol import PAGE_MAX, Change, Fence, PutOff
from inventory.store.query import Found, Query
from inventory.store.readings import SqlReadings
from inventory.store.settings import StoreSettings
from inventory.store.tables import EVENTS, KINDS, NOTES, SECRETS, Kind

R = TypeVar("R", bound=Record)
T = TypeVar("T")

EVENT_ORDER_LOCK = 0x65766E74  # "evnt": any number, the same in every process


class SqlStore:
    """A `Store` on SQLAlchemy. Open one per process; it is safe to use from several threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._counts = Counts()
        # PostgreSQL gives each statement its own view anyway: BEGIN and ROLLBACK around one read
        # would only be two more round trips.
        postgresql = engine.dialect.name == "postgresql"
        self._reading = (
            engine.execution_options(isolation_level="AUTOCOMMIT") if postgresql else engine
        )
        self._glancing = (
            self._reading if postgresql else engine.execution_options(**{GLANCES: True})
        )
        writing = engine.execution_options(**{WRITES: True})
        self._writers = Writers(writing, together=not postgresql)
        self._readings = SqlReadings(reading=self._connected, writing=self._write)

    @classmethod
    def open(cls, url: str, settings: StoreSettings | None = None) -> SqlStore:
        """Connect, bring the schema to the newest revision, and return the store.

        `url` is `sqlite:///path` or `postgresql+psycopg://…`.
        """
        engine = make_engine(url, settings)
        with answering(engine):
            upgrade(engine)
        return cls(engine)

    @property
    def readings(self) -> SqlReadings:
        """What hosts told over time, in the same database."""
        return self._readings

    def apply(self, change: Change, *, now: datetime, fence: Fence | None = None) -> None:
        """Write a change whole, or raise and write nothing."""

        def work(connection: sa.Connection) -> None:
            if fence is not None:
                leasing.check(connection, fence, now)
                holding.check(connection, fence, change)
            self._write_change(connection, change, at=now.timestamp())

        try:
            self._written(work)
        except IntegrityError as error:
            with self._connected() as connection:
                message = conflict_message(connection, change, error)
            raise Conflict(message) from error
        except rows.Overtaken as error:
            with self._connected() as connection:
                message = stale_message(connection, error)
            raise StaleWrite(message) from error
        records = (*change.insert, *change.replace, *change.remove)
        self._counts.written({KINDS[type(record)].table.name for record in records})

    def get(self, kind: type[R], key: str) -> R | None:
        """One record by its key."""
        with self._glance() as connection:
            row = connection.execute(prepared.by_key(kind), {prepared.KEY: key}).first()
        return None if row is None else rows.record_from(kind, row)

    def get_many(self, kind: type[R], keys: Iterable[str]) -> dict[str, R]:
        """Those of the keys that there are, by key."""
        table = KINDS[kind].table
        query = sa.select(table.c.key, table.c.document, table.c.version)
        found: dict[str, R] = {}
        with self._connected() as connection:
            for some in rows.chunks(list(dict.fromkeys(keys))):
                for row in connection.execute(query.where(table.c.key.in_(some))):
                    found[row.key] = rows.record_from(kind, row)
        return found

    def misfiled(self, kind: type[Record], keys: Iterable[str]) -> set[str]:
        """Those of the keys whose columns do not say what the record says."""
        how, wrong = KINDS[kind], set[str]()
        with self._connected() as connection:
            for some in rows.chunks(list(dict.fromkeys(keys))):
                query = sa.select(how.table).where(how.table.c.key.in_(some))
                for row in connection.execute(query):
                    record, held = rows.record_from(kind, row), row._mapping  # noqa: SLF001 - a Row's public mapping
                    if any(held[name] != read(record) for name, read in how.columns.items()):
                        wrong.add(row.key)
        return wrong

    def find(
        self, kind: type[R], *, after: str = "", limit: int = PAGE_MAX, **equals: str | int
    ) -> list[R]:
        """Records whose columns equal the given values, ordered by key."""
        _refuse_unknown(KINDS[kind], equals)
        query = prepared.by_columns(kind, tuple(sorted(equals)), after=bool(after))
        given: dict[str, str | int] = {**equals, prepared.LIMIT: min(limit, PAGE_MAX)}
        if after:
            given[prepared.AFTER] = after
        with self._glance() as connection:
            found = connection.execute(query, given).all()
        return [rows.record_from(kind, row) for row in found]

    def find_rows(
        self, kind: type[Record], *, after: str = "", limit: int = PAGE_MAX, **equals: str | int
    ) -> list[Row]:
        """Which states of records `find` would find, ordered by key."""
        _refuse_unknown(KINDS[kind], equals)
        query = prepared.rows_by_columns(kind, tuple(sorted(equals)), after=bool(after))
        given: dict[str, str | int] = {**equals, prepared.LIMIT: min(limit, PAGE_MAX)}
        if after:
            given[prepared.AFTER] = after
        with self._glance() as connection:
            return [Row(*found) for found in connection.execute(query, given)]

    def search(self, kind: type[R], query: Query) -> Found[R]:
        """One page of what a query finds."""
        table = KINDS[kind].table
        with self._connected() as connection:
            page = asking.page(
                connection,
                KINDS[kind],
                query,
                columns=(table.c.document, table.c.version),
                counts=self._counts,
            )
        return Found(
            records=[rows.record_from(kind, row) for row in page.rows],
            total=page.total,
            next_cursor=page.next_cursor,
        )

    def outline(self, kind: type[Record], query: Query) -> Outline:
        """Which records `search` would find, without what they hold."""
        with self._connected() as connection:
            return outlining.outline(connection, KINDS[kind], query, counts=self._counts)

    def documents(self, kind: type[Record], keys: Iterable[str]) -> dict[str, Document]:
        """What records hold, as it was written, by key."""
        with self._connected() as connection:
            return outlining.documents(connection, KINDS[kind], keys)

    def states(self, kind: type[Record], keys: Iterable[str]) -> dict[str, Row]:
        """Which state of each record there is now, by key."""
        with self._glance() as connection:
            return outlining.states(connection, KINDS[kind], keys)

    def count(self, kind: type[R], **equals: str | int) -> int:
        """How many records match."""
        query = (
            sa.select(sa.func.count())
            .select_from(KINDS[kind].table)
            .where(*_conditions(KINDS[kind], equals))
        )
        with self._connected() as connection:
            return int(connection.execute(query).scalar_one())

    def tally(self, kind: type[Record], *columns: str) -> dict[tuple[str, ...], int]:
        """How many records there are of each combination of values."""
        how = KINDS[kind]
        grouped = [asking.column_of(how, name) for name in columns]
        query = sa.select(*grouped, sa.func.count()).select_from(how.table).group_by(*grouped)
        with self._connected() as connection:
            found = connection.execute(query).all()
        return {tuple(str(value) for value in row[:-1]): int(row[-1]) for row in found}

    def tags(self, kind: type[Record], query: Query) -> dict[str, int]:
        """How many of all that a query finds carry each tag."""
        with self._connected() as connection:
            return asking.tags(connection, KINDS[kind], query)

    def due_hosts(self, now: datetime, *, limit: int, among: Collection[str] = ()) -> list[Host]:
        """Hosts whose `wake_at` has come, longest waiting first; of these ids, if any are given."""
        given: dict[str, Any] = {prepared.NOW: now.timestamp(), prepared.LIMIT: limit}
        if among:
            given[prepared.KEY] = rows.filled_up(list(among))
        with self._glance() as connection:
            found = connection.execute(prepared.due(among=bool(among)), given).all()
        return [rows.record_from(Host, row) for row in found]

    def due_keys(self, now: datetime, *, limit: int) -> list[tuple[str, str, str]]:
        """Id, pod and state of due hosts, longest waiting first."""
        given = {prepared.NOW: now.timestamp(), prepared.LIMIT: limit}
        with self._glance() as connection:
            found = connection.execute(prepared.due_keys(), given)
            return [(row.key, row.pod, row.state) for row in found]

    def wake_hosts(self, *, now: datetime, pod: str = "", host_id: str = "") -> None:
        """Make waiting hosts due now, without touching their documents or versions."""
        query = prepared.waking(pod=bool(pod), host=bool(host_id))
        given: dict[str, str | float] = {prepared.NOW: now.timestamp()}
        given |= {prepared.POD: pod} if pod else {}
        given |= {prepared.KEY: host_id} if host_id else {}
        self._written(lambda connection: connection.execute(query, given))

    def put_off(
        self, hosts: Sequence[PutOff], *, now: datetime, fence: Fence | None = None
    ) -> None:
        """Look at these hosts then and not before, unless they were written since."""
        if not hosts:
            return

        def work(connection: sa.Connection) -> None:
            if fence is not None:
                leasing.check(connection, fence, now)
            holding.put_off(connection, hosts)

        self._written(work)

    def secret(self, owner: str, name: str) -> bytes | None:
        """A sealed secret."""
        given = {prepared.OWNER: owner, prepared.KEY: name}
        with self._glance() as connection:
            sealed: bytes | None = connection.execute(prepared.secret(), given).scalar()
        return sealed

    def events(
        self, *, after: int = 0, subject: str = "", kind: str = "", limit: int = PAGE_MAX
    ) -> list[Event]:
        """Events in order, after a sequence number."""
        query = (
            sa.select(EVENTS.c.seq, EVENTS.c.document)
            .where(EVENTS.c.seq > after)
            .order_by(EVENTS.c.seq)
            .limit(min(limit, PAGE_MAX))
        )
        with self._connected() as connection:
            found = connection.execute(_of(query, subject, kind)).all()
        return [rows.event_from(row) for row in found]

    def newest_events(
        self, *, before: int = 0, subject: str = "", kind: str = "", limit: int = PAGE_MAX
    ) -> list[Event]:
        """The newest events below a number, newest first."""
        query = (
            sa.select(EVENTS.c.seq, EVENTS.c.document)
            .order_by(EVENTS.c.seq.desc())
            .limit(min(limit, PAGE_MAX))
        )
        if before:
            query = query.where(EVENTS.c.seq < before)
        with self._connected() as connection:
            found = connection.execute(_of(query, subject, kind)).all()
        return [rows.event_from(row) for row in found]

    def last_event(self) -> int:
        """The number of the newest event; 0 before the first."""
        with self._connected() as connection:
            return int(connection.execute(sa.select(sa.func.max(EVENTS.c.seq))).scalar() or 0)

    def ingest_usage(self, records: Iterable[UsageRecord]) -> int:
        """Add usage records, skipping ids already known."""
        kind = KINDS[UsageRecord]
        fresh = {record.id: record for record in records}
        if not fresh:
            return 0
        made = [
            rows.row_of(kind, fresh[key], version=1, at=fresh[key].ended_at.timestamp())
            for key in sorted(fresh)
        ]
        statement = (
            self._dialect_insert()(kind.table)
            .on_conflict_do_nothing(index_elements=["key"])
            .returning(kind.table.c.key)
        )
        # Not rowcount: psycopg reports -1 for an insert that may do nothing.
        added = self._written(lambda connection: len(connection.execute(statement, made).all()))
        self._counts.written([kind.table.name])
        return added

    def forget(
        self, kind: type[Record], column: str, *, before: datetime, limit: int, **equals: str | int
    ) -> int:
        """Remove at most `limit` records whose moment in a column has passed."""
        how = KINDS[kind]
        moment = asking.column_of(how, column)
        if how.labelled or not isinstance(moment.type, sa.Double):
            raise ValueError(f"{how.table.name} is not forgotten by {column}")
        old = (
            sa.select(how.table.c.key)
            .where(moment < before.timestamp(), *_conditions(how, equals))
            .order_by(moment)
            .limit(limit)
        )
        with self._write() as connection:
            keys = connection.execute(old).scalars().all()
            for some in rows.chunks(keys):
                connection.execute(sa.delete(how.table).where(how.table.c.key.in_(some)))
        self._counts.written([how.table.name])
        return len(keys)

    def forget_events(self, *, before: datetime, limit: int) -> int:
        """Remove at most `limit` of the oldest events, never the newest."""
        newest = sa.select(sa.func.max(EVENTS.c.seq)).scalar_subquery()
        old = (
            sa.select(EVENTS.c.seq)
            .where(EVENTS.c.at < before.timestamp(), EVENTS.c.seq < newest)
            .order_by(EVENTS.c.seq)
            .limit(limit)
        )
        with self._write() as connection:
            numbers = connection.execute(old).scalars().all()
            if numbers:
                connection.execute(sa.delete(EVENTS).where(EVENTS.c.seq.in_(numbers)))
        return len(numbers)

    def note(self, name: str) -> str:
        """What the database says of itself under a name; empty when it says nothing."""
        with self._glance() as connection:
            return str(connection.execute(prepared.note(), {prepared.KEY: name}).scalar() or "")

    def write_note(self, name: str, value: str) -> None:
        """Say something of the database; empty takes it back."""

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(NOTES).where(NOTES.c.name == name))
            if value:
                connection.execute(sa.insert(NOTES).values(name=name, value=value))

        self._written(work)

    def take_lease(
        self, lease: str, owner: str, *, now: datetime, until: datetime, alone: bool
    ) -> Fence | None:
        """Take a lease that is free, expired, ours, or (when `alone`) a dead process's."""
        return self._written(
            lambda connection: leasing.take(
                connection, lease, owner, now=now, until=until, alone=alone
            )
        )

    def renew_lease(self, fence: Fence, *, now: datetime, until: datetime) -> bool:
        """Extend a lease still held."""
        return self._written(
            lambda connection: leasing.renew(connection, fence, now=now, until=until)
        )

    def join(
        self, role: str, owner: str, *, now: datetime, valid: timedelta, alone: bool
    ) -> Fence | None:
        """One more worker of a role; None: two came at once, try again."""
        return self._written(
            lambda connection: leasing.join(
                connection, role, owner, now=now, valid=valid, alone=alone
            )
        )

    def leave(self, fence: Fence) -> None:
        """End a worker's lease now, and let go of what it had in hand."""
        self._written(lambda connection: leasing.leave(connection, fence))

    def bury(self, role: str, *, now: datetime, grace: timedelta) -> list[str]:
        """End the leases of workers that are dead for longer than `grace`; which ones."""
        return self._written(
            lambda connection: leasing.bury(connection, role, now=now, grace=grace)
        )

    def written_last(self) -> datetime | None:
        """When a host was last written, by the clock of that time; None where there is none."""
        with self._connected() as connection:
            return holding.written_last(connection)

    def wake_from_ahead(self, *, now: datetime) -> None:
        """Make hosts due that were written at a time which is still to come.

        A clock was set back while nothing ran: they would sleep until it is there again.
        """
        self._written(lambda connection: holding.wake_from_ahead(connection, now=now))

    def take_due(
        self,
        fence: Fence,
        *,
        now: datetime,
        limit: int,
        busy: Collection[str],
        rested: Collection[str],
    ) -> list[Host]:
        """Due hosts that are in this worker's hands from now on; the `rested` are free again."""
        found = self._written(
            lambda connection: holding.take_due(
                connection, fence, now=now, limit=limit, busy=busy, rested=rested
            )
        )
        return [rows.record_from(Host, row) for row in found]

    def close(self) -> None:
        """Release connections."""
        self._engine.dispose()

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        """A connection that reads."""
        with answering(self._engine), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def _glance(self) -> Iterator[sa.Connection]:
        """A connection for one question."""
        with answering(self._engine), self._glancing.connect() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        """A connection whose transaction is committed at the end, or rolled back."""
        with answering(self._engine), self._writers.alone() as connection:
            yield connection

    def _written(self, work: Work[T]) -> T:
        """What it returned when it was committed, perhaps with what other threads wrote."""
        with answering(self._engine):
            return self._writers.write(work)

    def _write_change(self, connection: sa.Connection, change: Change, *, at: float) -> None:
        naming.hold(connection, change.needs)
        holding.count_on(connection, change.counted)
        rows.insert(connection, change.insert, at=at)
        rows.replace(connection, change.replace, at=at, looked=change.looked)
        rows.write_labels(connection, change)
        rows.remove(connection, change.remove)
        naming.refuse_named(connection, change.unnamed)
        for owner in change.forget_secrets:
            connection.execute(sa.delete(SECRETS).where(SECRETS.c.owner == owner))
        if change.secrets:
            self._upsert_secrets(connection, change.secrets)
        if change.events:
            # Last: numbers must become visible in their order, or whoever follows them would skip
            # one that was taken earlier and committed later. Nothing waits after this lock.
            if self._engine.dialect.name == "postgresql":
                lock = sa.select(sa.func.pg_advisory_xact_lock(EVENT_ORDER_LOCK))
                connection.execute(lock)
            rows.append(connection, change.events)

    def _dialect_insert(self) -> Any:
        return sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert

    def _upsert_secrets(
        self, connection: sa.Connection, secrets: dict[tuple[str, str], bytes]
    ) -> None:
        statement = self._dialect_insert()(SECRETS)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["owner", "name"], set_={"sealed": statement.excluded.sealed}
            ),
            [
                {"owner": owner, "name": name, "sealed": secrets[owner, name]}
                for owner, name in sorted(secrets)
            ],
        )


def _refuse_unknown(kind: Kind, equals: dict[str, str | int]) -> None:
    unknown: Sequence[str] = sorted(equals.keys() - kind.columns.keys())
    if unknown:
        valid = ", ".join(sorted(kind.columns))
        raise ValueError(f"{kind.table.name} has no column {', '.join(unknown)}; it has {valid}")


def _conditions(kind: Kind, equals: dict[str, str | int]) -> list[sa.ColumnElement[bool]]:
    _refuse_unknown(kind, equals)
    return [kind.table.c[name] == value for name, value in equals.items()]


def _of(query: sa.Select[Any], subject: str, kind: str) -> sa.Select[Any]:
    """Events of one subject, and of one kind or of all below it."""
    if subject:
        query = query.where(EVENTS.c.subject == subject)
    if kind:
        below = sa.and_(EVENTS.c.kind >= f"{kind}.", EVENTS.c.kind < f"{kind}/")  # "." + 1
        query = query.where(sa.or_(EVENTS.c.kind == kind, below))
    return query
