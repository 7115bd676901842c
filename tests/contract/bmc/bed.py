"""A running bed: where it listens, what is known about its host, its own record of what it did."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from provisioning.drivers.choose import open_bmc
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.protocol import Bmc
from tests.contract.bmc.declared import Declaration, Trait

ROOT = Path(__file__).parents[3]
START_S = 120.0
"""Each starts in 2 s on an idle machine; a loaded one takes many times that."""
DEADLINE_S = 30.0
"""Of one exchange, on a machine that shares two cores with everything else."""


@dataclass
class Bed:
    """One BMC. Its pin changes when a test gives it another certificate."""

    declaration: Declaration
    address: str
    username: str
    password: str
    fingerprint: str = ""
    uuid: str = ""
    serial: str = ""
    mac: str = ""
    host: str = ""
    journal: Path | None = None

    @property
    def name(self) -> str:
        """How the page calls it."""
        return self.declaration.name

    def done(self, what: str) -> int | None:
        """How often the bed itself says that it did `what`; None when it keeps no journal."""
        if self.journal is None:
            return None
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        entries = [json.loads(line) for line in lines]
        return sum(1 for one in entries if (one["host"], one["what"]) == (self.host, what))

    def need(self, trait: Trait) -> None:
        """Skip the rest of a test that this bed cannot pass, by its declared reason."""
        if trait in self.declaration.without:
            pytest.skip(f"{self.name}: {self.declaration.without[trait]}")

    def open(self, *, password: str | None = None, fingerprint: str | None = None) -> Bmc:
        """A new driver, with another password or another pin where given."""
        return open_bmc(
            self.address,
            Credentials(username=self.username, password=SecretStr(password or self.password)),
            fingerprint=fingerprint or self.fingerprint or None,
            deadline_s=DEADLINE_S,
            ipmi_allowed=True,
        )


@contextmanager
def process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program of a bed, ended with the bed."""
    # A bare environment: proxies and REQUESTS_CA_BUNDLE of the machine must not reach it.
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(log.parent),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }
    with (
        log.open("wb") as out,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment
        ) as running,
    ):
        try:
            yield running
        finally:
            running.terminate()
            try:
                running.wait(20)
            except subprocess.TimeoutExpired:
                running.kill()


def wait_for(ready: Callable[[], bool], running: subprocess.Popen[bytes], log: Path) -> None:
    """Until the bed listens."""
    ends_at = time.monotonic() + START_S
    while not ready():
        assert running.poll() is None, f"it ended: {log.read_text()[-2000:]}"
        assert time.monotonic() < ends_at, f"not ready: {log.read_text()[-2000:]}"
        time.sleep(0.1)


def listens(port: int) -> bool:
    """Whether somebody accepts TCP on this port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """One that nobody listens on now."""
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
