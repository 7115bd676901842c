"""Restore: the records of a backup instead of those at hand, whole or not at all.

What cannot be right is refused before anything is touched: a damaged file, one of a newer podyard,
a key that does not open its secrets, records that would be overwritten without being told to, a
service that works on them. An older backup is brought to this podyard's schema on the way.

Nobody stays signed in: a session that was ended since the backup must not be open again. Nor does a
key that was revoked since let anybody in, as far as the records at hand can still be read.

Event numbers go on far beyond any that the lost records can have had: whoever follows events by
number would otherwise skip the ones that come first.
"""

from __future__ import annotations

import math
import os
import secrets
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from inventory.backup import Manifest, inspect, opens
from inventory.backup_copy import copy_tables
from inventory.backup_keys import Revocations, revoke_again, revoked_in
from inventory.errors import Conflict, StoreUnavailable
from inventory.model import Event
from inventory.restored import CONFIRM, NOTE
from inventory.secrets import SecretBox
from inventory.statedir import StateDirectory
from inventory.store.engine import WRITES, answering, make_engine
from inventory.store.migrate import upgrade
from inventory.store.rows import append
from inventory.store.schema import metadata
from inventory.store.tables import EVENTS, KINDS, LEASES, NOTES
from inventory.users import Session

DATABASE = "podyard.db"
EVENTS_SKIPPED = 1_000_000
"""More events than a site writes between two backups: 10 a second for a day are 864,000."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What is in place now."""

    manifest: Manifest
    revoked: tuple[str, ...]
    """Keys that the backup would have let in again."""
    forgot_revocations: bool
    """Whether the records that were replaced could not be asked which keys were revoked."""


def restore(
    file: Path,
    state: StateDirectory,
    *,
    database: str = "",
    force: bool = False,
    now: datetime,
    actor: str,
) -> Restored:
    """Put a backup's records in place; the controllers then only watch until a person confirms."""
    manifest = inspect(file)
    opens(manifest, SecretBox.existing(state.secret_key))
    lock = state.lock()
    try:
        return _restore(file, manifest, state, database=database, force=force, now=now, actor=actor)
    finally:
        os.close(lock)


def _restore(
    file: Path,
    manifest: Manifest,
    state: StateDirectory,
    *,
    database: str,
    force: bool,
    now: datetime,
    actor: str,
) -> Restored:
    revoked = _revoked(database, state.path / DATABASE)
    fresh = state.path / f".restoring-{secrets.token_hex(4)}.db"
    event = Event(
        at=now,
        actor=actor,
        kind="records.restored",
        subject="site:records",
        new=manifest.made_at.isoformat(),
        why=f"watching only, until `{CONFIRM}`",
    )
    try:
        shutil.copyfile(file, fresh)
        fresh.chmod(0o600)
        again = _prepare(fresh, manifest, event, revoked or {})
        if database:
            _into_server(fresh, database, force=force, now=now)
        else:
            _into_place(fresh, state.path / DATABASE, force=force)
    finally:
        for path in (fresh, *_beside(fresh)):
            path.unlink(missing_ok=True)
    return Restored(manifest, again, forgot_revocations=revoked is None)


def _revoked(server: str, file: Path) -> Revocations | None:
    """What the records at hand say; nobody changes them now, for a service would hold the lock."""
    if not server and not file.exists():
        return {}
    engine = make_engine(server or f"sqlite:///{file}")
    try:
        return revoked_in(engine)
    finally:
        engine.dispose()


def _prepare(
    fresh: Path, manifest: Manifest, event: Event, revoked: Revocations
) -> tuple[str, ...]:
    """Bring the copy to this podyard's schema, and let it say that it was restored."""
    with closing(sqlite3.connect(fresh)) as connection:
        connection.execute("DROP TABLE backup_manifest")
        connection.commit()
    engine = make_engine(f"sqlite:///{fresh}")
    try:
        upgrade(engine)
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            connection.execute(sa.delete(NOTES).where(NOTES.c.name == NOTE))
            made = {"name": NOTE, "value": manifest.made_at.isoformat()}
            connection.execute(sa.insert(NOTES), made)
            # One that was ended since the backup would be open again, and nothing says which.
            connection.execute(sa.delete(KINDS[Session].table))
            again = revoke_again(connection, revoked, now=event.at)
            if again:
                why = f"{event.why}; revoked since, and still: {', '.join(again)}"
                event = event.model_copy(update={"why": why})
            append(connection, (event,))
            last = sa.select(sa.func.max(EVENTS.c.seq)).scalar_subquery()
            connection.execute(
                sa.update(EVENTS)
                .where(EVENTS.c.seq == last)
                .values(seq=manifest.last_event + EVENTS_SKIPPED)
            )
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        engine.dispose()
    return again


def _into_place(fresh: Path, database: Path, *, force: bool) -> None:
    """One rename puts the new file in place; what was there stays beside it as `.replaced`."""
    if database.exists():
        held = _holds_records(database)
        if held and not force:
            raise _would_overwrite(str(database))
        kept = database.with_name(f"{database.name}.replaced")
        kept.unlink(missing_ok=True)
        os.link(database, kept)
    for path in _beside(database):
        path.unlink(missing_ok=True)  # `_holds_records` and the service's end emptied them
    fresh.replace(database)
    descriptor = os.open(database.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _holds_records(database: Path) -> bool:
    """Whether a file holds anything that would be missed; a file that cannot be read may."""
    try:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
            if ("events",) not in tables.fetchall():
                return False
            return connection.execute("SELECT 1 FROM events LIMIT 1").fetchone() is not None
    except sqlite3.DatabaseError:
        return True


def _into_server(fresh: Path, url: str, *, force: bool, now: datetime) -> None:
    """One transaction empties PostgreSQL's tables and fills them again."""
    target = make_engine(url)
    source = make_engine(f"sqlite:///{fresh}")
    try:
        with answering(target):
            upgrade(target)
            with source.connect() as reading, target.begin() as writing:
                writing.exec_driver_sql("SET LOCAL statement_timeout = 0")
                _refuse_a_worker(writing, now)
                if not force and writing.execute(sa.select(EVENTS.c.seq).limit(1)).first():
                    raise _would_overwrite("the database")
                for table in metadata.sorted_tables:
                    writing.execute(sa.delete(table))
                copy_tables(reading, writing, known=True)
                writing.exec_driver_sql(
                    "SELECT setval(pg_get_serial_sequence('events', 'seq'), max(seq)) FROM events"
                )
    except DatabaseError as error:
        raise StoreUnavailable(f"the records could not be written: {error.orig}") from error
    finally:
        source.dispose()
        target.dispose()


def _refuse_a_worker(connection: sa.Connection, now: datetime) -> None:
    """Conflict while a service holds a lease; none can take one until the restore is done."""
    connection.exec_driver_sql("LOCK TABLE leases IN ACCESS EXCLUSIVE MODE")
    last = connection.execute(
        sa.select(LEASES.c.name, LEASES.c.owner, LEASES.c.expires_at)
        .where(LEASES.c.expires_at > now.timestamp())
        .order_by(LEASES.c.expires_at.desc())
        .limit(1)
    ).first()
    if last is None:
        return
    until = datetime.fromtimestamp(last.expires_at, UTC)
    left_s = math.ceil((until - now).total_seconds())
    raise Conflict(
        f"{last.owner} works on these records: it holds the lease {last.name} "
        f"until {until:%H:%M:%S} UTC",
        hint="stop every podyard service of this database; "
        f"if none runs, try again in {left_s} s, when the last lease has ended",
    )


def _would_overwrite(what: str) -> Conflict:
    return Conflict(
        f"{what} holds records, which a restore replaces",
        hint="back them up first, then podyard restore FILE --force",
    )


def _beside(database: Path) -> tuple[Path, ...]:
    return tuple(database.with_name(f"{database.name}-{end}") for end in ("wal", "shm", "journal"))
