"""A hall and a service as real processes, for tests that pull the plug on them.

Everything goes through the doors that people use: the command line starts things, the HTTP API is
asked, and the hall's journal is read. Short paths, because Unix sockets allow 107 bytes.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from provisioning.simulator.journal import Entry, read_journal

PODYARD = [sys.executable, "-m", "runtime.cli"]
ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Bed:
    """One hall, one service, one directory."""

    directory: Path
    faults: tuple[str, ...] = ()
    speed: float = 1.0
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    key: str = ""
    agents_at: str = "127.0.0.1"
    """Where agents and BMCs find the service; virtual machines do not share its loopback."""
    program: tuple[str, ...] = tuple(PODYARD)
    """What hall and service are started with."""

    def __post_init__(self) -> None:
        self.ports |= zip(("api", "agents", "gateway"), free_ports(3), strict=True)

    @property
    def hall(self) -> dict[str, Any]:
        """The hall's description."""
        return dict(json.loads((self.directory / "hall" / "hall.json").read_text()))

    @property
    def journal(self) -> list[Entry]:
        """What was really done."""
        return read_journal(self.directory / "hall" / "journal.jsonl")

    def start_hall(self) -> None:
        """Start the simulator and wait for its listeners."""
        faults = [part for fault in self.faults for part in ("--fault", fault)]
        self._start(
            "hall",
            "simulate", "lab-4", "--state", str(self.directory / "hall"),
            "--speed", str(self.speed), *faults,
        )  # fmt: skip
        self.wait(60, (self.directory / "hall" / "hall.json").exists)

    def start_service(
        self,
        *,
        kill_at: str = "",
        ready: bool = True,
        role: str = "all",
        log_level: str = "INFO",
        environment: dict[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start the service, or one role of it; with `kill_at` it may end before it is ready."""
        process = self._start(
            "service",
            "serve", "--role", role, "--state", str(self.directory / "service"),
            "--log-level", log_level,
            "--listen", f"127.0.0.1:{self.ports['api']}",
            "--agent-listen", f"{self.agents_at}:{self.ports['agents']}",
            "--gateway-listen", f"127.0.0.1:{self.ports['gateway']}",
            environment={"PODYARD_KILL_AT": kill_at, **(environment or {})},
        )  # fmt: skip
        if ready:
            self.wait(60, lambda: self.answers() or process.poll() is not None)
        return process

    def answers(self) -> bool:
        """True when the API is ready."""
        try:
            reply = httpx.get(self.url("/readyz"), trust_env=False)
        except httpx.TransportError:
            return False
        return reply.status_code == httpx.codes.OK

    def login(self) -> None:
        """Use the set-up token up."""
        done = subprocess.run(
            [*PODYARD, "login", "--state", str(self.directory / "service")],
            check=False, capture_output=True, cwd=ROOT, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stderr}; the logs end with\n{self.last_words()}"
        self.key = json.loads((self.directory / "service" / "client.json").read_text())["key"]

    def url(self, path: str) -> str:
        """An address of the API."""
        return f"http://127.0.0.1:{self.ports['api']}{path}"

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """One request as the admin."""
        return httpx.request(
            method,
            self.url(path),
            json=body,
            headers={"Authorization": f"Bearer {self.key}", **headers},
            timeout=30,
            trust_env=False,
        )

    def get(self, path: str) -> dict[str, Any]:
        """A document that must be there."""
        reply = self.call("GET", path)
        assert reply.status_code == httpx.codes.OK, reply.text
        return dict(reply.json())

    def spec(self) -> str | dict[str, Any]:
        """What the hall was made from."""
        return "lab-4"

    def apply_pod(self, name: str = "lab") -> None:
        """Import the hall's hosts as a pod."""
        expected = (
            "name", "slot", "bmc", "fingerprint", "username", "password", "serial", "mac", "root",
        )  # fmt: skip
        hosts = [{key: host[key] for key in expected} for host in self.hall["hosts"]]
        body = {"name": name, "site": "here", "spec": self.spec(), "hosts": hosts}
        body |= {"simulated": True}
        reply = self.call("POST", "/api/pods", body)
        assert reply.is_success, reply.text

    def plan(self, name: str = "lab") -> dict[str, Any]:
        """The plan, as soon as every host is inspected."""
        found: list[httpx.Response] = []

        def planned() -> bool:
            found[:] = [self.call("GET", f"/api/pods/{name}/plan")]
            return found[0].status_code == httpx.codes.OK

        self.wait(180, planned)
        return dict(found[0].json()["plan"])

    def approve(self, digest: str, name: str = "lab") -> None:
        """Let the bring-up begin."""
        reply = self.call("POST", f"/api/pods/{name}/up", {"digest": digest})
        assert reply.is_success, reply.text

    def hosts(self) -> dict[str, dict[str, Any]]:
        """Every host by name."""
        return {h["name"]: h for h in self.get("/api/hosts")["results"]}

    def settled(self) -> bool:
        """Every host is ready, or parked for a person; a service that just died says nothing."""
        try:
            return all(h["state"] == "ready" or is_parked(h) for h in self.hosts().values())
        except httpx.TransportError:
            return False

    def wait(self, deadline_s: float, condition: Any) -> None:
        """Until it holds; says what the service's log ends with when it does not."""
        ends = time.monotonic() + deadline_s
        while time.monotonic() < ends:
            if condition():
                return
            time.sleep(0.1)
        raise AssertionError(f"not within {deadline_s} s; the logs end with\n{self.last_words()}")

    def last_words(self) -> str:
        """The end of each log."""
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}"
            for log in sorted(self.directory.glob("*.log"))
        )

    def kill_service(self) -> None:
        """SIGKILL: nothing is flushed, nothing is said."""
        self.processes["service"].kill()
        self.processes["service"].wait(30)

    def stop(self) -> None:
        """Stop both, politely first."""
        for name in ("service", "hall"):
            process = self.processes.get(name)
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(10)

    def _start(
        self, name: str, *arguments: str, environment: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        with (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*self.program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        self.processes[name] = process
        return process


@contextmanager
def bed(*faults: str, speed: float = 1.0) -> Iterator[Bed]:
    """A bed that is gone afterwards, whatever happened in it."""
    directory = Path(tempfile.mkdtemp(prefix="pyd-", dir="/tmp"))
    made = Bed(directory, faults=faults, speed=speed)
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(directory, ignore_errors=True)


def free_ports(count: int) -> tuple[int, ...]:
    """Ports on loopback that nobody listens on now, no two alike."""
    sockets = [socket.socket() for _ in range(count)]
    for probe in sockets:
        probe.bind(("127.0.0.1", 0))
    found = tuple(probe.getsockname()[1] for probe in sockets)
    for probe in sockets:
        probe.close()
    return found


def is_parked(host: dict[str, Any]) -> bool:
    """Only a person can move it."""
    problem = host["problem"]
    return bool(problem) and problem["next_at"] is None
