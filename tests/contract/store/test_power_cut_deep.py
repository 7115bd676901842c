"""The plug is pulled in worse moments: in the middle of a checkpoint, on PostgreSQL, by `kill -9`.

What the disk had not been told to keep is lost here on purpose: whatever a call returned from must
be there all the same. Many seeds; each says in its message which it was.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.errors import StoreUnavailable
from inventory.model import Intent
from inventory.store.protocol import Change
from inventory.store.reading import every
from inventory.store.sql import SqlStore
from tests.contract.store import postgres
from tests.unit.inventory.records import NOW, make_intent

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

INTENTS = 40
SQLITE_CUTS = 50
POSTGRES_CUTS = 3
KILLS = 6
SEGMENT_BYTES = 16 * 1024 * 1024
PAGE_BYTES = 4096


def write(store: SqlStore, number: int) -> str:
    """One intent; its id when the call has returned."""
    intent = make_intent(number)
    store.apply(Change(insert=(intent,)), now=NOW)
    return intent.id


def sound(path: Path) -> set[str]:
    """Which intents a SQLite file holds, once it is found whole and can be written."""
    store = SqlStore.open(f"sqlite:///{path}")
    try:
        found = {intent.id for intent in every(store, Intent)}
        write(store, 10_000)
    finally:
        store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return found


def test_sqlite_keeps_all_of_a_log_cut_anywhere(sqlite_template: Path, tmp_path: Path) -> None:
    path = tmp_path / "podyard.db"
    shutil.copy(sqlite_template, path)
    store, log = SqlStore.open(f"sqlite:///{path}"), path.with_name("podyard.db-wal")
    told = [(write(store, number), log.stat().st_size) for number in range(INTENTS)]
    whole = log.read_bytes()
    for seed in range(SQLITE_CUTS):
        rng = random.Random(seed)
        last = rng.randrange(INTENTS)
        ends = told[last + 1][1] if last + 1 < INTENTS else len(whole) + 1
        cut_at = rng.randrange(told[last][1], ends)
        after = tmp_path / f"after-{seed}" / "podyard.db"
        after.parent.mkdir()
        shutil.copy(path, after)
        torn = rng.randbytes(rng.choice([0, 512, PAGE_BYTES]))
        after.with_name("podyard.db-wal").write_bytes(whole[:cut_at] + torn)
        assert sound(after) >= {name for name, _ in told[: last + 1]}, f"seed {seed}"
        shutil.rmtree(after.parent)
    store.close()


def test_sqlite_keeps_all_when_a_checkpoint_is_cut(sqlite_template: Path, tmp_path: Path) -> None:
    """Some pages have reached the file, some not, some by half; the log is emptied only later."""
    path = tmp_path / "podyard.db"
    shutil.copy(sqlite_template, path)
    before = path.read_bytes()
    store = SqlStore.open(f"sqlite:///{path}")
    promised = {write(store, number) for number in range(INTENTS)}
    log = path.with_name("podyard.db-wal").read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(FULL)")
    done = path.read_bytes()
    store.close()
    assert done != before
    for seed in range(SQLITE_CUTS):
        rng = random.Random(seed)
        mixed = bytearray(before.ljust(len(done), b"\0"))
        for start in range(0, len(done), PAGE_BYTES):
            there = rng.choice([0, 0, 1, 512, 2048, PAGE_BYTES])
            mixed[start : start + there] = done[start : start + there]
        after = tmp_path / f"after-{seed}" / "podyard.db"
        after.parent.mkdir()
        after.write_bytes(bytes(mixed[: rng.choice([len(before), len(done)])]))
        after.with_name("podyard.db-wal").write_bytes(log)
        assert sound(after) >= promised, f"seed {seed}"
        shutil.rmtree(after.parent)


@pytest.fixture
def own_sockets() -> Iterator[Path]:
    """A server that may be killed."""
    if reason := postgres.may_start():
        pytest.skip(reason)
    with postgres.server() as sockets:
        postgres.create_database(sockets, "podyard")
        SqlStore.open(postgres.url_of(sockets, "podyard")).close()
        yield sockets


def kill(sockets: Path) -> None:
    """SIGKILL for the server and everything that it started."""
    server = int((sockets.parent / "data" / "postmaster.pid").read_text().split()[0])
    children = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(status.read_text().rpartition(")")[2].split()[1]) == server:
                children.append(int(status.parent.name))
    for process in (server, *children):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    while Path(f"/proc/{server}/stat").exists() and not _is_dead(server):
        time.sleep(0.05)


def _is_dead(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def start_again(sockets: Path) -> None:
    """As soon as what the killed one shared is let go of."""
    for _ in range(20):
        try:
            postgres.start(sockets)
        except RuntimeError:
            time.sleep(0.5)
            continue
        return
    raise AssertionError((sockets.parent / "server.log").read_text()[-2000:])


@pytest.mark.postgres
def test_postgresql_killed_while_it_is_written_to_keeps_all_it_said_was_there(
    own_sockets: Path,
) -> None:
    url, promised, number = postgres.url_of(own_sockets, "podyard"), set[str](), 0
    for seed in range(KILLS):
        rng, over = random.Random(seed), threading.Event()
        store = SqlStore.open(url)
        writers = [
            threading.Thread(target=_write_on, args=(store, first, promised, over))
            for first in (number, number + 100_000, number + 200_000)
        ]
        for writer in writers:
            writer.start()
        time.sleep(0.3 + rng.random())
        kill(own_sockets)
        over.set()
        for writer in writers:
            writer.join(120)
        store.close()
        start_again(own_sockets)
        again = SqlStore.open(url)
        found = {intent.id for intent in every(again, Intent)}
        assert found >= promised, f"seed {seed}: {len(promised - found)} are gone"
        again.close()
        number += 1_000_000
    print(f"{KILLS} kills, {len(promised)} intents acknowledged, none lost")  # noqa: T201
    assert len(promised) > KILLS


@pytest.mark.postgres
def test_a_postgresql_log_cut_anywhere_keeps_all_it_said_was_there(own_sockets: Path) -> None:
    url = postgres.url_of(own_sockets, "podyard")
    store, engine = SqlStore.open(url), sa.create_engine(url)
    told: list[tuple[str, int]] = []
    with engine.connect() as connection:
        for number in range(INTENTS):
            name = write(store, number)
            said = connection.exec_driver_sql("SELECT pg_current_wal_flush_lsn()").scalar_one()
            high, low = (int(part, 16) for part in str(said).split("/"))
            told.append((name, (high << 32) + low))
    engine.dispose()
    store.close()
    kill(own_sockets)
    for seed in range(POSTGRES_CUTS):
        rng = random.Random(seed)
        last = rng.randrange(INTENTS)
        ends = told[last + 1][1] if last + 1 < INTENTS else told[last][1] + PAGE_BYTES
        cut_at = rng.randrange(told[last][1], max(ends, told[last][1] + 1))
        with tempfile.TemporaryDirectory(prefix="podyard-pg-", ignore_cleanup_errors=True) as made:
            folder = Path(made)
            _copy(own_sockets.parent / "data", folder / "data")
            (folder / "sockets").mkdir(mode=0o700)
            shutil.chown(folder, "postgres", "postgres")
            shutil.chown(folder / "sockets", "postgres", "postgres")
            _cut(folder / "data" / "pg_wal", cut_at, rng)
            (folder / "data" / "postmaster.pid").unlink()
            start_again(folder / "sockets")
            try:
                again = SqlStore.open(postgres.url_of(folder / "sockets", "podyard"))
                found = {intent.id for intent in every(again, Intent)}
                again.close()
            finally:
                postgres.stop(folder / "sockets")
            promised = {name for name, _ in told[: last + 1]}
            assert found >= promised, f"seed {seed}"
    start_again(own_sockets)


def _write_on(store: SqlStore, at: int, promised: set[str], over: threading.Event) -> None:
    """Intent after intent until the database is gone."""
    while not over.is_set():
        try:
            promised.add(write(store, at))
        except StoreUnavailable:
            return
        at += 1


def _copy(data: Path, target: Path) -> None:
    """With its owners, which PostgreSQL insists on."""
    shutil.copytree(data, target, ignore_dangling_symlinks=True, ignore=_gone)
    for path in (target, *target.rglob("*")):
        shutil.chown(path, "postgres", "postgres")


def _gone(_folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name.startswith(".s.")}


def _cut(log: Path, at: int, rng: random.Random) -> None:
    """Nothing of the log beyond a byte has reached the disk: zeros, or what lay there before."""
    first = at // SEGMENT_BYTES
    for segment in sorted(log.glob("0" * 8 + "?" * 16)):
        number = (int(segment.name[8:16], 16) << 8) + int(segment.name[16:24], 16)
        content = bytearray(segment.read_bytes())
        begin = 0 if number > first else at % SEGMENT_BYTES if number == first else len(content)
        lost = len(content) - begin
        rest = rng.randbytes(min(lost, PAGE_BYTES)) if rng.random() < 0.5 else b""
        content[begin:] = rest.ljust(lost, b"\0")
        segment.write_bytes(bytes(content))
        shutil.chown(segment, "postgres", "postgres")
