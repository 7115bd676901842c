"""A real hall on loopback, in this process or its own, with a media server that speaks HTTPS."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from pods import catalogue
from provisioning.simulator.certificates import ensure_certificate, server_context
from provisioning.simulator.clock import RealClock
from provisioning.simulator.hall import HallPlan
from provisioning.simulator.journal import Entry, read_journal
from provisioning.simulator.process import Hall, HallSettings

SPEED = 10.0
"""Seven hardware seconds from power button to agent become 0.7 s."""
WAIT_S = 30.0


@dataclass
class MediaServer:
    """What BMCs fetch."""

    base: str
    documents: dict[str, bytes] = field(default_factory=dict)

    def put(self, name: str, content: bytes) -> str:
        """Serve this, and say where."""
        self.documents[name] = content
        return f"{self.base}/{name}"

    def boot_document(self, **more: Any) -> str:
        """A boot document."""
        return self.put("boot.json", json.dumps({"podyard_boot": 1, **more}).encode())

    def firmware(self, component: str = "BIOS", version: str = "9.9") -> str:
        """A good lab image."""
        line = f"PODYARD-LAB-FIRMWARE component={component} version={version}\n"
        return self.put(f"{component}-{version}.fw", line.encode())


@pytest.fixture
async def media(tmp_path: Path) -> AsyncIterator[MediaServer]:
    certificate, key = tmp_path / "media-cert.pem", tmp_path / "media-key.pem"
    ensure_certificate(certificate, key, name="media", renew=False)
    server = MediaServer(base="")

    async def serve(request: web.Request) -> web.Response:
        body = server.documents.get(request.match_info["name"])
        return web.Response(body=body) if body is not None else web.Response(status=404)

    application = web.Application()
    application.router.add_get("/{name}", serve)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(certificate, key))
    await site.start()
    server.base = f"https://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


def basic(username: str, password: str) -> str:
    """The header of basic authentication."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


class BmcClient:
    """A plain client of one BMC, with basic authentication unless told otherwise."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self.base = told["bmc"].removeprefix("redfish+")
        # The tests of the driver verify certificates; here only the service is under test.
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False))
        self.authorization = basic(told["username"], told["password"])

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        auth: bool = True,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> tuple[int, dict[str, Any], Mapping[str, str]]:
        """Status, JSON body and headers."""
        async with self.session.request(
            method,
            self.base + path,
            json=body,
            headers=({"Authorization": self.authorization} if auth else {}) | (headers or {}),
            **options,
        ) as reply:
            content = await reply.read()
            return reply.status, json.loads(content) if content else {}, reply.headers

    async def get(self, path: str) -> dict[str, Any]:
        """The resource, which must be there."""
        status, body, _ = await self.ask("GET", path)
        assert status in {200, 202}, body
        return body

    async def change(self, method: str, path: str, body: Any) -> Mapping[str, str]:
        """A change that must be accepted; its headers."""
        status, answer, headers = await self.ask(method, path, body)
        assert status < 300, answer
        return headers

    async def reset(self, reset_type: str) -> None:
        """ComputerSystem.Reset."""
        await self.change(
            "POST", f"{SYSTEM}/Actions/ComputerSystem.Reset", {"ResetType": reset_type}
        )

    async def boot_from(self, image: str, *, enabled: str = "Once") -> None:
        """Insert, set the override, power on."""
        await self.change("POST", INSERT, {"Image": image})
        override = {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": enabled}
        await self.change("PATCH", SYSTEM, {"Boot": override})
        await self.reset("On")

    async def update(self, image: str) -> str:
        """SimpleUpdate; the task monitor's path."""
        headers = await self.change("POST", UPDATE, {"ImageURI": image})
        return headers["Location"]


SYSTEM = "/redfish/v1/Systems/1"
INSERT = "/redfish/v1/Managers/BMC/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia"
UPDATE = "/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate"


@pytest.fixture
async def client() -> AsyncIterator[Callable[[dict[str, Any]], BmcClient]]:
    made: list[BmcClient] = []

    def make(told: dict[str, Any]) -> BmcClient:
        made.append(BmcClient(told))
        return made[-1]

    yield make
    for one in made:
        await one.session.close()


@dataclass
class RunningHall:
    """A hall in this process."""

    hall: Hall

    @property
    def told(self) -> list[dict[str, Any]]:
        """The hosts as `hall.json` tells them."""
        found: list[dict[str, Any]] = json.loads((self.hall.directory / "hall.json").read_bytes())[
            "hosts"
        ]
        return found

    def entries(self, *whats: str) -> list[Entry]:
        """The journal, or some of it."""
        found = read_journal(self.hall.directory / "journal.jsonl")
        return [entry for entry in found if not whats or entry["what"] in whats]


@pytest.fixture
async def start_hall(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    halls: list[Hall] = []

    async def start(*faults: str, **settings: Any) -> RunningHall:
        plan = HallPlan.from_spec(catalogue.load("lab-4"), seed=7, faults=faults)
        options = {"state": tmp_path / "hall", "clock": RealClock(speed=SPEED)} | settings
        hall = Hall(plan=plan, settings=HallSettings(**options))
        await hall.start()
        halls.append(hall)
        return RunningHall(hall)

    yield start
    for hall in halls:
        await hall.stop()


async def until(found: Callable[[], Any], *, within_s: float = WAIT_S) -> Any:
    """Wait until something is true, and return it; what never comes fails the test."""
    deadline = time.monotonic() + within_s
    while not (value := found()):
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.05)
    return value


@pytest.fixture
def wait_until() -> Callable[..., Any]:
    return until


@dataclass
class HallProcess:
    """`python -m provisioning.simulator` in a process of its own."""

    directory: Path
    process: subprocess.Popen[bytes]

    def told(self) -> list[dict[str, Any]]:
        """Its hosts, once every listener is up."""
        deadline = time.monotonic() + WAIT_S
        path = self.directory / "hall.json"
        while not path.exists():
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < deadline, "the hall did not come up"
            time.sleep(0.05)
        found: list[dict[str, Any]] = json.loads(path.read_bytes())["hosts"]
        return found

    def entries(self, *whats: str) -> list[Entry]:
        """The journal, or some of it."""
        found = read_journal(self.directory / "journal.jsonl")
        return [entry for entry in found if not whats or entry["what"] in whats]

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait."""
        self.process.send_signal(number)
        return self.process.wait(timeout=WAIT_S)

    def output(self) -> str:
        """What it said on standard error."""
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()


@pytest.fixture
def run_hall(tmp_path: Path) -> Iterator[Callable[..., HallProcess]]:
    running: list[HallProcess] = []

    def run(*arguments: str, directory: Path = tmp_path / "hall") -> HallProcess:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "provisioning.simulator",
                "--state",
                str(directory),
                "--speed",
                str(SPEED),
                *arguments,
            ],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"COLUMNS": "160"},
        )
        running.append(HallProcess(directory, process))
        return running[-1]

    yield run
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()
        if one.process.stderr is not None:
            one.process.stderr.close()
