# ruff: noqa: T201 - a script that prints what it measured
"""How the allocator's cost grows with the site, and how much of what is asked for it accepts.

    python tests/benchmarks/allocator_bench.py [--decisions 10000] [--seeds 1]

Runs `podyard bench allocator` at 2,000, 5,000, 10,000 and 20,000 hosts in this one process, then
batches of asks on 200 hosts against the bound that no solver can pass. Prints one JSON line each.
Nothing is timed against a limit; the time of this process is told beside the wall's.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from runtime.bench.allocating import run_allocator  # noqa: E402 - the script is run by path
from tests.unit.runtime.allocation.instances import (  # noqa: E402 - the same
    accepted,
    bound,
    instance,
)

HOSTS = (2000, 5000, 10_000, 20_000)
LOADS = (1.05, 1.1, 1.2, 1.3, 1.6, 2.0)
INSTANCES = 20


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    for seed in range(1, given.seeds + 1):
        for hosts in HOSTS:
            before = os.getloadavg()[0]
            said = run_allocator(
                hosts,
                decisions=given.decisions,
                seed=seed,
                wall=time.perf_counter,
                cpu=time.process_time,
            )
            load = [round(before, 1), round(os.getloadavg()[0], 1)]
            print(json.dumps({**said, "load": load}), flush=True)
    for tenants in (1, 12):
        print(json.dumps(demand(tenants)), flush=True)


def demand(tenants: int) -> dict[str, float]:
    """Accepted demand over the bound, when so many tenants take turns."""
    shares = []
    for load in LOADS:
        for seed in range(INSTANCES):
            one = instance(seed, hosts=200, demand=load, tenants=tenants, quotas=False)
            shares.append(accepted(one)[0] / bound(one))
    return {
        "tenants": tenants,
        "instances": len(shares),
        "share_mean": round(statistics.fmean(shares), 4),
        "share_min": round(min(shares), 4),
        "below_0.97": sum(share < 0.97 for share in shares),
    }


if __name__ == "__main__":
    main()
