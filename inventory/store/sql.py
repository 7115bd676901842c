"""Records in SQLite or PostgreSQL, through one schema.

SQLite runs in WAL mode with `synchronous=FULL`: an intent that the hardware was asked to act on
must survive a power cut. Write transactions start with BEGIN IMMEDIATE, so two writers queue
instead of failing half-way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError

from inventory.errors import Conflict, FenceLost, StaleWrite, StoreUnavailable
from inventory.model import Event, Host, Record, UsageRecord
from inventory.store import asking
from inventory.store.migrate import upgrade
from inventory.store.protocol import PAGE_MAX, Change, Fence
from inventory.store.query import CUSTOM, TAG, Found, Query
from inventory.store.tables import EVENTS, KINDS, LABELS, LEASES, SECRETS, Kind

R = TypeVar("R", bound=Record)

LABEL_MAX = 255
"""Characters of a custom field's value that a filter sees."""

SQLITE_BUSY_MS = 10_000
"""How long a writer waits for another one: ten times the longest transaction seen at 10,000
hosts."""


class SqlStore:
    """A `Store` on SQLAlchemy. Open one per process; it is safe to use from several threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> SqlStore:
        """Connect, bring the schema to the newest revision, and return the store.

        `url` is `sqlite:///path` or `postgresql+psycopg://…`.
        """
        engine = sa.create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
        if engine.dialect.name == "sqlite":
            _tune_sqlite(engine)
            _create_private_file(engine.url.database)
        upgrade(engine)
        return cls(engine)

    def apply(self, change: Change, *, now: datetime, fence: Fence | None = None) -> None:
        """Write a change whole, or raise and write nothing."""
        with self._write() as connection:
            if fence is not None:
                _check_fence(connection, fence, now)
            try:
                for record in change.insert:
                    _insert(connection, record)
                for record in change.replace:
                    _replace(connection, record)
                _write_labels(connection, change)
            except IntegrityError as error:
                written = (*change.insert, *change.replace)
                raise Conflict(_conflict_message(error, written)) from error
            for record in change.remove:
                kind = KINDS[type(record)]
                connection.execute(
                    sa.delete(kind.table).where(kind.table.c.key == kind.key(record))
                )
            for owner in change.forget_secrets:
                connection.execute(sa.delete(SECRETS).where(SECRETS.c.owner == owner))
            for (owner, name), sealed in change.secrets.items():
                self._upsert_secret(connection, owner, name, sealed)
            _append(connection, change.events)

    def get(self, kind: type[R], key: str) -> R | None:
        """One record by its key."""
        table = KINDS[kind].table
        with self._connected() as connection:
            row = connection.execute(
                sa.select(table.c.document, table.c.version).where(table.c.key == key)
            ).first()
        return None if row is None else _record(kind, row)

    def find(
        self, kind: type[R], *, after: str = "", limit: int = PAGE_MAX, **equals: str | int
    ) -> list[R]:
        """Records whose columns equal the given values, ordered by key."""
        table = KINDS[kind].table
        query = (
            sa.select(table.c.document, table.c.version)
            .where(*_conditions(KINDS[kind], equals))
            .order_by(table.c.key)
            .limit(min(limit, PAGE_MAX))
        )
        if after:
            query = query.where(table.c.key > after)
        with self._connected() as connection:
            return [_record(kind, row) for row in connection.execute(query)]

    def get_many(self, kind: type[R], keys: Iterable[str]) -> dict[str, R]:
        """Those of the keys that there are, by key."""
        table = KINDS[kind].table
        wanted = list(dict.fromkeys(keys))
        found: dict[str, R] = {}
        with self._connected() as connection:
            for start in range(0, len(wanted), PAGE_MAX):
                rows = connection.execute(
                    sa.select(table.c.key, table.c.document, table.c.version).where(
                        table.c.key.in_(wanted[start : start + PAGE_MAX])
                    )
                )
                found.update((row.key, _record(kind, row)) for row in rows)
        return found

    def search(self, kind: type[R], query: Query) -> Found[R]:
        """One page of what a query finds."""
        how = KINDS[kind]
        clauses = asking.where(how, query)
        ordered = asking.order(how, query)
        limit = max(1, min(query.limit, PAGE_MAX))
        page = sa.select(
            how.table.c.document, how.table.c.version, *(column for column, _ in ordered)
        ).where(*clauses)
        if query.after:
            page = page.where(asking.beyond(ordered, query.after))
        page = page.order_by(*(c.desc() if descending else c.asc() for c, descending in ordered))
        page = page.limit(limit + 1)
        if query.offset:
            page = page.offset(query.offset)
        total = None
        with self._connected() as connection:
            rows = connection.execute(page).all()
            if query.counted:
                count = sa.select(sa.func.count()).select_from(how.table).where(*clauses)
                total = int(connection.execute(count).scalar_one())
        more = len(rows) > limit
        return Found(
            records=[_record(kind, row) for row in rows[:limit]],
            total=total,
            next_cursor=asking.cursor_after(ordered, rows[limit - 1]) if more else "",
        )

    def count(self, kind: type[R], **equals: str | int) -> int:
        """How many records match."""
        query = (
            sa.select(sa.func.count())
            .select_from(KINDS[kind].table)
            .where(*_conditions(KINDS[kind], equals))
        )
        with self._connected() as connection:
            return int(connection.execute(query).scalar_one())

    def due_hosts(self, now: datetime, *, limit: int) -> list[Host]:
        """Hosts whose `wake_at` has come, longest waiting first."""
        table = KINDS[Host].table
        query = (
            sa.select(table.c.document, table.c.version)
            .where(table.c.wake_at <= now.timestamp())
            .order_by(table.c.wake_at)
            .limit(limit)
        )
        with self._connected() as connection:
            return [_record(Host, row) for row in connection.execute(query)]

    def wake_hosts(self, *, now: datetime, pod: str = "", host_id: str = "") -> None:
        """Make waiting hosts due now, without touching their documents or versions."""
        table = KINDS[Host].table
        query = sa.update(table).where(table.c.wake_at > now.timestamp())
        if pod:
            query = query.where(table.c.pod == pod)
        if host_id:
            query = query.where(table.c.key == host_id)
        with self._write() as connection:
            connection.execute(query.values(wake_at=now.timestamp()))

    def secret(self, owner: str, name: str) -> bytes | None:
        """A sealed secret."""
        with self._connected() as connection:
            return connection.execute(
                sa.select(SECRETS.c.sealed).where(SECRETS.c.owner == owner, SECRETS.c.name == name)
            ).scalar()

    def events(self, *, after: int = 0, subject: str = "", limit: int = PAGE_MAX) -> list[Event]:
        """Events in order, after a sequence number."""
        query = (
            sa.select(EVENTS.c.seq, EVENTS.c.document)
            .where(EVENTS.c.seq > after)
            .order_by(EVENTS.c.seq)
            .limit(min(limit, PAGE_MAX))
        )
        if subject:
            query = query.where(EVENTS.c.subject == subject)
        with self._connected() as connection:
            return [
                Event.model_validate({**row.document, "seq": row.seq})
                for row in connection.execute(query)
            ]

    def ingest_usage(self, records: Iterable[UsageRecord]) -> int:
        """Add usage records, skipping ids already known."""
        kind = KINDS[UsageRecord]
        insert = self._dialect_insert()
        added = 0
        with self._write() as connection:
            for record in records:
                statement = insert(kind.table).values(_row(kind, record, version=1))
                # Not rowcount: psycopg reports -1 for an insert that may do nothing.
                inserted = connection.execute(
                    statement.on_conflict_do_nothing(index_elements=["key"]).returning(
                        kind.table.c.key
                    )
                )
                added += len(inserted.all())
        return added

    def take_lease(
        self, lease: str, owner: str, *, now: datetime, until: datetime, alone: bool
    ) -> Fence | None:
        """Take a lease that is free, expired, ours, or (when `alone`) a dead process's."""
        with self._write() as connection:
            row = connection.execute(
                sa.select(LEASES).where(LEASES.c.name == lease).with_for_update()
            ).first()
            if row is None:
                connection.execute(
                    sa.insert(LEASES).values(
                        name=lease, owner=owner, fence=1, expires_at=until.timestamp()
                    )
                )
                return Fence(lease, owner, 1)
            if row.owner != owner and row.expires_at > now.timestamp() and not alone:
                return None
            number = row.fence if row.owner == owner else row.fence + 1
            connection.execute(
                sa.update(LEASES)
                .where(LEASES.c.name == lease)
                .values(owner=owner, fence=number, expires_at=until.timestamp())
            )
            return Fence(lease, owner, number)

    def renew_lease(self, fence: Fence, *, now: datetime, until: datetime) -> bool:
        """Extend a lease still held."""
        with self._write() as connection:
            result = connection.execute(
                sa.update(LEASES)
                .where(
                    LEASES.c.name == fence.lease,
                    LEASES.c.owner == fence.owner,
                    LEASES.c.fence == fence.number,
                    LEASES.c.expires_at > now.timestamp(),
                )
                .values(expires_at=until.timestamp())
            )
            return result.rowcount == 1

    def close(self) -> None:
        """Release connections."""
        self._engine.dispose()

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        """A connection; a database that is away is said in our own words."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except (OperationalError, InterfaceError) as error:
            raise StoreUnavailable(
                f"the database did not answer: {error.orig}",
                hint="podyard goes on by itself when it is back; nothing is lost",
            ) from error

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with self._connected() as connection:
            if self._engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            with connection.begin() if not connection.in_transaction() else _committing(connection):
                yield connection

    def _dialect_insert(self) -> Any:
        return sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert

    def _upsert_secret(
        self, connection: sa.Connection, owner: str, name: str, sealed: bytes
    ) -> None:
        statement = self._dialect_insert()(SECRETS).values(owner=owner, name=name, sealed=sealed)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["owner", "name"], set_={"sealed": sealed}
            )
        )


@contextmanager
def _committing(connection: sa.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _tune_sqlite(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, see `_write`
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_MS}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()


def _create_private_file(database: str | None) -> None:
    """The database holds sealed secrets and key hashes: readable by its owner alone."""
    if database and database != ":memory:":
        path = Path(database)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)


def _check_fence(connection: sa.Connection, fence: Fence, now: datetime) -> None:
    held = connection.execute(
        sa.select(LEASES.c.fence)
        .where(
            LEASES.c.name == fence.lease,
            LEASES.c.owner == fence.owner,
            LEASES.c.fence == fence.number,
            LEASES.c.expires_at > now.timestamp(),
        )
        .with_for_update(read=True)
    ).first()
    if held is None:
        raise FenceLost(f"lease {fence.lease} is no longer held by {fence.owner}")


def _conditions(kind: Kind, equals: dict[str, str | int]) -> list[sa.ColumnElement[bool]]:
    unknown = equals.keys() - kind.columns.keys()
    if unknown:
        valid = ", ".join(sorted(kind.columns))
        raise ValueError(
            f"{kind.table.name} has no column {', '.join(sorted(unknown))}; it has {valid}"
        )
    return [kind.table.c[name] == value for name, value in equals.items()]


def _row(kind: Kind, record: Record, *, version: int) -> dict[str, Any]:
    return {
        "key": kind.key(record),
        "version": version,
        "document": record.model_dump(mode="json"),
        **{name: read(record) for name, read in kind.columns.items()},
    }


def _insert(connection: sa.Connection, record: Record) -> None:
    kind = KINDS[type(record)]
    connection.execute(sa.insert(kind.table).values(_row(kind, record, version=1)))


def _replace(connection: sa.Connection, record: Record) -> None:
    kind = KINDS[type(record)]
    table = kind.table
    version = getattr(record, "version", None)
    condition = table.c.key == kind.key(record)
    if version is not None:
        condition = sa.and_(condition, table.c.version == version)
    result = connection.execute(
        sa.update(table).where(condition).values({**_row(kind, record, version=(version or 0) + 1)})
    )
    if result.rowcount != 1:
        raise StaleWrite(f"{table.name} {kind.key(record)} changed after version {version}")


def _write_labels(connection: sa.Connection, change: Change) -> None:
    """Tags and custom fields as they stand in the records that are written now."""
    stale: dict[str, list[str]] = {}
    for record in (*change.replace, *change.remove):
        kind = KINDS[type(record)]
        if kind.labelled:
            stale.setdefault(kind.table.name, []).append(kind.key(record))
    for name, keys in stale.items():
        for start in range(0, len(keys), PAGE_MAX):
            connection.execute(
                sa.delete(LABELS).where(
                    LABELS.c.kind == name, LABELS.c.key.in_(keys[start : start + PAGE_MAX])
                )
            )
    removed = {id(record) for record in change.remove}
    rows = [
        row
        for record in (*change.insert, *change.replace)
        if KINDS[type(record)].labelled and id(record) not in removed
        for row in _labels(record)
    ]
    if rows:
        connection.execute(sa.insert(LABELS), rows)


def _labels(record: Any) -> Iterator[dict[str, str]]:
    kind = KINDS[type(record)]
    named = [(TAG, tag) for tag in dict.fromkeys(record.tags)]
    named += [
        (f"{CUSTOM}{name}", str(value).lower() if isinstance(value, bool) else str(value))
        for name, value in record.custom.items()
        if value is not None
    ]
    for name, value in named:
        yield {
            "kind": kind.table.name,
            "key": kind.key(record),
            "name": name,
            "value": value[:LABEL_MAX],
        }


def _append(connection: sa.Connection, events: Sequence[Event]) -> None:
    for event in events:
        connection.execute(
            sa.insert(EVENTS).values(
                at=event.at.timestamp(),
                kind=event.kind,
                subject=event.subject,
                document=event.model_dump(mode="json", exclude={"seq"}),
            )
        )


def _record(kind: type[R], row: Any) -> R:
    document = row.document
    if "version" in kind.model_fields:
        document = {**document, "version": row.version}
    return kind.model_validate(document)


def _conflict_message(error: IntegrityError, records: Sequence[Record]) -> str:
    names = ", ".join(
        f"{KINDS[type(r)].table.name} {getattr(r, 'name', KINDS[type(r)].key(r))}" for r in records
    )
    return f"a record with the same key exists already: one of {names} ({error.orig})"
