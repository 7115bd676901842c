"""A cheap hall, a database, and any number of controllers that live and die as a test says.

The hall's journal is the judge. Everything else goes through the doors that people use.
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
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from provisioning.simulator.journal import (
    Entry,
    destructive_acts,
    feed_peaks,
    read_journal,
    repeated_acts,
    trips,
)
from tests.bed import ROOT, is_parked

SHORT = {
    "PODYARD_PROVISIONING_BMC_DEADLINE_S": "4",
    "PODYARD_PROVISIONING_SETTLE_GRACE_S": "9",
}
"""Still in their proportion: no request is on its way for as long as the grace."""


UNBORN = 70
"""How a life ends that could not begin: its nursery bears no other."""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Service:
    """The lives of one service."""

    name: str
    state: Path
    ports: dict[str, int]
    process: subprocess.Popen[bytes]
    told: Path

    def tell(self, word: str) -> None:
        """An order to its nursery."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n".encode())
        self.process.stdin.flush()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Births and deaths so far."""
        return [json.loads(line) for line in self.told.read_text().splitlines()]

    @property
    def deaths(self) -> list[int]:
        """How each life so far ended; a signal is negative."""
        return [line["code"] for line in self.lines if line["what"] == "died"]

    def end(self) -> None:
        """Politely."""
        if self.process.poll() is None:
            try:
                self.tell("end")
                self.process.wait(20)
            except (subprocess.TimeoutExpired, BrokenPipeError):
                self.process.kill()
                self.process.wait(10)


@dataclass
class Yard:
    """One hall, its services, one directory."""

    directory: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(SHORT))
    services: dict[str, Service] = field(default_factory=dict)
    hall_process: subprocess.Popen[bytes] | None = None
    key: str = ""
    api: str = ""

    # The hall.

    def start_hall(
        self, spec: str, *faults: str, speed: float = 8.0, hosts: int = 0, seed: int = 1
    ) -> None:
        """Start it and wait for its BMCs."""
        (self.directory / "hall").mkdir(exist_ok=True)
        arguments = [
            "-m", "tests.integration.crashes.cheap_hall", spec,
            "--state", str(self.directory / "hall"), "--speed", str(speed),
            "--hosts", str(hosts), "--seed", str(seed),
        ]  # fmt: skip
        for fault in faults:
            arguments += ["--fault", fault]
        with (self.directory / "hall.log").open("ab") as log:
            self.hall_process = subprocess.Popen(
                [sys.executable, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=ROOT, start_new_session=True,
            )  # fmt: skip
        self.wait(120, (self.directory / "hall" / "hall.json").exists)

    @property
    def hall(self) -> dict[str, Any]:
        """Its description."""
        return dict(json.loads((self.directory / "hall" / "hall.json").read_text()))

    @property
    def journal(self) -> list[Entry]:
        """What was really done."""
        return read_journal(self.directory / "hall" / "journal.jsonl")

    # Services.

    def start(
        self, name: str, *, role: str = "all", database: str = "", **environment: str
    ) -> Service:
        """The first life of a service; the next ones follow by themselves."""
        state = self.directory / name
        state.mkdir(exist_ok=True, mode=0o700)
        ports = {door: free_port() for door in ("api", "agents", "gateway")}
        options = {
            "state": str(state),
            "role": role,
            "database": database,
            "ports": ports,
            "log": str(self.directory / f"{name}.log"),
        }
        file = self.directory / f"{name}.json"
        file.write_text(json.dumps(options))
        told = self.directory / f"{name}.lives"
        with told.open("ab") as lives, (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.crashes.nursery", str(file)],
                stdin=subprocess.PIPE, stdout=lives, stderr=log, cwd=ROOT,
                env={**os.environ, **self.environment, **environment}, start_new_session=True,
            )  # fmt: skip
        self.services[name] = Service(name, state, ports, process, told)
        if role in {"all", "inventory"}:
            self.api = f"http://127.0.0.1:{ports['api']}"
        return self.services[name]

    def share_keys(self, of: str, *names: str) -> None:
        """Services of one site have the same keys."""
        for name in names:
            (self.directory / name).mkdir(exist_ok=True, mode=0o700)
            shutil.copytree(
                self.directory / of / "keys", self.directory / name / "keys", dirs_exist_ok=True
            )

    def login(self) -> None:
        """Use the set-up token up."""
        self.wait(90, self.answers)
        state = next(one.state for one in self.services.values() if self.api.endswith(
            str(one.ports["api"])
        ))  # fmt: skip
        token = (state / "setup-token").read_text().strip()
        reply = httpx.post(
            f"{self.api}/api/setup",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            trust_env=False,
        )
        assert reply.is_success, reply.text
        self.key = reply.json()["text"]

    def answers(self) -> bool:
        """True when the API is ready."""
        try:
            reply = httpx.get(f"{self.api}/readyz", trust_env=False, timeout=20)
        except httpx.TransportError:
            return False
        return reply.status_code == httpx.codes.OK

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """One request as the admin."""
        return httpx.request(
            method,
            f"{self.api}{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=60,
            trust_env=False,
        )

    def get(self, path: str) -> dict[str, Any]:
        """A document that must be there."""
        reply = self.call("GET", path)
        assert reply.status_code == httpx.codes.OK, reply.text
        return dict(reply.json())

    def spec_document(self) -> dict[str, Any]:
        """The spec that a widened hall wrote beside itself."""
        return dict(json.loads((self.directory / "hall" / "spec.json").read_text()))

    def apply_pod(self, spec: str | dict[str, Any]) -> None:
        """Import the hall's hosts as a pod."""
        expected = (
            "name", "slot", "bmc", "fingerprint", "username", "password", "serial", "mac", "root",
        )  # fmt: skip
        hosts = [{key: host[key] for key in expected} for host in self.hall["hosts"]]
        body = {"name": "lab", "site": "here", "spec": spec, "hosts": hosts, "simulated": True}
        reply = self.call("POST", "/api/pods", body)
        assert reply.is_success, reply.text

    def bring_up(self, *, within_s: float) -> dict[str, Any]:
        """Wait for the plan, and approve it."""
        found: list[httpx.Response] = []

        def planned() -> bool:
            try:
                found[:] = [self.call("GET", "/api/pods/lab/plan")]
            except httpx.TransportError:
                return False
            return found[0].status_code == httpx.codes.OK

        self.wait(within_s, planned, every_s=0.3)
        plan = dict(found[0].json()["plan"])

        def approved() -> bool:
            try:
                reply = self.call("POST", "/api/pods/lab/up", {"digest": plan["digest"]})
            except httpx.TransportError:
                return False
            return reply.is_success

        self.wait(60, approved, every_s=0.3)
        return plan

    def hosts(self) -> dict[str, dict[str, Any]]:
        """Every host by name."""
        return {host["name"]: host for host in self.get("/api/hosts?limit=1000")["results"]}

    def settled(self) -> bool:
        """Every host is ready, or parked for a person; a service that just died says nothing."""
        try:
            hosts = self.hosts()
        except (httpx.TransportError, AssertionError):
            return False
        return all(host["state"] == "ready" or is_parked(host) for host in hosts.values())

    # The end.

    def judge(self, plan: dict[str, Any], *, parked: dict[str, str] | None = None) -> None:
        """0 lost, 0 double destructive, 0 false ready, no feed over its budget."""
        hosts = self.hosts()
        at_rest = {n: h["problem"]["kind"] for n, h in hosts.items() if is_parked(h)}
        assert at_rest == (parked or {}), self.last_words()
        ready = {name for name, host in hosts.items() if host["state"] == "ready"}
        assert ready == set(hosts) - set(at_rest), self.last_words()
        planned = Counter(
            (act["host"], act["component"], act["from_version"], act["to_version"])
            for wave in plan["waves"]
            for act in wave["acts"]
            if act["destructive"] and act["host"] not in at_rest
        )
        journal = self.journal
        done = Counter(
            (act.host, act.component, act.old, act.new) for act in destructive_acts(journal)
        )
        assert done == planned
        assert repeated_acts(journal) == []
        budgets = {feed["feed"]: feed["budget_watts"] for feed in plan["feeds"]}
        peaks = feed_peaks(journal)
        assert {feed: watts for feed, watts in peaks.items() if watts > budgets[feed]} == {}
        assert not trips(journal)
        running = {
            entry["host"]
            for entry in journal
            if entry["what"] == "host.boot.end" or entry["what"] == "power.on"
        }
        assert ready <= running, "a host is called ready that was never powered on"
        assert self.get("/api/units?limit=1000")["count"] == len(ready)
        assert self.get("/api/certificates?limit=1000")["count"] >= len(ready)

    def wait(
        self, deadline_s: float, condition: Callable[[], bool], *, every_s: float = 0.1
    ) -> float:
        """Until it holds; how long that took."""
        began = time.monotonic()
        while time.monotonic() < began + deadline_s:
            if condition():
                return time.monotonic() - began
            unborn = [name for name, one in self.services.items() if UNBORN in one.deaths]
            assert not unborn, f"{unborn} could not be born\n{self.last_words()}"
            time.sleep(every_s)
        raise AssertionError(f"not within {deadline_s} s; the logs end with\n{self.last_words()}")

    def last_words(self) -> str:
        """The end of each log."""
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-2500:]}"
            for log in sorted(self.directory.glob("*.log"))
        )

    def close(self) -> None:
        """End everything."""
        for service in self.services.values():
            service.end()
        if self.hall_process is not None and self.hall_process.poll() is None:
            self.hall_process.send_signal(signal.SIGTERM)
            try:
                self.hall_process.wait(20)
            except subprocess.TimeoutExpired:
                self.hall_process.kill()
                self.hall_process.wait(10)


@contextmanager
def yard() -> Iterator[Yard]:
    """A yard that is gone afterwards, whatever happened in it."""
    directory = Path(tempfile.mkdtemp(prefix="pyd-", dir="/tmp"))
    made = Yard(directory)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(directory, ignore_errors=True)
