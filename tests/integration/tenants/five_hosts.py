"""Five hosts in namespace sets, two tenants' clusters of two, one host to spare; all of it real.

The service, the hall and its BMCs are processes, claims and jobs go through the API, tenants use
the unmodified `ray` command at the gateway. Each test begins and ends with the site whole, so that
all of them share one bring-up and each file can run alone.
"""

from __future__ import annotations

import json
import os
import shutil
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

from inventory.model import AgentSeen
from inventory.store.sql import SqlStore
from tests.bed import Bed

TENANTS = ("red", "blue")
HOSTS = 5
SPEED = 4.0
CHEAP = "tests.integration.tenants.cheap_service"
LOOK_EVERY_S = 0.5
RESET = "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset"
KNOCK = """
import json, socket, sys
opened = []
for address, port in json.load(sys.stdin):
    try:
        socket.create_connection((address, port), timeout=2).close()
    except OSError:
        continue
    opened.append([address, port])
print(json.dumps(opened))
"""


@dataclass
class FiveHosts(Bed):
    """The site, asked by the names of its hosts and tenants."""

    keys: dict[str, str] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)

    def bring_up(self) -> None:
        """Five hosts ready, two clusters running."""
        (self.directory / "hall").mkdir()
        self._start(
            "hall", "simulate", "lab-4", "--hosts", str(HOSTS),
            "--state", str(self.directory / "hall"), "--speed", str(SPEED),
        )  # fmt: skip
        self.wait(120, (self.directory / "hall" / "hall.json").exists)
        self.start_service()
        self.login()
        self.apply_pod()
        self.approve(self.plan()["digest"])
        self.wait(600, self.settled)
        for tenant in TENANTS:
            assert self.call("POST", "/api/tenants", {"name": tenant}).is_success
            self.claims[tenant] = self.claim(tenant)
            key = self.call("POST", "/api/keys", {"role": "tenant", "tenant": tenant})
            assert key.is_success, key.text
            self.keys[tenant] = str(key.json()["text"])
        self.whole()

    def spec(self) -> str | dict[str, Any]:
        """What the widened hall wrote beside itself."""
        return dict(json.loads((self.directory / "hall" / "spec.json").read_text()))

    def claim(self, tenant: str) -> str:
        """Two units that may be simulated; a unit that goes is left without grace."""
        body = {
            "tenant": tenant, "cluster": "main", "unit_class": "lab-cpu", "count": 2,
            "accept_simulated": True, "grace_minutes": 0,
        }  # fmt: skip
        reply = self.call("POST", "/api/claims", body)
        assert reply.is_success, reply.text
        return str(reply.json()["id"])

    # What is so.

    def wait(self, deadline_s: float, condition: Any) -> None:
        """As always; asked less often: every question costs what the clusters need."""

        def looked() -> bool:
            time.sleep(LOOK_EVERY_S)
            return bool(condition())

        super().wait(deadline_s, looked)

    def whole(self) -> None:
        """Wait until every host is ready and both clusters run on two."""
        self.wait(600, self.is_whole)

    def is_whole(self) -> bool:
        """True when nothing is under way."""
        hosts = self.hosts().values()
        ready = all(one["state"] == "ready" and one["power"] == "On" for one in hosts)
        return ready and all(self.runs(tenant) for tenant in TENANTS)

    def runs(self, tenant: str) -> bool:
        """True when the tenant's cluster has both of its hosts."""
        found = self.cluster(tenant)
        return (found.get("phase"), found.get("nodes_alive")) == ("running", 2)

    def cluster(self, tenant: str) -> dict[str, Any]:
        """The tenant's cluster, or nothing."""
        rows = self.get("/api/clusters")["results"]
        return next((dict(row) for row in rows if row["tenant"] == tenant), {})

    def head(self, tenant: str) -> str:
        """The host of the cluster's head."""
        return self._named()[self.cluster(tenant)["head_host_id"]]

    def members(self, tenant: str) -> tuple[str, ...]:
        """The cluster's hosts, its head first."""
        found, named = self.cluster(tenant), self._named()
        rest = (one for one in found["member_host_ids"] if one != found["head_host_id"])
        return tuple(named[one] for one in (found["head_host_id"], *rest))

    def worker(self, tenant: str) -> str:
        """The cluster's other host."""
        return self.members(tenant)[1]

    def _named(self) -> dict[str, str]:
        return {host["id"]: name for name, host in self.hosts().items()}

    def agent(self, host: str) -> AgentSeen:
        """What the host's agent last said, and when: no door tells the boot that it speaks from."""
        store = SqlStore.open(f"sqlite:///{self.directory}/service/podyard.db")
        try:
            found = store.get(AgentSeen, str(self.hosts()[host]["id"]))
        finally:
            store.close()
        assert found is not None
        return found

    def boot_of(self, host: str) -> str:
        """Which boot the host's agent speaks from."""
        observed = self.agent(host).observed
        assert observed is not None
        return observed.boot_id

    def place(self, host: str) -> Path:
        """The host's file system, as this machine sees it."""
        [root] = [one["root"] for one in self.hall["hosts"] if one["name"] == host]
        return Path(root)

    def address(self, host: str) -> str:
        """Where it is in its tenant's network."""
        said = self.inside(host, "ip", "-j", "-4", "addr", "show", "dev", "eth0")
        return str(json.loads(said)[0]["addr_info"][0]["local"])

    # What tenants do.

    def ray(self, tenant: str, *arguments: str, limit_s: float = 400) -> tuple[int, str]:
        """The unmodified command through the gateway."""
        done = subprocess.run(
            [sys.executable, "-m", "ray.scripts.scripts", *arguments],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.directory),
                "RAY_ADDRESS": f"http://127.0.0.1:{self.ports['gateway']}",
                "RAY_AUTH_MODE": "token",
                "RAY_AUTH_TOKEN": self.keys[tenant],
            },
            cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=limit_s, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    def queue(self, tenant: str, entrypoint: str, **fields: Any) -> str:
        """A job in podyard's own queue."""
        body = {"tenant": tenant, "entrypoint": entrypoint, **fields}
        reply = self.call("POST", "/api/jobs", body)
        assert reply.is_success, reply.text
        return str(reply.json()["id"])

    def job(self, name: str) -> dict[str, Any]:
        """The job as it is."""
        return self.get(f"/api/jobs/{name}")

    def until_job(self, name: str, *states: str, limit_s: float = 400) -> dict[str, Any]:
        """Wait until the job is in one of these states."""
        self.wait(limit_s, lambda: self.job(name)["state"] in states)
        return self.job(name)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Events of this kind."""
        return list(self.get(f"/api/events?kind={kind}&limit=1000")["results"])

    # What befalls hosts.

    def reset(self, host: str, how: str) -> None:
        """Press the host's power button, past the service."""
        [known] = [one for one in self.hall["hosts"] if one["name"] == host]
        reply = httpx.post(
            f"{known['bmc'].removeprefix('redfish+')}{RESET}",
            json={"ResetType": how}, auth=(known["username"], known["password"]),
            verify=False, timeout=60, trust_env=False,  # noqa: S501 - loopback, its own certificate
        )  # fmt: skip
        assert reply.is_success, reply.text

    def running_on(self, host: str, program: str = "") -> list[int]:
        """Processes that were started for this host's Ray or by its agent."""
        root = str(self.place(host)).encode()
        marks = (b"PODYARD_HOST_ROOT=" + root + b"\0", b"HOME=" + root + b"/")
        return [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit()
            and any(mark in _read(entry / "environ") for mark in marks)
            and (not program or program in _read(entry / "cmdline").decode(errors="replace"))
        ]

    def inside(self, host: str, *command: str, given: str = "") -> str:
        """Run a command in the host's network."""
        pid = next(iter(self.running_on(host)))
        done = subprocess.run(
            ["nsenter", "-t", str(pid), "-n", *command], input=given, check=False,
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    def listening(self, host: str) -> set[int]:
        """Every TCP port that anything listens on inside the host."""
        pid = next(iter(self.running_on(host)))
        lines = [
            line.split()
            for table in ("tcp", "tcp6")
            for line in _read(Path(f"/proc/{pid}/net/{table}")).decode().splitlines()[1:]
        ]
        return {int(line[1].rpartition(":")[2], 16) for line in lines if line[3] == "0A"}

    def knock(self, seen_from: str, at: str) -> set[int]:
        """Which of one host's listening ports take a connection from another host."""
        address = self.address(at)
        asked = json.dumps([(address, port) for port in sorted(self.listening(at))])
        said = self.inside(seen_from, sys.executable, "-c", KNOCK, given=asked)
        return {port for _, port in json.loads(said)}


@contextmanager
def five_hosts() -> Iterator[FiveHosts]:
    """The site, gone afterwards, whatever happened in it."""
    directory = Path(tempfile.mkdtemp(prefix="pyd-", dir="/tmp"))
    made = FiveHosts(directory, program=(sys.executable, "-m", CHEAP))
    try:
        made.bring_up()
        yield made
    finally:
        made.stop()
        if "PODYARD_KEEP" not in os.environ:
            shutil.rmtree(directory, ignore_errors=True)


def until(limit_s: float, true_of: Any) -> None:
    """Wait for what no door of the site tells."""
    ends = time.monotonic() + limit_s
    while not true_of():
        assert time.monotonic() < ends, f"not within {limit_s} s"
        time.sleep(0.3)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
