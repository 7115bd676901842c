"""The database is gone for a minute, the disk is full: the service stays, nothing fails for it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from inventory.model import Event, Host
from inventory.store.sql import SqlStore
from tests.contract.store import postgres
from tests.integration.crashes.yard import Yard, yard

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

HASTY = {"PODYARD_PROVISIONING_LEASE_S": "4"}
FULL_MIB = 24


def seen(one: Yard, what: str) -> bool:
    return any(entry["what"] == what for entry in one.journal)


def times(one: Yard, what: str) -> int:
    return sum(entry["what"] == what for entry in one.journal)


ORDERED = {
    "power.on",
    "power.off",
    "firmware.update.start",
    "media.insert",
    "media.eject",
    "boot.override",
}


def acts(one: Yard) -> int:
    """What hardware did because a controller asked for it."""
    return sum(entry["what"] in ORDERED for entry in one.journal)


def events_of(url: str) -> list[Event]:
    store = SqlStore.open(url)
    found: list[Event] = []
    while page := store.events(after=found[-1].seq if found else 0):
        found += page
    store.close()
    return found


def blamed(url: str) -> dict[str, Any]:
    """Hosts with a problem, and those that were ever parked."""
    store = SqlStore.open(url)
    problems: dict[str, Any] = {
        host.name: host.problem for host in store.find(Host) if host.problem is not None
    }
    store.close()
    return problems | {e.subject: e for e in events_of(url) if e.kind == "host.parked"}


def away(one: Yard, sockets: Path, away_s: float) -> None:
    """The database is killed in the middle of a flash, and back after a while."""
    one.wait(120, lambda: seen(one, "firmware.update.start"))
    postgres.stop(sockets)
    began = time.monotonic()
    try:
        reply = one.call("GET", "/api/hosts")
        assert reply.status_code == 503
        assert int(reply.headers["Retry-After"]) > 0
        time.sleep(away_s * 0.75)
        quiet = acts(one)
        assert one.call("GET", "/api/hosts").status_code == 503
        time.sleep(max(0.0, began + away_s - time.monotonic()))
        assert acts(one) == quiet, "a controller without a lease does nothing"
    finally:
        postgres.start(sockets)


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("lease", "away_s"),
    [(HASTY, 8.0), pytest.param({}, 60.0, marks=pytest.mark.long)],
    ids=["two-leases", "a-minute"],
)
def test_a_database_gone_for_longer_than_a_lease_fails_nobody(
    sockets: Path, lease: dict[str, str], away_s: float
) -> None:
    url = postgres.url_of(sockets, "podyard")
    with yard() as one:
        one.environment |= lease
        one.start_hall("lab-4", "old-firmware@r1-h2", speed=4.0)
        service = one.start("c1", database=url)
        one.login()
        one.apply_pod("lab-4")
        plan = one.bring_up(within_s=120)
        away(one, sockets, away_s)
        one.wait(300, one.settled, every_s=0.5)
        one.judge(plan)
        assert service.deaths == [], "the service lived through it"
        assert blamed(url) == {}


def test_a_clock_that_is_set_in_the_middle_of_a_flash_fails_nobody() -> None:
    """An hour forwards in the first flash, and an hour back in the last."""
    old = ("r1-h2", "r1-h3", "r1-h4")
    with yard() as one:
        one.start_hall("lab-4", *(f"old-firmware@{host}" for host in old), speed=4.0)
        service = one.start("c1")
        one.login()
        one.apply_pod("lab-4")
        plan = one.bring_up(within_s=120)
        log = one.directory / "c1.log"
        for flashes, hours in ((1, 1), (len(old), -1)):
            one.wait(120, lambda n=flashes: times(one, "firmware.update.start") >= n)
            (service.state / "clock").write_text(str(hours * 3600.0))
            os.kill(int(service.lines[-1]["pid"]), signal.SIGUSR2)
            one.wait(60, lambda: "the machine's clock was set" in log.read_text())
        one.wait(300, one.settled, every_s=0.5)
        one.judge(plan)
        assert blamed(f"sqlite:///{service.state / 'podyard.db'}") == {}


@contextmanager
def small_disk(at: Path) -> Iterator[None]:
    """A file system of a few megabytes, where the test may mount one."""
    at.mkdir(exist_ok=True, mode=0o700)
    size = f"size={FULL_MIB}m,mode=700"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(at)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def fill(disk: Path) -> Path:
    """Leave not one page free."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 4096)
    return ballast


@pytest.mark.skipif(shutil.which("mount") is None, reason="no mount here")
def test_a_full_disk_is_waited_for_and_fails_nobody() -> None:
    with yard() as one, small_disk(one.directory / "c1"):
        one.start_hall("lab-4", "old-firmware@r1-h2", speed=4.0)
        service = one.start("c1")
        one.login()
        one.apply_pod("lab-4")
        plan = one.bring_up(within_s=120)
        one.wait(120, lambda: seen(one, "firmware.update.start"))
        ballast = fill(one.directory / "c1")
        body = {"name": "acme"}
        one.wait(60, lambda: one.call("POST", "/api/tenants", body).status_code == 503)
        quiet = acts(one)
        time.sleep(6.0)
        assert acts(one) - quiet <= 1, "what cannot be written down is not done"
        assert os.statvfs(one.directory / "c1").f_bavail == 0
        ballast.unlink()
        one.wait(300, one.settled, every_s=0.5)
        one.judge(plan)
        assert service.deaths == []
        assert blamed(f"sqlite:///{one.directory / 'c1' / 'podyard.db'}") == {}
