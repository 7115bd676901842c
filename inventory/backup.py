"""A backup: all records as they stood at one moment, in one file, while the service goes on.

The file is the same whichever database it came from: a SQLite database with our own tables, and a
manifest. So a site that outgrows SQLite restores its backup into PostgreSQL.

Keys are not in it: whoever has both has every BMC password. The manifest holds a secret sealed with
the site's key, so that a restore knows whether the key at hand opens what the file holds.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from inventory.backup_copy import copy_out
from inventory.errors import Conflict, Invalid
from inventory.secrets import SecretBox

CHECK = "backup-check"


class Manifest(BaseModel):
    """What a backup says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    made_at: datetime
    source: str
    """Which database it came from: `sqlite` or `postgresql`."""
    revision: str
    last_event: int
    rows: dict[str, int]
    digests: dict[str, str]
    """sha256 of each table's rows."""
    sealed_check: str
    """A secret sealed with the site's key, in hexadecimal."""


def back_up(url: str, file: Path, *, box: SecretBox, now: datetime) -> Manifest:
    """Write a backup, or leave nothing. Conflict when the file is there already."""
    if file.exists():
        raise Conflict(f"{file} exists already", hint="name another file: no backup is overwritten")
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        source = copy_out(url, fresh)
        manifest = _describe(fresh, box=box, now=now, source=source)
        _flush(fresh)
        os.link(fresh, file)  # fails when somebody else made it meanwhile
    except FileExistsError as error:
        raise Conflict(f"{file} exists already", hint="name another file") from error
    finally:
        for left in _with_side_files(fresh):
            left.unlink(missing_ok=True)
    _flush(file.parent)
    return manifest


def inspect(file: Path) -> Manifest:
    """The manifest of a backup whose every table is as it was written, or Invalid."""
    if not file.is_file():
        raise Invalid(f"there is no backup {file}", hint="podyard backup FILE makes one")
    try:
        with _opened(file) as connection:
            manifest = _read_manifest(connection)
            (sound,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if sound != "ok":
                raise Invalid(f"the backup {file} is damaged: {sound}", hint=DAMAGED)
            for table, digest in manifest.digests.items():
                count, found = _digest(connection, table)
                if found != digest or count != manifest.rows[table]:
                    raise Invalid(f"the backup {file} is damaged: table {table}", hint=DAMAGED)
    except (sqlite3.DatabaseError, ValidationError, ValueError) as error:
        raise Invalid(f"{file} is no backup, or it is damaged: {error}", hint=DAMAGED) from error
    return manifest


DAMAGED = "take an older backup; podyard backup FILE makes a new one of the records at hand"


def opens(manifest: Manifest, box: SecretBox) -> None:
    """SecretRefused when the key is not the one of the site that the backup is of."""
    box.unseal(CHECK, CHECK, bytes.fromhex(manifest.sealed_check))


def _describe(file: Path, *, box: SecretBox, now: datetime, source: str) -> Manifest:
    with _opened(file, writing=True) as connection:
        names = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith("sqlite_")
        ]
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        (last_event,) = connection.execute("SELECT max(seq) FROM events").fetchone()
        read = {name: _digest(connection, name) for name in sorted(names)}
        manifest = Manifest(
            made_at=now,
            source=source,
            revision=revision,
            last_event=last_event or 0,
            rows={name: count for name, (count, _) in read.items()},
            digests={name: digest for name, (_, digest) in read.items()},
            sealed_check=box.seal(CHECK, CHECK, SecretStr(secrets.token_hex(16))).hex(),
        )
        connection.execute("CREATE TABLE backup_manifest (manifest TEXT NOT NULL)")
        connection.execute("INSERT INTO backup_manifest VALUES (?)", (manifest.model_dump_json(),))
        connection.commit()
        connection.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
    return manifest


def _read_manifest(connection: sqlite3.Connection) -> Manifest:
    (text,) = connection.execute("SELECT manifest FROM backup_manifest").fetchone() or ("",)
    return Manifest.model_validate_json(text)


def _digest(connection: sqlite3.Connection, table: str) -> tuple[int, str]:
    """How many rows a table has, and a digest of all of them."""
    known = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if table not in known:
        raise ValueError(f"table {table} is missing")
    digest, count = hashlib.sha256(), 0
    for row in connection.execute(f'SELECT * FROM "{table}" ORDER BY rowid'):  # noqa: S608 - a name that is in the schema
        plain = [value.hex() if isinstance(value, bytes) else value for value in row]
        digest.update(json.dumps(plain, separators=(",", ":")).encode())
        count += 1
    return count, digest.hexdigest()


@contextmanager
def _opened(file: Path, *, writing: bool = False) -> Iterator[sqlite3.Connection]:
    mode = "rw" if writing else "ro"
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode={mode}", uri=True)) as connection:
        yield connection


def _with_side_files(file: Path) -> tuple[Path, ...]:
    return (file, *(file.with_name(f"{file.name}-{end}") for end in ("wal", "shm", "journal")))


def _flush(path: Path) -> None:
    """To the disk itself: a backup that a power cut takes with it is none."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
