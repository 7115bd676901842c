"""Ten thousand jobs at once: how fast they are taken, in which order they begin, what a head needs.

    python tests/benchmarks/jobs_bench.py [--jobs 10000] [--head 120] [-o json]

First a service of its own takes them over real HTTP, one request for each, from eight connections.
Then the queue hands as many to a scripted head that ends whatever it was given before each look;
the order in which they begin is checked: no lower priority before a higher one. It says by how many
jobs one who asks was ahead of another with equal priority at most. With `--head`, a real Ray head
of the simulated hall is given such a queue for so many seconds, and its memory is read.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import httpx
from pydantic import SecretStr

from inventory.jobs import Job
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from runtime.cluster import Node, RayJob
from runtime.context import ClusterKey, Reach
from runtime.jobtending import JobTending
from tests.bed import Bed, bed
from tests.unit.runtime_control.builders import Site

CONNECTIONS = 8
ASKERS = 4
PRIORITIES = 3
LIMIT_S = 300.0
LOOK_S = 5.0
AT_ONCE = 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--head", type=float, default=0.0, help="seconds with a real head")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    options = parser.parse_args()
    told: dict[str, Any] = {"load": os.getloadavg()[0]}
    with bed(speed=4.0) as one:
        told["enqueue"] = _enqueue(one, options.jobs)
    told["order"] = asyncio.run(_order(options.jobs))
    if options.head:
        with bed(speed=4.0) as one:
            told["head"] = _head(one, options.jobs, options.head)
    told["load_after"] = os.getloadavg()[0]
    if options.output == "json":
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
        return
    for part, found in told.items():
        sys.stdout.write(f"{part}: {found}\n")


def _tenant_key(one: Bed) -> str:
    made = one.call("POST", "/api/tenants", {"name": "acme"})
    assert made.is_success, made.text
    return str(one.call("POST", "/api/keys", {"role": "tenant", "tenant": "acme"}).json()["text"])


def _enqueue(one: Bed, count: int) -> dict[str, float]:
    """One request for each job, and all of them on record afterwards."""
    one.start_service()
    one.login()
    key = _tenant_key(one)
    pid = one.processes["service"].pid
    before = _pss_mib([pid])
    took: list[float] = []

    def put(numbers: Iterable[int]) -> None:
        with httpx.Client(
            headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False
        ) as client:
            for number in numbers:
                began = time.monotonic()
                body = {"entrypoint": f"echo {number}", "priority": number % PRIORITIES}
                made = client.post(one.url("/api/jobs"), json=body)
                assert made.status_code == httpx.codes.CREATED, made.text
                took.append(time.monotonic() - began)

    began = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(put, [range(n, count, CONNECTIONS) for n in range(CONNECTIONS)]))
    seconds = time.monotonic() - began
    waiting = int(one.get("/api/jobs?state=queued&brief=1&limit=1")["count"])
    assert waiting == count, waiting
    took.sort()
    return {
        "jobs": count,
        "per_second": round(count / seconds, 1),
        "p50_ms": round(took[count // 2] * 1000, 1),
        "p99_ms": round(took[int(count * 0.99)] * 1000, 1),
        "service_mib_before": before,
        "service_mib_after": _pss_mib([pid]),
    }


class _Scripted:
    """A head that ends what it was given before it is looked at again."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.begun: list[str] = []

    async def ray_jobs(self, submission_ids: Iterable[str]) -> dict[str, RayJob]:
        found = [name for name in submission_ids if name in self.known]
        return {name: RayJob(name, self.known[name], node_id="n") for name in found}

    async def nodes(self) -> tuple[Node, ...]:
        return (Node("n", "10.77.1.10", alive=True, is_head=True),)

    async def submit_job(self, body: Any) -> None:
        self.known[body["submission_id"]] = "SUCCEEDED"
        self.begun.append(body["metadata"]["podyard_job"])

    async def close(self) -> None:
        return


class _Reached(JobTending):
    """Whose cluster is there without a head's relay."""

    def _reach(self, key: ClusterKey) -> Reach:
        del key
        return Reach(self._world.usage_cursor, SecretStr("t"))


async def _order(count: int) -> dict[str, float]:
    """Look after look until every job has begun; priorities and turns kept."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqlStore.open(f"sqlite:///{folder}/podyard.db")
        site = Site(store, Path(folder), hosts=1)
        cluster = _Scripted()
        world = dataclasses.replace(site.world(), connect_cluster=lambda _socket, _token: cluster)
        queue = _Reached(world, site.fence)
        jobs = {job.id: job for job in _many(count)}
        waiting = list(jobs.values())
        for first in range(0, count, AT_ONCE):
            store.apply(Change(insert=tuple(waiting[first : first + AT_ONCE])), now=_NOW)
        looks, began = 0, time.process_time()
        while len(cluster.begun) < count:
            cluster.known = {name: "SUCCEEDED" for name in cluster.known if looks}
            await queue.look()
            await queue.settled()
            looks += 1
        cpu_s = time.process_time() - began
        await queue.close()
        store.close()
    order = [jobs[name] for name in cluster.begun]
    assert len({job.id for job in order}) == count
    assert [job.priority for job in order] == sorted((j.priority for j in order), reverse=True)
    return {
        "jobs": count,
        "looks": looks,
        "cpu_ms_a_look": round(cpu_s / looks * 1000, 1),
        "apart_at_most": _apart(order),
    }


_NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _many(count: int) -> Iterable[Job]:
    """The first asker's all come first: who is late waits no longer for that."""
    for number in range(count):
        yield Job(
            id=f"j{number:08}",
            tenant="acme",
            entrypoint="true",
            priority=number % PRIORITIES,
            asked_by=f"key:{number * ASKERS // count}",
            created_at=_NOW,
        )


def _apart(order: list[Job]) -> int:
    """The most by which one who asks was ahead of another that still waited."""
    worst = 0
    for priority in range(PRIORITIES):
        line = [job.asked_by for job in order if job.priority == priority]
        left, had = Counter(line), Counter[str]()
        for name in line:
            had[name] += 1
            left[name] -= 1
            behind = [had[other] for other, more in left.items() if more]
            worst = max(worst, had[name] - min(behind, default=had[name]))
    return worst


def _head(one: Bed, count: int, seconds: float) -> dict[str, Any]:
    """A real head with a queue in front of it."""
    one.start_hall()
    one.start_service()
    one.login()
    one.apply_pod()
    one.approve(one.plan()["digest"])
    one.wait(LIMIT_S, one.settled)
    _tenant_key(one)
    claim = {
        "tenant": "acme", "cluster": "main", "unit_class": "lab-cpu", "count": 1,
        "accept_simulated": True,
    }  # fmt: skip
    assert one.call("POST", "/api/claims", claim).is_success
    one.wait(
        LIMIT_S, lambda: "running" in [c["phase"] for c in one.get("/api/clusters")["results"]]
    )
    hall = one.processes["hall"].pid
    idle = _pss_mib(_below(hall))
    for first in range(0, count, AT_ONCE):
        jobs = [{"tenant": "acme", "entrypoint": "true"}] * min(AT_ONCE, count - first)
        made = one.call("POST", "/api/jobs/many", {"jobs": jobs})
        assert made.is_success, made.text
    ends, seen = time.monotonic() + seconds, list[tuple[int, int]]()
    while time.monotonic() < ends:
        time.sleep(LOOK_S)
        done = int(one.get("/api/jobs?state=succeeded&brief=1&limit=1")["count"])
        seen.append((done, _pss_mib(_below(hall))))
    states = ("running", "succeeded", "failed")
    counts = {s: int(one.get(f"/api/jobs?state={s}&brief=1&limit=1")["count"]) for s in states}
    return {
        "mib_idle": idle,
        "mib_most": max(mib for _, mib in seen),
        "done_and_mib": seen,
        "service_mib": _pss_mib([one.processes["service"].pid]),
        **counts,
    }


def _below(pid: int) -> list[int]:
    """Every process that this one started, and that those did."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_bytes().rpartition(b") ")[2].split()[1])
        except OSError:
            continue  # it ended meanwhile
        children.setdefault(parent, []).append(int(entry.name))
    found, left = list[int](), [pid]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return found


def _pss_mib(pids: Iterable[int]) -> int:
    """Memory with shared pages counted once."""
    kib = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        kib += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kib // 1024


if __name__ == "__main__":
    main()
