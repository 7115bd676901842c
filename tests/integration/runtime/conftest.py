"""A controller's agent door and a host in a namespace set, both as small as the agent allows."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest
import uvicorn
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from inventory.agents import (
    BootDocument,
    DesiredState,
    EnrolReply,
    EnrolRequest,
    ObservedState,
    SyncReply,
    SyncRequest,
)
from inventory.authority import CONTROLLER_NAME, Authority
from inventory.keys import mint
from inventory.model import ApiKey
from runtime.gateway import Gateway
from runtime.ledger import Entry, Ledger, entries_after

ADDRESS = "10.77.9.10"
HARDWARE = {
    "manufacturer": "Lab",
    "model": "L4",
    "serial": "S1",
    "uuid": "u-1",
    "simulated": True,
    "physical_host": "here",
    "clock_ratio": 1.0,
}
SETUP = """
set -e
ip link set lo up
ip addr add $ADDRESS/24 dev lo
mount -t tmpfs tmpfs /dev/shm
mkdir -p /tmp/ray $ROOT/tmp/ray
mount --bind $ROOT/tmp/ray /tmp/ray
printf '127.0.0.1 localhost host-1\\n' > $ROOT/hosts
: > $ROOT/resolv.conf
mount --bind $ROOT/hosts /etc/hosts
mount --bind $ROOT/resolv.conf /etc/resolv.conf
hostname host-1
cd $ROOT/root
exec "$PYTHON" -m runtime.agent --boot "$PODYARD_HOST_RUN/boot.json"
"""


@dataclass
class Controller:
    """The agent door, with everything that it heard."""

    authority: Authority
    token: str = "boot-token"
    desired: DesiredState = field(default_factory=lambda: DesiredState(generation=1))
    observed: list[ObservedState] = field(default_factory=list)
    enrolments: int = 0
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    runner: web.AppRunner | None = None

    async def listen(self, path: Path, keys: Path) -> None:
        certificate, key = self.authority.issue_server(keys, now=datetime.now(UTC))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(cadata=self.authority.pem)
        context.verify_mode = ssl.CERT_OPTIONAL
        app = web.Application()
        app.router.add_post("/agent/v1/enrol", self.enrol)
        app.router.add_post("/agent/v1/sync", self.sync)
        self.runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self.runner.setup()
        await asyncio.to_thread(path.unlink, missing_ok=True)
        await web.UnixSite(self.runner, str(path), ssl_context=context).start()

    async def close(self) -> None:
        if self.runner is not None:
            await self.runner.cleanup()
            self.runner = None

    async def enrol(self, request: web.Request) -> web.Response:
        asked = EnrolRequest.model_validate_json(await request.read())
        if asked.token != self.token:
            return web.json_response({"error": {"message": "unknown boot token"}}, status=403)
        self.enrolments += 1
        now = datetime.now(UTC)
        signed = self.authority.issue_client(asked.csr_pem, host_id="h1", now=now)
        reply = EnrolReply(
            host_id="h1",
            certificate_pem=signed.public_bytes(serialization.Encoding.PEM).decode(),
            ca_pem=self.authority.pem,
            expires_at=signed.not_valid_after_utc,
        )
        return web.json_response(text=reply.model_dump_json())

    async def sync(self, request: web.Request) -> web.Response:
        transport = request.transport
        assert transport is not None
        der = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        if der is None:
            return web.json_response({"error": {"message": "no client certificate"}}, status=401)
        names = x509.load_der_x509_certificate(der).subject.rfc4514_string()
        assert names == "CN=h1"
        asked = SyncRequest.model_validate_json(await request.read())
        self.observed.append(asked.observed)
        self.heard.set()
        if asked.wait_s and asked.observed.generation == self.desired.generation:
            self.moved.clear()
            try:
                async with asyncio.timeout(asked.wait_s):
                    await self.moved.wait()
            except TimeoutError:
                pass
        return web.json_response(text=SyncReply(desired=self.desired).model_dump_json())

    def want(self, **changes: object) -> None:
        self.desired = self.desired.model_copy(
            update={**changes, "generation": self.desired.generation + 1}
        )
        self.moved.set()

    async def until(
        self, true_of: Callable[[ObservedState], bool], *, limit_s: float = 60.0
    ) -> ObservedState:
        async with asyncio.timeout(limit_s):
            while True:
                self.heard.clear()
                if self.observed and true_of(self.observed[-1]):
                    return self.observed[-1]
                await self.heard.wait()


@dataclass
class Host:
    """One host's directories, and the agent running on it."""

    run: Path
    root: Path
    process: subprocess.Popen[bytes] | None = None

    def boot(self, *, isolated: bool) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "PODYARD_HOST_RUN": str(self.run),
            "PODYARD_HOST_ROOT": str(self.root),
            "PODYARD_HOST_ISOLATED": "1" if isolated else "0",
        }
        if isolated:
            flags = "-nmpuf" if os.geteuid() == 0 else "-Urnmpuf"
            command = ["unshare", flags, "--kill-child", "--mount-proc", "sh", "-c", SETUP]
            environment |= {"ADDRESS": ADDRESS, "ROOT": str(self.root), "PYTHON": sys.executable}
        else:
            boot = str(self.run / "boot.json")
            command = [sys.executable, "-m", "runtime.agent", "--boot", boot]
        log = (self.root / "agent.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def processes(self) -> list[str]:
        """Command lines of every process that was given this host's root."""
        mark = f"PODYARD_HOST_ROOT={self.root}".encode()
        token = str(self.root / "etc/podyard/ray-token").encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                environment = (entry / "environ").read_bytes()
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if command and (mark in environment or token in environment):
                found.append(f"{entry.name} {command}")
        return found

    def power_off(self) -> None:
        """End the namespace's pid 1, or the process group."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Listening:
    """A uvicorn server of an ASGI application, on loopback or on a Unix socket."""

    def __init__(self, app: object, *, uds: Path | None = None) -> None:
        where = {"uds": str(uds)} if uds else {"host": "127.0.0.1", "port": 0}
        config = uvicorn.Config(
            app,  # type: ignore[arg-type]
            log_level="warning",
            lifespan="auto",
            timeout_graceful_shutdown=2,
            **where,
        )
        self.server = uvicorn.Server(config)
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.task = asyncio.create_task(self.server.serve())
        async with asyncio.timeout(10):
            while not self.server.started:  # noqa: ASYNC110 - uvicorn offers no event
                await asyncio.sleep(0.01)

    @property
    def url(self) -> str:
        port = self.server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        self.server.should_exit = True
        if self.task is not None:
            await self.task


@dataclass
class Tenancy:
    """A running gateway, its ledger, and the keys that it was told."""

    gateway: Gateway
    listening: Listening
    ledger_dir: Path
    keys: dict[str, ApiKey] = field(default_factory=dict)

    def key(self, tenant: str, **options: object) -> str:
        """A new key's text; call `admit` to put it in place."""
        record, text = mint("tenant", now=datetime.now(UTC), tenant=tenant, **options)  # type: ignore[arg-type]
        self.keys[record.id] = record
        return text

    async def admit(self, **changes: object) -> None:
        state = replace(self.gateway.state, keys=dict(self.keys), **changes)  # type: ignore[arg-type]
        await self.gateway.replace(state)

    def entries(self) -> list[Entry]:
        return [entry for entry, _ in entries_after(self.ledger_dir)]


class HasRun(Protocol):
    """Whatever has a host's run directory."""

    @property
    def run(self) -> Path: ...


@contextmanager
def a_short_dir() -> Iterator[Path]:
    """Unix socket paths must stay short; pytest's own directories are not."""
    path = Path(tempfile.mkdtemp(prefix="pyd", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def a_host(short_dir: Path) -> Iterator[Host]:
    """A host that is off; whatever was started on it is gone at the end, or the test fails."""
    found = Host(run=short_dir / "run", root=short_dir / "root")
    found.run.mkdir(mode=0o700)
    (found.root / "root").mkdir(parents=True)
    (found.run / "hardware.json").write_text(json.dumps(HARDWARE))
    yield found
    found.power_off()
    deadline = time.monotonic() + 20
    while (left := found.processes()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []


@asynccontextmanager
async def a_controller(host: HasRun, short_dir: Path) -> AsyncIterator[Controller]:
    """An agent door behind the host's uplink."""
    authority = Authority.open(_made(short_dir / "ca"), now=datetime.now(UTC))
    found = Controller(authority)
    await found.listen(host.run / "uplink.sock", _made(short_dir / "keys"))
    boot = BootDocument(
        host="host-1",
        serial="S1",
        controller="127.0.0.1:1",
        controller_name=CONTROLLER_NAME,
        ca_pem=authority.pem,
        token=found.token,
    )
    (host.run / "boot.json").write_text(boot.model_dump_json())
    yield found
    await found.close()


@asynccontextmanager
async def a_tenancy(short_dir: Path) -> AsyncIterator[Tenancy]:
    """A gateway that knows nobody yet."""
    with Ledger(short_dir / "usage") as ledger:
        gateway = Gateway(ledger)
        listening = Listening(gateway)
        await listening.start()
        yield Tenancy(gateway, listening, short_dir / "usage")
        await listening.stop()


@dataclass
class Everything:
    """A host, its controller and a gateway."""

    short_dir: Path
    host: Host
    controller: Controller
    tenancy: Tenancy


@asynccontextmanager
async def everything() -> AsyncIterator[Everything]:
    """For suites that start a cluster once."""
    with a_short_dir() as short_dir, a_host(short_dir) as host:
        async with a_controller(host, short_dir) as door, a_tenancy(short_dir) as tenancy:
            yield Everything(short_dir, host, door, tenancy)


@pytest.fixture(scope="session")
def make_dir() -> Callable[[], AbstractContextManager[Path]]:
    return a_short_dir


@pytest.fixture(scope="session")
def make_controller() -> Callable[..., AbstractAsyncContextManager[Controller]]:
    return a_controller


@pytest.fixture(scope="session")
def hardware() -> dict[str, object]:
    return dict(HARDWARE)


@pytest.fixture(scope="session")
def make_everything() -> Callable[[], AbstractAsyncContextManager[Everything]]:
    return everything


@pytest.fixture
def short_dir() -> Iterator[Path]:
    with a_short_dir() as path:
        yield path


@pytest.fixture
def host(short_dir: Path) -> Iterator[Host]:
    with a_host(short_dir) as found:
        yield found


@pytest.fixture
async def controller(host: Host, short_dir: Path) -> AsyncIterator[Controller]:
    async with a_controller(host, short_dir) as found:
        yield found


@pytest.fixture
async def tenancy(short_dir: Path) -> AsyncIterator[Tenancy]:
    async with a_tenancy(short_dir) as found:
        yield found


@pytest.fixture
async def serve_on() -> AsyncIterator[Callable[[object, Path], Awaitable[Listening]]]:
    """Start ASGI applications on Unix sockets; stop them all afterwards."""
    running: list[Listening] = []

    async def start(app: object, uds: Path) -> Listening:
        listening = Listening(app, uds=uds)
        running.append(listening)
        await listening.start()
        return listening

    yield start
    for listening in running:
        await listening.stop()


def _made(path: Path) -> Path:
    path.mkdir(mode=0o700)
    return path
