"""A backup every ten seconds of a site at work, and any of them put back: whole, and only watching.

The service is real, brings up a simulated pod meanwhile, and is written to through its API as fast
as two clients can. What the API acknowledged before a backup began must be in it, and a list that
was written whole must be there whole. The hall's own journal says that restored records move
nothing.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from inventory.backup import Manifest, back_up
from inventory.backup_restore import restore
from inventory.changes import ObjectChange
from inventory.clock import SystemClock
from inventory.errors import Conflict
from inventory.model import Host
from inventory.places import Rack
from inventory.restored import watching_only
from inventory.secrets import SecretBox
from inventory.statedir import StateDirectory
from inventory.store.reading import every
from inventory.store.sql import SqlStore
from inventory.users import Session
from tests.bed import Bed, bed
from tests.contract.store import postgres

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(1800)]

EVERY_S, FOR_S = 10.0, 120.0
TOGETHER = 20
"""Racks in one request: all or none."""
WATCHED_S = 30.0
ACTS = ("power.o", "firmware.update.start", "boot.override", "media.", "bios.")
"""How the journal begins what somebody does to a host; the rest is what hosts do by themselves."""


@dataclass
class Load:
    """Clients that write, and what they were told is done."""

    bed: Bed
    acknowledged: list[tuple[float, int]] = field(default_factory=list)
    """When, and which request."""
    over: threading.Event = field(default_factory=threading.Event)

    def write(self, first: int) -> None:
        """One client: list after list."""
        number = first
        while not self.over.is_set():
            racks = [{"name": f"load-{number}-{n}", "site": "here"} for n in range(TOGETHER)]
            try:
                reply = self.bed.call("POST", "/api/racks", racks)
            except httpx.TransportError:
                continue  # asked again under another number: this one may or may not be done
            finally:
                number += 1
            if reply.status_code == httpx.codes.CREATED:
                self.acknowledged.append((time.monotonic(), number - 1))

    def before(self, moment: float) -> set[int]:
        """The requests that were acknowledged by then."""
        return {number for at, number in self.acknowledged if at < moment}


@dataclass(frozen=True)
class Taken:
    """One backup."""

    file: Path
    manifest: Manifest
    promised: set[int]
    took_s: float


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def sockets(request: pytest.FixtureRequest) -> Iterator[Path | None]:
    """Where PostgreSQL listens; None: SQLite."""
    if request.param == "sqlite":
        yield None
        return
    if reason := postgres.may_start():
        pytest.skip(reason)
    with postgres.server() as folder:
        postgres.create_database(folder, "podyard")
        yield folder


def test_any_backup_of_a_busy_site_is_whole_and_only_watches(
    sockets: Path | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.url_of(sockets, "podyard") if sockets else ""
    if url:
        monkeypatch.setenv("PODYARD_DATABASE", url)
    with bed("old-firmware@h2", speed=0.3) as one:
        one.start_hall()
        one.start_service()
        one.login()
        one.apply_pod()
        one.approve(one.plan()["digest"])
        taken, writes = backups(one, url, tmp_path)
        one.kill_service()
        for number, backup in enumerate(taken):
            comes_back_whole(backup, number, one, sockets, tmp_path)
        told = [f"{backup.took_s:.1f}" for backup in taken]
        print(f"{writes} lists of {TOGETHER} acknowledged; {len(taken)} backups: {told} s")  # noqa: T201
        only_watches(one, taken[0], url)  # of the middle of the bring-up: there is much to do


def backups(one: Bed, url: str, folder: Path) -> tuple[list[Taken], int]:
    """One every ten seconds for two minutes, while two clients write."""
    state = StateDirectory(one.directory / "service")
    load = Load(one)
    clients = [threading.Thread(target=load.write, args=(n * 1_000_000,)) for n in (1, 2)]
    for client in clients:
        client.start()
    taken: list[Taken] = []
    try:
        began = time.monotonic()
        for turn in range(int(FOR_S / EVERY_S)):
            time.sleep(max(0.0, began + (turn + 1) * EVERY_S - time.monotonic()))
            at, promised = time.monotonic(), load.before(time.monotonic())
            manifest = back_up(
                url or state.database_url,
                folder / f"{turn}.db",
                box=SecretBox.existing(state.secret_key),
                now=SystemClock().now(),
            )
            taken.append(Taken(folder / f"{turn}.db", manifest, promised, time.monotonic() - at))
    finally:
        load.over.set()
        for client in clients:
            client.join(60)
    assert len(load.acknowledged) > len(taken), "there was hardly any load"
    return taken, len(load.acknowledged)


def comes_back_whole(
    backup: Taken, number: int, one: Bed, sockets: Path | None, folder: Path
) -> None:
    """Into a directory and a database of its own."""
    state = StateDirectory(folder / f"state-{number}")
    shutil.copytree(one.directory / "service" / "keys", state.path / "keys")
    database = ""
    if sockets:
        postgres.create_database(sockets, f"back{number}")
        database = postgres.url_of(sockets, f"back{number}")
    restore(backup.file, state, database=database, now=SystemClock().now(), actor="test")
    if not database:
        with closing(sqlite3.connect(state.path / "podyard.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with closing(SqlStore.open(database or state.database_url)) as store:
        assert watching_only(store)
        assert store.count(Session) == 0
        assert len(every(store, Host)) == 4  # each document is read
        found: dict[int, int] = {}
        racks = [rack for rack in every(store, Rack) if rack.name.startswith("load-")]
        for rack in racks:
            request = int(rack.name.split("-")[1])
            found[request] = found.get(request, 0) + 1
        assert set(found.values()) <= {TOGETHER}, "half of a list"
        assert backup.promised <= found.keys(), "acknowledged, and not in the backup"
        logged = {c.key for c in every(store, ObjectChange, action="create") if c.kind == "rack"}
        assert {rack.id for rack in racks} <= logged, "a rack without its history"


def acts(one: Bed) -> list[dict[str, Any]]:
    """What somebody did to hosts, as the hall tells it."""
    return [dict(e) for e in one.journal if str(e["what"]).startswith(ACTS)]


def only_watches(one: Bed, backup: Taken, url: str) -> None:
    """In place of what the service had: it reads, and moves nothing until a person says so."""
    state = StateDirectory(one.directory / "service")

    def put_back() -> bool:
        try:
            restore(
                backup.file, state, database=url, force=True, now=SystemClock().now(), actor="ann"
            )
        except Conflict:  # the lease of the killed one runs out
            return False
        return True

    one.wait(60, put_back)
    time.sleep(5)  # what the killed service began last is begun by now
    before = acts(one)
    one.start_service()
    time.sleep(WATCHED_S)
    assert acts(one) == before, "hardware was moved on old records"
    told = "podyard restore --confirm"
    one.wait(60, lambda: told in str([host["waiting"] for host in one.hosts().values()]))
