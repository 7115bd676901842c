"""How long after a claim its Ray cluster can be used, and where the seconds go.

    python tests/benchmarks/claim_bench.py [--units 1] [--rounds 5] [-o json]

A simulated hall of four hosts and the service run as on any machine; Ray is real. Hosts are booted
and certified before the first claim. A cluster can be used when the gateway passes a tenant's
request on to its jobs' API and all hosts of the claim have joined. Between two rounds the claim is
released and the bench waits until the units are offered again.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import httpx

from inventory.model import AgentSeen, RayMember
from inventory.store.sql import SqlStore
from tests.bed import Bed, bed

LIMIT_S = 300.0
LOOK_S = 0.05
STEPS = ("bound", "ordered", "head starts", "head runs", "all run", "joined", "usable")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    options = parser.parse_args()
    with bed(speed=4.0) as one:
        key = _ready(one)
        found = [
            _measure(one, key, units=options.units, number=number)
            for number in range(options.rounds)
        ]
    _tell(found, options)


def _ready(one: Bed) -> str:
    one.start_hall()
    one.start_service()
    one.login()
    one.apply_pod()
    one.approve(one.plan()["digest"])
    one.wait(LIMIT_S, one.settled)
    assert one.call("POST", "/api/tenants", {"name": "acme"}).is_success
    made = one.call("POST", "/api/keys", {"role": "tenant", "tenant": "acme"})
    return str(made.json()["text"])


def _measure(one: Bed, key: str, *, units: int, number: int) -> dict[str, Any]:
    """One claim from the request until its cluster can be used, and back."""
    one.wait(LIMIT_S, lambda: _offered(one) >= units)
    load = os.getloadavg()[0]
    body = {
        "tenant": "acme", "cluster": f"c{number}", "unit_class": "lab-cpu", "count": units,
        "accept_simulated": True,
    }  # fmt: skip
    store = SqlStore.open(f"sqlite:///{one.directory}/service/podyard.db")
    began, clock = time.monotonic(), datetime.now().astimezone()
    claim = one.call("POST", "/api/claims", body).json()["id"]
    steps: dict[str, float] = {}
    while "usable" not in steps:
        if time.monotonic() - began > LIMIT_S:
            raise AssertionError(f"{steps}\n{one.last_words()}")
        for step in _steps(one, store, key, claim=claim, cluster=f"c{number}", units=units):
            steps.setdefault(step, round(time.monotonic() - began, 2))
        time.sleep(LOOK_S)
    started = [a.observed.ray.since for a in _agents(store) if a.observed and a.observed.ray]
    store.close()
    released = one.call("DELETE", f"/api/claims/{claim}")
    assert released.is_success, released.text
    one.wait(LIMIT_S, lambda: one.get(f"/api/claims/{claim}")["state"] == "released")
    told = [round((at - clock).total_seconds(), 2) for at in started]
    return {"load": load, "units": units, "steps": steps, "ray_told_running": sorted(told)}


def _agents(store: SqlStore) -> list[AgentSeen]:
    return store.find(AgentSeen)


def _offered(one: Bed) -> int:
    return int(one.get("/api/units?state=available&brief=1")["count"])


def _steps(
    one: Bed, store: SqlStore, key: str, *, claim: str, cluster: str, units: int
) -> list[str]:
    """Those that are done by now."""
    orders = [m.order for m in store.find(RayMember) if m.order is not None]
    seen = [a.observed.ray for a in _agents(store) if a.observed and a.observed.ray]
    heads = [ray for ray in seen if ray.role == "head"]
    clusters = [c for c in one.get("/api/clusters")["results"] if c["name"] == cluster]
    joined = any(c["phase"] == "running" for c in clusters)
    done = {
        "bound": bool(orders) or one.get(f"/api/claims/{claim}")["state"] == "bound",
        "ordered": bool(orders),
        "head starts": bool(heads),
        "head runs": any(ray.phase == "running" for ray in heads),
        "all run": sum(ray.phase == "running" for ray in seen) >= units,
        "joined": joined,
        "usable": joined and _usable(one, key, cluster),
    }
    return [step for step in STEPS if done[step]]


def _usable(one: Bed, key: str, cluster: str) -> bool:
    try:
        reply = httpx.get(
            f"http://127.0.0.1:{one.ports['gateway']}/api/jobs/",
            headers={"Authorization": f"Bearer {key}", "X-Podyard-Cluster": cluster},
            timeout=30,
            trust_env=False,
        )
    except httpx.TransportError:
        return False
    return reply.status_code == httpx.codes.OK


def _tell(found: list[dict[str, Any]], options: argparse.Namespace) -> None:
    p50 = {
        step: statistics.median(one["steps"].get(step, one["steps"]["usable"]) for one in found)
        for step in STEPS
    }
    told = {"units": options.units, "rounds": found, "p50_s": p50}
    if options.output == "json":
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
        return
    for step, seconds in p50.items():
        sys.stdout.write(f"{step:12} {seconds:7.2f} s\n")
    for one in found:
        sys.stdout.write(f"{one}\n")


if __name__ == "__main__":
    main()
