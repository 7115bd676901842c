"""Bring-ups over HTTPS in real time: a thousand hosts in pairs with and without dead BMCs.

    python tests/benchmarks/bring_up_bench.py [--hosts 1000] [--pairs 3] [--large 4500] [-o json]
    python tests/benchmarks/bring_up_bench.py --hosts 100 --side-by-side --large 0

Each pair is one run without and one with 1 % of the BMCs black-holed, of the same seed, one after
the other, or both at once (`--side-by-side`: what else the machine does slows both alike, and halls
of a hundred leave it idle most of the time); pairs have different seeds. What counts is the median
of the pairs' ratios of the healthy hosts' p99 time to Ready. Then the large hall comes up once. Run
it on a machine that does nothing else: what it prints is a table for `docs/benchmarks.md`, and its
last line says the load.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
SHOWN = (
    "hosts", "black_holed", "seed", "ready", "parked", "lost", "double_destructive", "false_ready",
    "seconds", "ready_per_minute", "ready_p99_s", "controller_cpu_s_per_host",
    "simulator_cpu_s_per_host", "agents_cpu_s_per_host", "controller_peak_mib", "api_p50_ms",
    "api_p95_ms", "load_before", "load_after",
)  # fmt: skip


Run = subprocess.Popen[str]


def begin(hosts: int, *, seed: int, black_holed: str, faults: str, limit_s: float) -> Run:
    """One run, as a command of its own."""
    argv = [
        sys.executable, "-m", "runtime.cli", "bench", "bring-up", "--real", "--hosts", str(hosts),
        "--seed", str(seed), "--faults", faults, "--black-holed", black_holed,
        "--limit", str(limit_s), "-o", "json",
    ]  # fmt: skip
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def result(run: Run) -> dict[str, Any]:
    """What it said at its end."""
    said, _ = run.communicate()
    if not said.strip():
        sys.exit(f"a run ended with {run.returncode} and said nothing")
    return dict(json.loads(said))


def pairs(options: argparse.Namespace) -> tuple[list[dict[str, Any]], list[float]]:
    """All runs in pairs, and each pair's ratio."""
    runs, ratios = [], []
    for seed in range(1, options.pairs + 1):
        pair: list[dict[str, Any]] = []
        begun: list[Run] = []
        for share in ("0", options.black_holed):
            begun.append(
                begin(
                    options.hosts,
                    seed=seed,
                    black_holed=share,
                    faults=options.faults,
                    limit_s=options.limit,
                )
            )
            if not options.side_by_side:
                pair.append(result(begun.pop()))
        pair += [result(one) for one in begun]
        runs += pair
        ratios.append(pair[1]["ready_p99_s"] / pair[0]["ready_p99_s"])
    return runs, ratios


def table(runs: list[dict[str, Any]]) -> str:
    """In the form of the page."""
    lines = [f"| {' | '.join(SHOWN)} |", "|" + " --- |" * len(SHOWN)]
    lines += [f"| {' | '.join(str(run[name]) for name in SHOWN)} |" for run in runs]
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--black-holed", default="1%", help="share of dead BMCs in a pair's second")
    parser.add_argument(
        "--side-by-side", action="store_true", help="both runs of a pair at once, on small halls"
    )
    parser.add_argument("--large", type=int, default=4500, help="0 leaves it out")
    parser.add_argument("--faults", default="field")
    parser.add_argument("--limit", type=float, default=3600.0)
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    options = parser.parse_args()
    runs, ratios = pairs(options)
    if options.large:
        large = begin(
            options.large, seed=1, black_holed="0", faults=options.faults, limit_s=options.limit
        )
        runs.append(result(large))
    median = round(statistics.median(ratios), 3) if ratios else None
    if options.output == "json":
        print(json.dumps({"runs": runs, "p99_ratios": ratios, "p99_ratio_median": median}))  # noqa: T201 - what the program is for
        return
    print(table(runs))  # noqa: T201 - the same
    print(f"p99 with 1 % black-holed over without: {ratios}, median {median} (aim: 1.15 at most)")  # noqa: T201 - the same
    print(f"load average at the end: {os.getloadavg()}")  # noqa: T201 - the same


if __name__ == "__main__":
    main()
