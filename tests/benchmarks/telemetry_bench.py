"""What telemetry costs: `python tests/benchmarks/telemetry_bench.py --hosts 50 --hours 24`.

Storage is measured with made-up sensors that move as real ones do: twenty series of a host, read
every minute with some jitter, written down as the service does, rolled up, asked for. Nothing is
simulated but the readings. With `--bmcs HALL.json` (a running `podyard simulate`) it also reads its
BMCs over HTTPS, one round after the other as the service does, and counts the processor's time of
this process alone. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr

from inventory.readings.asked import answer
from inventory.readings.packing import DAY_S, WINDOW_S
from inventory.store.sql import SqlStore
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.redfish.driver import RedfishBmc
from provisioning.drivers.rounds import Round
from provisioning.telemetry.recording import Recorder
from provisioning.telemetry.settings import TelemetrySettings

SERIES = (
    ("power", 1, 6500.0, 250.0),
    ("temperature", 10, 55.0, 1.5),
    ("fan", 4, 8000.0, 60.0),
    ("flow", 2, 2.1, 0.03),
    ("leak", 2, 0.0, 0.0),
)
"""Word, how many, where they stand and how far they wander in a minute; with energy: twenty."""
DAY = 20_000
PAUSE_S = 10.0
"""Between two rounds of one BMC: longer than a connection is kept, as it is in the service."""


class Host:
    """Sensors that wander and come back."""

    def __init__(self, number: int, seed: int) -> None:
        self.id = f"00000000-0000-4000-8000-{number:012d}"
        self._random = random.Random(f"{seed}/{number}")
        self._values = {
            f"{word}.s{n}" if many > 1 else word: [middle, middle, step]
            for word, many, middle, step in SERIES
            for n in range(many)
        }

    def read(self) -> Round:
        """One minute later."""
        for value in self._values.values():
            now, middle, step = value
            value[0] = now + (middle - now) * 0.1 + self._random.gauss(0.0, step)
        return Round(values={name: value[0] for name, value in self._values.items()}, requests=1)


def kept(url: str, hosts: int, hours: int, seed: int) -> dict[str, Any]:
    """Writing, rolling up and asking."""
    store = SqlStore.open(url)
    made = [Host(number, seed) for number in range(hosts)]
    recorder = Recorder(longest_s=150.0)
    noting = writing = 0.0
    rounds = rows = 0
    jitter = random.Random(seed)
    for minute in range(hours * 60):
        at = DAY * DAY_S + minute * 60 + jitter.random() * 5
        read = [(host.id, host.read()) for host in made]
        began = time.process_time()
        for host_id, one in read:
            recorder.note(host_id, at, one)
        noting += time.process_time() - began
        rounds += len(read)
        began = time.process_time()
        batch = recorder.take()
        store.readings.write(batch)
        writing += time.process_time() - began
        rows += len(batch.windows)
    found = {
        "hosts": hosts,
        "hours": hours,
        "rounds": rounds,
        "note_us_a_round": round(noting / rounds * 1e6, 1),
        "write_us_a_round": round(writing / rounds * 1e6, 1),
        "raw_bytes_a_host_day": _bytes(store, "readings", "samples", hosts) * 24 // hours,
    }
    began = time.process_time()
    whole = list(range(DAY, DAY + hours // 24))
    for day in whole:
        store.readings.roll_up(day=day, hosts=[host.id for host in made])
    if whole:
        spent = time.process_time() - began
        found["roll_up_ms_a_host_day"] = round(spent / hosts / len(whole) * 1e3, 2)
        each = _bytes(store, "reading_days", "buckets", hosts) // len(whole)
        found["rollup_bytes_a_host_day"] = each
    found |= _asked(store, made[0].id, hours)
    store.close()
    return found


def _bytes(store: SqlStore, table: str, column: str, hosts: int) -> int:
    """Of the packed column of one host."""
    with store._connected() as connection:
        total = connection.execute(sa.text(f"SELECT SUM(LENGTH({column})) FROM {table}")).scalar()  # noqa: S608
    return int(total or 0) // hosts


def _asked(store: SqlStore, host_id: str, hours: int) -> dict[str, float]:
    end = DAY * DAY_S + hours * 3600
    told: dict[str, float] = {}
    for name, span_s, step_s in (("6h_raw", 6 * 3600, 0), ("24h_5m", 86_400, WINDOW_S)):
        began = time.process_time()
        for _ in range(20):
            answer(store.readings, host_id, since=end - span_s, until=end, step_s=step_s, wanted=())
        told[f"ask_{name}_ms"] = round((time.process_time() - began) / 20 * 1e3, 2)
    return told


async def polled(hosts: list[dict[str, Any]], rounds: int, pause_s: float) -> dict[str, Any]:
    """CPU of this process for one round over HTTPS, connections as far apart as they really are."""
    bmcs = [
        RedfishBmc.connect(
            host["bmc"],
            Credentials(username=host["username"], password=SecretStr(host["password"])),
            fingerprint=host["fingerprint"],
            ca_file=None,
            keepalive_s=TelemetrySettings(every_s=pause_s).keepalive_s,
        )
        for host in hosts
    ]
    first = [await bmc.round() for bmc in bmcs]
    spent, requests, many = 0.0, 0, 0
    for _ in range(rounds):
        await asyncio.sleep(pause_s)
        began = time.process_time()
        for one in await asyncio.gather(*(bmc.round() for bmc in bmcs)):
            requests += one.requests
            many += 1
        spent += time.process_time() - began
    try:
        worn = await _worn(bmcs)
    finally:
        for bmc in bmcs:
            await bmc.close()
    return {
        "bmcs": len(bmcs),
        "pause_s": pause_s,
        **worn,
        "polled_rounds": many,
        "series": max(len(one.values) for one in first),
        "requests_a_round": round(requests / many, 2),
        "first_round_requests": max(one.requests for one in first),
        "cpu_ms_a_round": round(spent / many * 1e3, 2),
    }


async def _worn(bmcs: list[RedfishBmc]) -> dict[str, Any]:
    """What reading the counters costs, which happens once an hour."""
    began, requests = time.process_time(), 0
    for bmc in bmcs:
        requests += (await bmc.wear()).requests
    spent = time.process_time() - began
    return {
        "wear_requests": round(requests / len(bmcs), 1),
        "wear_cpu_ms": round(spent / len(bmcs) * 1e3, 2),
    }


def _arguments() -> Iterator[tuple[str, Any]]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--database", default="", help="postgresql://…; SQLite in a file if empty")
    parser.add_argument("--pause", type=float, default=PAUSE_S, help="between two rounds, in s")
    parser.add_argument("--bmcs", type=Path, default=None)
    yield from vars(parser.parse_args()).items()


def main() -> None:
    """Print what it cost."""
    said = dict(_arguments())
    with tempfile.TemporaryDirectory() as folder:
        url = said["database"] or f"sqlite:///{Path(folder) / 'podyard.db'}"
        found = {"database": url.partition(":")[0], "seed": said["seed"]}
        found |= kept(url, said["hosts"], said["hours"], said["seed"])
    if said["bmcs"] is not None:
        found |= asyncio.run(
            polled(json.loads(said["bmcs"].read_text())["hosts"], said["rounds"], said["pause"])
        )
    json.dump(found, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
