# ruff: noqa: T201 - a script that prints what it measured
"""How long the store takes for what the API asks of it, at 2,500 and at 100,000 hosts.

    python -m tests.benchmarks.inventory.store_bench [--hosts 2500 100000] [--stores sqlite ...]

Each line is the median and the 99th percentile of wall time, and the CPU that this process used for
one call; the database server's own CPU is not in it. Hosts carry the facts of a server with eight
accelerators. Query plans are printed where one reads a whole table.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from inventory.model import Host
from inventory.states import HostState
from inventory.store import asking
from inventory.store.protocol import Change
from inventory.store.query import Condition, Query
from inventory.store.sql import SqlStore
from inventory.store.tables import KINDS
from pods.facts import AcceleratorFact, AdapterFact, DriveFact, MemoryModuleFact
from tests.contract.store import postgres
from tests.unit.inventory.records import make_facts, make_host

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
BATCH = 2000
STATES = tuple(HostState)


def host(number: int) -> Host:
    """A host with eight accelerators, in one of many pods and states."""
    serial = f"S{number:08d}"
    facts = make_facts(
        serial=serial,
        accelerators=tuple(
            AcceleratorFact(
                slot=f"GPU_SXM_{i}",
                model="NVIDIA B200" if number % 10 else "NVIDIA H100",
                memory_gib=180,
                serial=f"G{number:07d}{i}",
                uuid=f"GPU-{number:024d}-{i}",
                firmware="97.00.5E.00.03",
            )
            for i in range(8)
        ),
        memory=tuple(
            MemoryModuleFact(slot=f"DIMM{i}", capacity_gib=96, serial=f"M{number:07d}{i:02d}")
            for i in range(24)
        ),
        drives=tuple(
            DriveFact(slot=f"{i}", model="NVMe 7.68", capacity_gib=7152, serial=f"D{number}-{i}")
            for i in range(10)
        ),
        adapters=tuple(
            AdapterFact(slot=f"NIC{i}", model="ConnectX-8", serial=f"N{number:07d}{i}", ports=1)
            for i in range(9)
        ),
    )
    return make_host(
        number,
        serial=serial,
        pod=f"pod-{number // 128}",
        rack=f"r{number // 8}",
        state=STATES[number % len(STATES)],
        facts=facts,
        wake_at=NOW + timedelta(days=number % 7),
        tags=("canary",) if number % 50 == 0 else (),
    )


def fill(store: SqlStore, wanted: int) -> None:
    """Insert hosts up to a number."""
    for start in range(store.count(Host), wanted, BATCH):
        hosts = tuple(host(n) for n in range(start, min(start + BATCH, wanted)))
        store.apply(Change(insert=hosts), now=NOW)


def measure(name: str, call: Callable[[int], object], *, times: int) -> float:
    """Print one line; the median in milliseconds."""
    call(0)
    walls = []
    cpu = time.process_time()
    for turn in range(1, times + 1):
        begun = time.perf_counter()
        call(turn)
        walls.append((time.perf_counter() - begun) * 1000)
    used_ms = (time.process_time() - cpu) * 1000 / times
    walls.sort()
    p99 = walls[min(len(walls) - 1, int(len(walls) * 0.99))]
    median = statistics.median(walls)
    print(f"  {name:<42} median {median:9.2f} ms   p99 {p99:9.2f} ms   CPU {used_ms:9.2f} ms")
    return median


def ask(store: SqlStore, *conditions: Condition, **more: object) -> object:
    """One search."""
    return store.search(Host, Query(conditions=conditions, **more))  # type: ignore[arg-type]


def run(store: SqlStore, count: int) -> dict[str, float]:
    """All measurements at one size."""
    ids = [make_host(n).id for n in range(0, count, max(1, count // 997))]
    page = Query(limit=1000, counted=False)
    by_name = Query(limit=1000, ordering=(("name", False),))
    one = Query(limit=50)
    found = {
        "get one": measure("get one", lambda n: store.get(Host, ids[n % len(ids)]), times=300),
        "by serial": measure(
            "filter by serial",
            lambda n: ask(store, Condition("serial", "exact", (f"S{n:08d}",))),
            times=300,
        ),
        "by pod": measure(
            "filter by pod, 50 of a page",
            lambda n: ask(store, Condition("pod", "exact", (f"pod-{n % 19}",)), limit=50),
            times=50,
        ),
        "by state": measure(
            "filter by state, 50 of a page, no total",
            lambda n: ask(
                store,
                Condition("state", "exact", (STATES[n % len(STATES)].value,)),
                limit=50,
                counted=False,
            ),
            times=50,
        ),
        "by tag": measure(
            "filter by tag, 50 of a page, no total",
            lambda _: ask(store, Condition("tag", "exact", ("canary",)), limit=50, counted=False),
            times=50,
        ),
        "page 50": measure("page of 50 with total", lambda _: store.search(Host, one), times=30),
        "page 1000": measure("page of 1,000 full", lambda _: store.search(Host, page), times=5),
        "page 1000 by name": measure(
            "page of 1,000 by name, with total", lambda _: store.search(Host, by_name), times=5
        ),
        "outline 1000": measure(
            "page of 1,000 keys and versions", lambda _: store.outline(Host, page), times=10
        ),
        "contains": measure(
            "name contains, 50 of a page",
            lambda n: ask(store, Condition("name", "ic", (f"h{n}7",)), limit=50),
            times=10,
        ),
        "due": measure(
            "due hosts, 64", lambda _: store.due_hosts(NOW + timedelta(days=1), limit=64), times=20
        ),
    }
    new = [tuple(host(10_000_000 + turn * BATCH + n) for n in range(BATCH)) for turn in range(3)]
    found["create 2000"] = measure(
        "create 2,000", lambda n: store.apply(Change(insert=new[n]), now=NOW), times=2
    )
    changed = [store.get(Host, key) for key in ids[:100]]

    def patch(turn: int) -> None:
        now = store.get_many(Host, [h.id for h in changed if h])
        moved = tuple(h.model_copy(update={"waiting": str(turn)}) for h in now.values())
        store.apply(Change(replace=moved), now=NOW)

    found["patch 100"] = measure("read and change 100", patch, times=5)
    for group in new:
        store.apply(Change(remove=group), now=NOW)
    return found


PLANS = {
    "get one": Query(conditions=(Condition("key", "exact", ("x",)),)),
    "serial": Query(conditions=(Condition("serial", "exact", ("x",)),)),
    "pod": Query(conditions=(Condition("pod", "exact", ("pod-1",)),)),
    "state": Query(conditions=(Condition("state", "exact", ("ready",)),)),
    "rack": Query(conditions=(Condition("rack", "exact", ("r1",)),)),
    "tag": Query(conditions=(Condition("tag", "exact", ("canary",)),)),
    "gpu": Query(conditions=(Condition("gpu_model", "exact", ("NVIDIA H100",)),)),
    "problem": Query(conditions=(Condition("problem", "empty", (False,)),)),
    "page": Query(),
    "page by name": Query(ordering=(("name", False),)),
}


def whole_table_reads(store: SqlStore) -> list[str]:
    """Plans of indexed questions that read the whole table all the same."""
    told = []
    kind = KINDS[Host]
    with store._connected() as connection:
        for name, query in PLANS.items():
            ordered = asking.order(kind, query)
            statement = (
                sa.select(kind.table.c.document, kind.table.c.version)
                .where(*asking.where(kind, query))
                .order_by(*(c for c, _ in ordered))
                .limit(51)
            )
            bound = statement.compile(
                dialect=connection.dialect, compile_kwargs={"literal_binds": True}
            )
            sqlite = connection.dialect.name == "sqlite"
            explained = connection.exec_driver_sql(
                f"EXPLAIN {'QUERY PLAN ' if sqlite else ''}{str(bound).replace('%', '%%')}"
            )
            lines = [str(row[-1]).strip() for row in explained]
            bad = [
                line
                for line in lines
                if ("SCAN hosts" in line and "INDEX" not in line) or "Seq Scan on hosts" in line
            ]
            if bad:
                told.append(f"{name}: {' | '.join(lines)}")
    return told


@contextmanager
def opened(kind: str, folder: Path) -> Iterator[SqlStore]:
    """A store of a kind, empty."""
    if kind == "sqlite":
        store = SqlStore.open(f"sqlite:///{folder / 'bench' / 'podyard.db'}")
        yield store
        store.close()
        return
    with postgres.server() as sockets:
        postgres.create_database(sockets, "bench")
        store = SqlStore.open(postgres.url_of(sockets, "bench"))
        yield store
        store.close()


def main() -> None:
    """Both stores, each size, and how much slower the larger one is."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hosts", type=int, nargs="+", default=[2_500, 100_000])
    parser.add_argument("--stores", nargs="+", default=["sqlite", "postgresql"])
    given = parser.parse_args()
    for kind in given.stores:
        with tempfile.TemporaryDirectory() as folder, opened(kind, Path(folder)) as store:
            results = []
            for count in given.hosts:
                begun = time.perf_counter()
                fill(store, count)
                took_s = time.perf_counter() - begun
                if kind == "postgresql":
                    with store._engine.connect() as connection:
                        connection.exec_driver_sql("ANALYZE")
                        connection.commit()
                print(f"{kind}, {count:,} hosts (filled in {took_s:.1f} s)", flush=True)
                results.append(run(store, count))
                for told in whole_table_reads(store):
                    print(f"  READS THE WHOLE TABLE: {told}")
            if len(results) > 1:
                print(
                    "  slower by: "
                    + ", ".join(
                        f"{name} {results[-1][name] / results[0][name]:.2f}" for name in results[0]
                    )
                )


if __name__ == "__main__":
    main()
