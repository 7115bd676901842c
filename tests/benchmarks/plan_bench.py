# ruff: noqa: T201 - a script that prints what it measured
"""How long plans are over the bound that no schedule can beat, and how long planning takes.

`python tests/benchmarks/plan_bench.py [--seeds 200]` prints what `docs/benchmarks.md` records;
`--seeds 0` only times. Each seed is a hall of 30 to 40 feeds or pairs of feeds, every one loaded to
within 5 % of its budget, with inrush of 1.2 to 3 times the running draw; about half of the hosts
are on two feeds, of which either must carry them alone. Feeds that no order of starting fits are
drawn anew, and counted. Every plan is held against the budgets by a second telling of the watts.
Nothing is timed against a limit.

Four mixes are drawn: every host with watts of its own; three types on a feed; six types in the hall
with an inrush ratio each, mixed on every feed; and the same with an inrush time each, too.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from pods import catalogue  # noqa: E402 - the script is run by path
from pods.plan import Plan, PlannedHost, plan_bring_up  # noqa: E402
from pods.sequence import Start, shares, steps_min  # noqa: E402
from pods.spec import PodSpec  # noqa: E402

FEEDS = (30, 40)
HOSTS_PER_FEED = (8, 40)
RUNNING_WATTS = (500, 15_000)
INRUSH_RATIO = (1.2, 3.0)
LOAD_SHARE_MIN = 0.95
SETTLE_S = 2.0
VOLTS, LIMIT = 230.0, 0.8
TYPES_PER_FEED = 3
TYPES_PER_HALL = 6
MIXES = ("own watts", "three types", "mixed inrush", "mixed inrush times")
MIXED_SETTLE_S = (2.0, 3.0, 4.0)
"""Supplies, fans and drives spin up within a factor of two of each other."""

Kind = tuple[float, float, float, float]
"""Watts before, starting and running, and how long the inrush lasts."""


@dataclass(frozen=True)
class Hall:
    """Hosts with their feeds, and each feed's budget."""

    starts: list[Start]
    budgets: dict[str, float]
    redrawn: int


def draw_hall(seed: int, *, mix: str, hosts_min: int = 0) -> Hall:
    """One hall of one of the mixes."""
    rng = random.Random(seed)
    feeds = rng.randint(*FEEDS)
    types: list[Kind] = []
    if mix.startswith("mixed"):
        types = [draw_kind(rng, times=mix.endswith("times")) for _ in range(TYPES_PER_HALL)]
    starts: list[Start] = []
    budgets: dict[str, float] = {}
    redrawn = index = 0
    while index < feeds or len(starts) < hosts_min:
        names = (f"f{index}a", f"f{index}b") if rng.random() < 0.5 else (f"f{index}a",)
        drawn = [draw_kind(rng) for _ in range(TYPES_PER_FEED)] if mix == "three types" else types
        hosts = draw_feed(rng, names, position=len(starts), types=drawn)
        load = sum(host.running_watts for host in hosts)
        budget = load / rng.uniform(LOAD_SHARE_MIN, 1.0)
        if not feasible(hosts, budget):
            redrawn += 1
            continue
        starts += hosts
        budgets |= dict.fromkeys(names, budget)
        index += 1
    return Hall(starts, budgets, redrawn)


def draw_feed(
    rng: random.Random, names: tuple[str, ...], *, position: int, types: list[Kind]
) -> list[Start]:
    """The hosts of one feed, or of one pair; without types each has watts of its own."""
    hosts = []
    for n in range(rng.randint(*HOSTS_PER_FEED)):
        before, starting, running, settle_s = rng.choice(types) if types else draw_kind(rng)
        name = f"h{position + n}"
        hosts.append(Start(name, position + n, names, before, starting, running, settle_s))
    return hosts


def draw_kind(rng: random.Random, *, times: bool = False) -> Kind:
    """Standby, inrush and nameplate of one kind of host, in whole watts as specs have them."""
    running = rng.randint(*RUNNING_WATTS)
    standby = round(running * rng.uniform(0.0, 0.03))
    starting = round(running * rng.uniform(*INRUSH_RATIO))
    return standby, starting, running, rng.choice(MIXED_SETTLE_S) if times else SETTLE_S


def feasible(hosts: list[Start], budget: float) -> bool:
    """Whether any order of starting fits: read backwards, the least excess comes first."""
    room = budget - sum(host.running_watts for host in hosts)
    for host in sorted(hosts, key=lambda h: h.excess_watts):
        if host.excess_watts > room:
            return False
        room += host.kept_watts
    return True


def spec_of(hall: Hall, *, canary: int) -> PodSpec:
    """The hall as a spec, with a host type for every kind of watts."""
    value: dict[str, Any] = catalogue.load("lab-4").model_dump(mode="json")
    base = value["host_types"].pop("lab-cpu")
    value |= {"firmware": {}, "bios": {}, "racks": [], "bring_up": {"canary": canary}}
    value["feeds"] = {
        name: {"rated_amps": watts / VOLTS / LIMIT, "volts": VOLTS, "continuous_limit": LIMIT}
        for name, watts in hall.budgets.items()
    }
    for host in hall.starts:
        watts = (host.running_watts, host.starting_watts, host.before_watts, host.settle_s)
        kind = "t" + "-".join(f"{value:.0f}" for value in watts)
        power = {
            "nameplate_watts": int(host.running_watts),
            "typical_watts": int(host.running_watts),
            "inrush_watts": int(host.starting_watts),
            "standby_watts": int(host.before_watts),
            "inrush_s": host.settle_s,
        }
        value["host_types"].setdefault(kind, base | {"power": power})
        if host.position % 40 == 0:
            value["racks"].append({"name": f"r{host.position}", "units": 42, "slots": []})
        slot = {"slot": host.name, "unit": host.position % 40 + 1, "host_type": kind}
        slot |= {"feed": host.feeds[0]}
        slot |= {"feed_b": host.feeds[1]} if len(host.feeds) > 1 else {}
        value["racks"][-1]["slots"].append(slot)
    return PodSpec.model_validate(value, strict=False)


def plan_of(hall: Hall, spec: PodSpec) -> Plan:
    """The plan of the whole hall, all hosts off."""
    hosts = [PlannedHost(name=host.name, slot=host.name) for host in hall.starts]
    return plan_bring_up(spec, pod="hall", hosts=hosts)


def check(hall: Hall, plan: Plan) -> None:
    """Every host once; no feed over its budget at any instant when it carries its hosts alone."""
    by_name = {host.name: host for host in hall.starts}
    started = Counter(name for wave in plan.waves for name in wave.hosts)
    if started != Counter(by_name.keys()):
        raise SystemExit("a host is started twice or never")
    load = dict.fromkeys(hall.budgets, 0.0)
    for host in hall.starts:
        for feed in host.feeds:
            load[feed] += host.before_watts
    for wave in plan.waves:
        for phase in ("starting", "running"):
            for host in (by_name[name] for name in wave.hosts):
                up = host.starting_watts - host.before_watts
                change = up if phase == "starting" else host.running_watts - host.starting_watts
                for feed in host.feeds:
                    load[feed] += change
            over = [f for f, watts in load.items() if watts > hall.budgets[f] + 0.01]
            if over:
                raise SystemExit(f"feed {over[0]} is over its budget in wave {wave.number}")


def bound_s(hall: Hall) -> float:
    """Seconds that no schedule of this hall can do without."""
    on = shares((host.name, host.feeds) for host in hall.starts)
    room = {line: hall.budgets[line.feed] for pairs in on.values() for line, _ in pairs}
    return steps_min(hall.starts, on, room) * min(host.settle_s for host in hall.starts)


def lengths(seeds: int, mix: str) -> None:
    """Print how plans of one mix compare with the bound; of no seeds there is nothing to print."""
    if seeds < 1:
        return
    ratios: list[float] = []
    staged: list[float] = []
    hosts = redrawn = feeds = 0
    for seed in range(seeds):
        hall = draw_hall(seed, mix=mix)
        plan = plan_of(hall, spec_of(hall, canary=len(hall.starts)))  # one stage: power alone
        check(hall, plan)
        ratios.append(max(w.starts_s + w.settle_s for w in plan.waves) / bound_s(hall))
        careful = plan_of(hall, spec_of(hall, canary=1))
        check(hall, careful)
        staged.append(len(careful.waves) - len(plan.waves))
        hosts += len(hall.starts)
        feeds += len(hall.budgets)
        redrawn += hall.redrawn
    print(
        f"{mix}: length over bound median {statistics.median(ratios):.3f} "
        f"p95 {quantile(ratios, 0.95):.3f} worst {max(ratios):.3f} "
        f"at the bound {sum(r < 1.0001 for r in ratios)}/{len(ratios)}; "
        f"hosts {hosts}, feeds {feeds}, feeds drawn anew {redrawn}; "
        f"waves that stages add: {dict(sorted(Counter(staged).items()))}"
    )


def quantile(values: list[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def times(repeats: int) -> None:
    """Print CPU and wall seconds of planning halls of growing size."""
    medians: dict[tuple[str, int], float] = {}
    for mix in MIXES:
        for size in (1_000, 10_000):
            hall = draw_hall(1000, mix=mix, hosts_min=size)
            spec = spec_of(hall, canary=1)
            cpu_s, wall_s = [], []
            for _ in range(repeats):
                cpu, wall = time.process_time(), time.perf_counter()
                plan = plan_of(hall, spec)
                cpu_s.append(time.process_time() - cpu)
                wall_s.append(time.perf_counter() - wall)
            check(hall, plan)
            medians[mix, size] = statistics.median(wall_s)
            print(
                f"{mix}, {len(hall.starts)} hosts on {len(hall.budgets)} feeds: "
                f"wall {statistics.median(wall_s):.2f} s ({min(wall_s):.2f} to {max(wall_s):.2f}), "
                f"CPU {statistics.median(cpu_s):.2f} s, {len(plan.waves)} waves"
            )
        growth = math.log10(medians[mix, 10_000] / medians[mix, 1_000])
        print(f"{mix}: time grows with hosts to the power of {growth:.2f}")


def main() -> None:
    """Run both parts and say where."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    print(
        f"commit {commit or 'unknown'}, Python {platform.python_version()}, "
        f"{platform.machine()}, {os.cpu_count()} CPUs, "
        f"load {' '.join(f'{x:.1f}' for x in os.getloadavg())}"
    )
    times(options.repeats)
    for mix in MIXES:
        lengths(options.seeds, mix)


if __name__ == "__main__":
    main()
