"""A backup every ten seconds of a site at work, and any of them put back: whole, and only watching.

The service is real, brings up a simulated pod meanwhile, and is written to through its API as fast
as two clients can. What the API acknowledged before a backup began must be in it, and a list that
was written whole must be there whole.

Every host has firmware to be written. The records that are put back are of the middle of that: by
them a host is to be written, booted and configured that is long beyond it, and others wait to be
written. The hall's own journal says that nothing of it is done until a person confirms, and that
all of it is done then, once.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import threading
import time
from collections import Counter
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
from inventory.states import HostState
from inventory.store.reading import every
from inventory.store.sql import SqlStore
from inventory.users import Session
from tests.bed import PODYARD, ROOT, Bed, bed, is_parked
from tests.contract.store import postgres

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(1800)]

EVERY_S, FOR_S = 10.0, 120.0
TOGETHER = 20
"""Racks in one request: all or none."""
WATCHED_S = 30.0
HOSTS = ("h1", "h2", "h3", "h4")
SPEED = 0.2
"""A host is written for 20 s, so some are not yet when the last backup is made."""
BROUGHT_UP_WITHIN_S = 900
LEASES_END_WITHIN_S = 60
"""PostgreSQL's: a killed service gives none back, and a person who restores waits for the last."""
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
    with bed(*(f"old-firmware@{host}" for host in HOSTS), speed=SPEED) as one:
        one.start_hall()
        one.start_service()
        one.login()
        one.apply_pod()
        one.approve(one.plan()["digest"])
        taken, writes = backups(one, url, tmp_path)
        one.kill_service()
        assert len(written(one)) < len(HOSTS), "no host is left to be written"
        stood = [
            comes_back_whole(backup, number, one, sockets, tmp_path)
            for number, backup in enumerate(taken)
        ]
        tell(taken, writes)
        middle = [n for n, states in enumerate(stood) if HostState.PREPARING in states]
        assert middle, f"no backup is of hosts that are being written: {stood}"
        only_watches(one, taken[middle[-1]], url)
        goes_on(one)


def tell(taken: list[Taken], writes: int) -> None:
    """The figures; one that takes longer than ten seconds makes the next one late."""
    took = [backup.took_s for backup in taken]
    print(  # noqa: T201
        f"{writes} lists of {TOGETHER} acknowledged; {len(taken)} backups, "
        f"{min(took):.1f} to {max(took):.1f} s, {taken[-1].file.stat().st_size} bytes the last"
    )
    assert len(taken) * EVERY_S >= FOR_S / 2, "most were late: the machine, or the backups"


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
        while time.monotonic() - began < FOR_S:
            turn = len(taken)
            time.sleep(EVERY_S - (time.monotonic() - began) % EVERY_S)
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
) -> list[HostState]:
    """Into a directory and a database of its own; where the hosts stood."""
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
        hosts = every(store, Host)  # each document is read
        assert len(hosts) == len(HOSTS)
        found: dict[int, int] = {}
        racks = [rack for rack in every(store, Rack) if rack.name.startswith("load-")]
        for rack in racks:
            request = int(rack.name.split("-")[1])
            found[request] = found.get(request, 0) + 1
        assert set(found.values()) <= {TOGETHER}, "half of a list"
        assert backup.promised <= found.keys(), "acknowledged, and not in the backup"
        logged = {c.key for c in every(store, ObjectChange, action="create") if c.kind == "rack"}
        assert {rack.id for rack in racks} <= logged, "a rack without its history"
        return [host.state for host in hosts]


def acts(one: Bed) -> list[dict[str, Any]]:
    """What somebody did to hosts, as the hall tells it."""
    return [dict(e) for e in one.journal if str(e["what"]).startswith(ACTS)]


def written(one: Bed) -> Counter[str]:
    """How often each host's firmware was begun to be written."""
    return Counter(str(e["host"]) for e in one.journal if e["what"] == "firmware.update.start")


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

    began = time.monotonic()
    one.wait(LEASES_END_WITHIN_S, put_back)
    print(f"put back after {time.monotonic() - began:.1f} s")  # noqa: T201
    time.sleep(5)  # what the killed service began last is begun by now
    before = acts(one)
    one.start_service()
    time.sleep(WATCHED_S)
    assert acts(one) == before, "hardware was moved on old records"
    told = "podyard restore --confirm"
    one.wait(60, lambda: told in str([host["waiting"] for host in one.hosts().values()]))


def goes_on(one: Bed) -> None:
    """A person says so, and the bring-up ends: what was written is not written again."""
    before = acts(one)
    subprocess.run(
        [*PODYARD, "restore", "--confirm", "--state", str(one.directory / "service")],
        check=True, capture_output=True, cwd=ROOT,
    )  # fmt: skip
    one.wait(120, lambda: len(acts(one)) > len(before))
    one.wait(BROUGHT_UP_WITHIN_S, one.settled)
    hosts = one.hosts()
    assert not [host["problem"] for host in hosts.values() if is_parked(host)]
    assert written(one) == dict.fromkeys(hosts, 1)
