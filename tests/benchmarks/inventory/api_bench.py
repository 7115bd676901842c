# ruff: noqa: T201 - a script that prints what it measured
"""What requests to the inventory's web API cost: latency seen by a client, CPU of the service.

`python tests/benchmarks/inventory/api_bench.py [--hosts N …] [--postgres] [--netbox]` prints the
tables that `docs/benchmarks.md` records. The service is a process of its own (uvicorn, one worker,
keys checked, audit log on), the client another one over loopback with one connection. Hosts have
the facts of an eight-GPU server, 15 kB each. CPU is the service's own, from `/proc`, per request.
Cold is the first time a page is asked for after the start. With `--netbox` the same questions go to
a real NetBox that holds as many devices, without parts, in the same run; its CPU is that of its web
server and workers, its database's is not counted, as PostgreSQL's is not in ours.

Nothing is asserted: read the figures beside the machine's load, which is printed, too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

import httpx  # noqa: E402 - the script is run by path
import uvicorn  # noqa: E402

from inventory.api import build_api  # noqa: E402
from inventory.clock import SystemClock  # noqa: E402
from inventory.deps import ApiDeps  # noqa: E402
from inventory.keys import mint  # noqa: E402
from inventory.model import BmcAccess, Host, Pod  # noqa: E402
from inventory.secrets import SecretBox  # noqa: E402
from inventory.states import HostState  # noqa: E402
from inventory.store.protocol import Change  # noqa: E402
from inventory.store.sql import SqlStore  # noqa: E402
from pods import catalogue  # noqa: E402
from pods.facts import (  # noqa: E402
    AcceleratorFact,
    AdapterFact,
    CoolingPartFact,
    DriveFact,
    HardwareFacts,
    MemoryModuleFact,
    NicFact,
    PowerSupplyFact,
    ProcessorFact,
)
from pods.spec import PodSpec  # noqa: E402
from tests.benchmarks.inventory import netbox_bed  # noqa: E402
from tests.contract.store import postgres  # noqa: E402

FINGERPRINT = "sha256:" + "ab" * 32
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PER_RACK = 20
PER_POD = 2500
NETBOX_BATCH = 100


@dataclass(frozen=True)
class Question:
    """One thing to ask, so many times."""

    name: str
    times: int
    ask: Callable[[httpx.Client, int], httpx.Response]


@dataclass(frozen=True)
class Measured:
    """What it took."""

    name: str
    times: int
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    kilobytes: float


def facts(number: int, now: datetime) -> HardwareFacts:
    """An eight-GPU server as its BMC tells of it."""
    return HardwareFacts(
        observed_at=now,
        source="redfish",
        manufacturer="NVIDIA",
        model="DGX H100",
        serial=f"S{number:08d}",
        uuid=f"00000000-0000-4000-8000-{number:012d}",
        processors=tuple(
            ProcessorFact(slot=f"CPU{i}", model="Xeon 8480C", cores=56, threads=112)
            for i in range(2)
        ),
        accelerators=tuple(
            AcceleratorFact(
                slot=f"GPU{i}",
                model="NVIDIA H100 80GB HBM3",
                memory_gib=80,
                serial=f"{number:08d}{i}",
                uuid=f"GPU-{number:012d}{i}",
                firmware="96.00.74.00.01",
                part_number="2330-885-A1",
                link_ports=18,
            )
            for i in range(8)
        ),
        memory=tuple(
            MemoryModuleFact(
                slot=f"DIMM{i}", capacity_gib=64, part_number="M321R8GA0BB0", serial=f"{i:08x}"
            )
            for i in range(32)
        ),
        drives=tuple(
            DriveFact(slot=str(i), model="KCM6DRUL3T84", capacity_gib=3577, serial=f"D{i:011d}")
            for i in range(10)
        ),
        nics=tuple(
            NicFact(slot=str(i), mac=f"02:00:00:00:00:{i:02x}", speed_gbps=400) for i in range(12)
        ),
        adapters=tuple(
            AdapterFact(slot=str(i), model="ConnectX-7", serial=f"MT{i:08d}") for i in range(10)
        ),
        power_supplies=tuple(
            PowerSupplyFact(slot=str(i), model="3300 W", serial=f"P{i:010d}") for i in range(6)
        ),
        cooling=tuple(CoolingPartFact(slot=str(i), kind="fan", health="OK") for i in range(20)),
        firmware={f"component-{i}": "1.2.3.4" for i in range(40)},
        bios={f"setting-{i}": "Enabled" for i in range(30)},
    )


def spec_of(hosts: int) -> dict[str, Any]:
    """lab-4 grown to so many slots, a feed to each rack."""
    made = catalogue.load("lab-4").model_dump(mode="json")
    racks = -(-hosts // PER_RACK)
    feed = {**made["feeds"]["a"], "rated_amps": 100.0}
    made["feeds"] = {f"f{r}": feed for r in range(racks)}
    made["racks"] = [
        {
            "name": f"r{r}",
            "units": 42,
            "slots": [
                {"slot": f"r{r}-h{h}", "unit": h + 1, "host_type": "lab-cpu", "feed": f"f{r}"}
                for h in range(min(PER_RACK, hosts - r * PER_RACK))
            ],
        }
        for r in range(racks)
    ]
    return PodSpec.model_validate_json(json.dumps(made)).model_dump(mode="json")


def host(number: int, pod: str, now: datetime) -> Host:
    """A host that was inspected, one in ten with a person."""
    rack, place = divmod(number % PER_POD, PER_RACK)
    return Host(
        id=f"10000000-0000-4000-8000-{number:012d}",
        name=f"old-h{number}",
        pod=pod,
        slot=f"r{rack}-h{place}",
        rack=f"r{rack}",
        feed=f"f{rack}",
        host_type="lab-cpu",
        simulated=True,
        state=HostState.READY if number % 10 else HostState.REPAIRING,
        state_since=now,
        target="ready",
        serial=f"S{number:08d}",
        bmc=BmcAccess(
            address=f"redfish+https://bmc-{number}:443", fingerprint=FINGERPRINT, username="admin"
        ),
        wake_at=now,
        facts=facts(number, now),
    )


def fill(url: str, hosts: int, new: int) -> str:
    """A store with hosts, and a pod with free slots; the text of an admin's key."""
    store = SqlStore.open(url)
    now = datetime.now(UTC)
    key, text = mint("admin", now=now)
    store.apply(Change(insert=(key, *(pod_of(n, s, now) for n, s in pods(hosts, new)))), now=now)
    for start in range(0, hosts, 500):
        numbers = range(start, min(hosts, start + 500))
        records = tuple(host(n, f"old-{n // PER_POD}", now) for n in numbers)
        store.apply(Change(insert=records), now=now)
    store.close()
    return text


def pods(hosts: int, new: int) -> Iterator[tuple[str, int]]:
    """The pods by name, with their size."""
    for number in range(-(-hosts // PER_POD)):
        yield f"old-{number}", min(PER_POD, hosts - number * PER_POD)
    yield "new", new


def pod_of(name: str, size: int, now: datetime) -> Pod:
    """A pod with so many slots."""
    document = spec_of(size)
    return Pod(
        name=name,
        site="here",
        spec="bench@1",
        spec_digest="sha256:" + "0" * 64,
        spec_document=document,
        simulated=True,
        created_at=now,
    )


def serve(url: str, port: int, key_file: Path) -> None:
    """The service, until it is told to end."""
    store = SqlStore.open(url)
    deps = ApiDeps(
        store=store,
        clock=SystemClock(),
        secrets=SecretBox.open(key_file),
        in_thread=asyncio.to_thread,
        wake=lambda: None,
    )
    uvicorn.run(build_api(deps), host="127.0.0.1", port=port, log_level="error", access_log=False)


@contextmanager
def service(url: str, folder: Path) -> Iterator[tuple[str, int]]:
    """The service in a process of its own: its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, __file__, "--serve", url, "--port", str(port), "--folder", folder]
    process = subprocess.Popen([str(one) for one in command], cwd=ROOT)
    base = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1800):
            try:
                if httpx.get(f"{base}/healthz", trust_env=False).is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        yield base, process.pid
    finally:
        process.terminate()
        process.wait(timeout=20)


def questions(hosts: int, new: int) -> Iterator[Question]:
    """What is asked of podyard."""

    def get(path: str) -> Callable[[httpx.Client, int], httpx.Response]:
        return lambda client, n: client.get(path.format(n=(n * 7919) % hosts, s=(n * 7919) % hosts))

    yield Question("page of 1,000 full, cold", 1, get("/api/hosts?limit=1000"))
    yield Question("get one", 400, get("/api/hosts/old-h{n}"))
    yield Question("filter by serial", 400, get("/api/hosts?serial=S{s:08d}"))
    yield Question("filter by pod, 50", 200, get("/api/hosts?pod=old-0&limit=50"))
    yield Question("filter by state, 50", 200, get("/api/hosts?state=repairing&limit=50"))
    yield Question("filter by gpu.count, 50", 100, get("/api/hosts?gpu.count__gte=8&limit=50"))
    yield Question("page of 1,000 full", 40, get("/api/hosts?limit=1000"))
    yield Question("page of 1,000 brief", 40, get("/api/hosts?limit=1000&brief=1"))
    yield Question("patch one", 100, lambda c, n: patch(c, n, 1, hosts))
    yield Question("patch 100", 10, lambda c, n: patch(c, n, 100, hosts))
    yield Question(f"create {new:,}", 1, lambda c, _: create(c, new))


def patch(client: httpx.Client, number: int, count: int, hosts: int) -> httpx.Response:
    """A custom field of one host or of some."""
    first = (number * count) % max(1, hosts - count)
    if count == 1:
        return client.patch(f"/api/hosts/old-h{first}", json={"custom": {"round": number + 1}})
    items = [
        {"name": f"old-h{n}", "custom": {"round": number + 1}} for n in range(first, first + count)
    ]
    return client.patch("/api/hosts", json=items)


def create(client: httpx.Client, count: int) -> httpx.Response:
    """Hosts that fill a pod, in one request."""
    items = [
        {
            "pod": "new",
            "name": f"new-h{n}",
            "slot": f"r{n // PER_RACK}-h{n % PER_RACK}",
            "bmc": f"redfish+https://new-{n}:443",
            "fingerprint": FINGERPRINT,
            "username": "admin",
            "password": "a long password",
            "serial": f"N{n:08d}",
        }
        for n in range(count)
    ]
    return client.post("/api/hosts", json=items)


def netbox_questions(ids: list[int], new: int) -> Iterator[Question]:
    """The same questions in NetBox's words, of devices with these ids.

    2,000 devices in one request take longer than its web server allows: they are made a hundred
    at a time, and that is one question of which the sum is told.
    """

    def get(path: str) -> Callable[[httpx.Client, int], httpx.Response]:
        return lambda client, n: client.get(
            path.format(id=ids[(n * 7919) % len(ids)], n=(n * 7919) % len(ids))
        )

    def changed(client: httpx.Client, number: int, count: int) -> httpx.Response:
        first = (number * count) % max(1, len(ids) - count)
        items = [{"id": i, "comments": f"round {number}"} for i in ids[first : first + count]]
        return client.patch("/api/dcim/devices/", json=items)

    def made(client: httpx.Client) -> httpx.Response:
        seen = client.get("/api/dcim/devices/", params={"limit": 1}).json()["results"][0]
        common = {key: seen[key]["id"] for key in ("site", "role", "device_type")}
        for start in range(0, new, NETBOX_BATCH):
            numbers = range(start, min(start + NETBOX_BATCH, new))
            reply = client.post(
                "/api/dcim/devices/",
                json=[{"name": f"new-{n:05d}", "serial": f"N{n:05d}", **common} for n in numbers],
            )
            if reply.is_error:
                break
        return reply

    listed = "/api/dcim/devices/?limit={limit}"
    yield Question("page of 1,000 full, cold", 1, get(listed.format(limit=1000)))
    yield Question("get one", 60, get("/api/dcim/devices/{id}/"))
    yield Question("filter by serial", 60, get("/api/dcim/devices/?serial=SN{n:05d}"))
    yield Question("filter by state, 50", 20, get("/api/dcim/devices/?status=active&limit=50"))
    yield Question("page of 1,000 full", 5, get(listed.format(limit=1000)))
    yield Question("page of 1,000 brief", 10, get(listed.format(limit=1000) + "&brief=1"))
    yield Question("patch one", 20, lambda c, n: changed(c, n, 1))
    yield Question("patch 100", 2, lambda c, n: changed(c, n, 100))
    yield Question(f"create {new:,}", 1, lambda c, _: made(c))


def measure(
    base: str, headers: dict[str, str], asked: Iterator[Question], pids: list[int]
) -> Iterator[Measured]:
    """Ask, one after the other over one connection."""
    with httpx.Client(
        base_url=base, headers=headers, trust_env=False, timeout=600, follow_redirects=True
    ) as client:
        for question in asked:
            yield _measure(client, question, pids)


def _measure(client: httpx.Client, question: Question, pids: list[int]) -> Measured:
    took: list[float] = []
    size = 0
    before = cpu_s(pids)
    for number in range(question.times):
        begun = time.perf_counter()
        reply = question.ask(client, number)
        took.append((time.perf_counter() - begun) * 1000)
        if reply.is_error:
            raise RuntimeError(f"{question.name}: {reply.status_code} {reply.text[:300]}")
        size = len(reply.content)
    spent = cpu_s(pids) - before
    took.sort()
    return Measured(
        name=question.name,
        times=question.times,
        p50_ms=statistics.median(took),
        p99_ms=took[min(len(took) - 1, int(len(took) * 0.99))],
        cpu_ms=spent / question.times * 1000,
        kilobytes=size / 1000,
    )


def cpu_s(pids: list[int]) -> float:
    """CPU seconds of processes and of their living children, all threads."""
    total = 0
    for pid in [*pids, *(child for parent in pids for child in children(parent))]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS_PER_S


def children(pid: int) -> list[int]:
    """The processes that a process started, as a web server its workers."""
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(one) for one in told.split()]


def show(title: str, found: list[Measured]) -> None:
    """A table."""
    print(f"\n### {title}\n")
    print("| request | times | p50 ms | p99 ms | service CPU ms | kB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for one in found:
        print(
            f"| {one.name} | {one.times} | {one.p50_ms:.1f} | {one.p99_ms:.1f} "
            f"| {one.cpu_ms:.1f} | {one.kilobytes:.1f} |"
        )


def measured(hosts: int, new: int, folder: Path, *, on_postgres: bool) -> None:
    """One size, on each store."""
    run(f"sqlite:///{folder / 'podyard.db'}", f"SQLite, {hosts:,} hosts", hosts, new, folder)
    if on_postgres:
        with postgres.server() as sockets:
            postgres.create_database(sockets, "bench")
            address = postgres.url_of(sockets, "bench")
            run(address, f"PostgreSQL, {hosts:,} hosts", hosts, new, folder)


def run(url: str, title: str, hosts: int, new: int, folder: Path) -> None:
    """One store."""
    key = fill(url, hosts, new)
    with service(url, folder) as (base, pid):
        headers = {"Authorization": f"Bearer {key}"}
        show(title, list(measure(base, headers, questions(hosts, new), [pid])))


def beside_netbox(hosts: int, new: int) -> None:
    """A real NetBox with as many devices, asked the same."""
    with netbox_bed.started(workers=2, hosts=hosts) as netbox:
        headers = {"Authorization": f"Bearer {netbox.token}"}
        with httpx.Client(base_url=netbox.url, headers=headers, trust_env=False) as client:
            reply = client.get("/api/dcim/devices/?limit=1&ordering=id", timeout=60)
            first = int(reply.json()["results"][0]["id"])
        ids = list(range(first, first + hosts))
        show("NetBox", list(measure(netbox.url, headers, netbox_questions(ids, new), [netbox.pid])))


def main() -> None:
    """Measure what was asked for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hosts", type=int, nargs="+", default=[2500])
    options.add_argument("--create", type=int, default=2000)
    options.add_argument("--postgres", action="store_true", help="also on PostgreSQL")
    options.add_argument("--netbox", action="store_true", help="also a real NetBox")
    options.add_argument("--serve", default="", help=argparse.SUPPRESS)
    options.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    options.add_argument("--folder", type=Path, default=Path(), help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.serve:
        serve(given.serve, given.port, given.folder / "secrets.key")
        return
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} CPUs")
    print(f"load {os.getloadavg()[0]:.1f}; hosts with facts of 15 kB each", flush=True)
    for hosts in given.hosts:
        with tempfile.TemporaryDirectory() as name:
            measured(hosts, given.create, Path(name), on_postgres=given.postgres)
        if given.netbox:
            beside_netbox(hosts, given.create)
    print(f"\nload at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
