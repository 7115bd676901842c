"""A bring-up of thousands of hosts in real time: every process is one, and every byte is sent.

The service is `podyard serve` as anybody starts it, with its database, its doors and its telemetry.
The hall is a process of its own with an HTTPS listener for each BMC, and its agents are a third.
This process plays the people: it approves plans, helps canaries and asks the API now and then.
What is invented is said in the result.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from provisioning.bench.processes import Cost, cost, make_room_for_files, make_room_for_ports
from provisioning.bench.real_hall import HallWish, built
from provisioning.bench.real_judge import Verdict, judge, unlike_its_spec
from provisioning.bench.real_people import People
from provisioning.simulator.errors import HallError
from provisioning.simulator.journal import read_journal

PODYARD = (sys.executable, "-m", "runtime.cli")
HALL = (sys.executable, "-m", "provisioning.bench.real_hall")
DEADLINE_S = 10.0
UPDATE_ALLOWED_S = 60.0
"""Hardware here takes seconds where real one takes minutes, and the allowed time shrinks alike."""
STARTED_WITHIN_S = 600.0
LOOK_S = 1.0
ENDED_WITHIN_S = 60.0
INVENTED = (
    "hosts and BMCs (simulated, in one process of their own, over HTTPS)",
    "acceptance results (the agents are real ones, in one process, and report without measuring)",
    "no playbook (PODYARD_PROVISIONING_PLAYBOOK=none)",
    "hardware times of seconds, and PODYARD_PROVISIONING_UPDATE_ALLOWED_S=60 to suit them",
)


@dataclass(frozen=True, slots=True)
class RealWish:
    """What to run."""

    hosts: int
    seed: int = 1
    faults: str = "field"
    black_holed: float = 0.0
    database: str = ""
    limit_s: float = 3600.0
    keep: Path | None = None
    """Where logs, journal and records are left for whoever wants to look."""


@dataclass(slots=True)
class Real:
    """One run in one directory."""

    wish: RealWish
    directory: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    async def run(self) -> dict[str, Any]:
        """From the first process to the verdict."""
        load = os.getloadavg()
        hall = HallWish(
            hosts=self.wish.hosts,
            seed=self.wish.seed,
            faults=self.wish.faults,
            black_holed=self.wish.black_holed,
            deadline_s=DEADLINE_S,
        )
        hall.write(self.directory)
        fleet, _ = built(hall)
        self._start("hall", *HALL, str(self.directory))
        await self._until("hall", (self.directory / "processes.json").exists)
        planted = json.loads((self.directory / "fleet.json").read_text())
        described = json.loads((self.directory / "hall" / "hall.json").read_text())
        before = self._costs()
        self._serve()
        people = People(f"http://127.0.0.1:{self.ports['api']}", fleet, planted, described)
        await self._until("service", people.answers)
        began, idle = time.time(), self._costs()
        await people.enter((self.directory / "service" / "setup-token").read_text().strip())
        try:
            ended = await people.bring_up(limit_s=self.wish.limit_s, alive=self._all_alive)
            costs = self._costs()
            found = await people.hosts()
        finally:
            await people.leave()
        verdict = self._judge(fleet, planted, people, found)
        return {
            **people.told(found),
            **_judged(verdict),
            **self._cost_told(before, idle, costs),
            **_times(people, began, ended),
            "seed": self.wish.seed,
            "faults": self.wish.faults,
            "store": "postgresql" if self.wish.database else "sqlite",
            "load_before": [round(one, 2) for one in load],
            "load_after": [round(one, 2) for one in os.getloadavg()],
            "invented": list(INVENTED),
            "findings": verdict.findings,
        }

    def stop(self) -> None:
        """End both, politely first: the service, so that its BMCs are there to log out of."""
        for name in ("service", "hall"):
            process = self.processes.get(name)
            if process is None or process.poll() is not None:
                continue
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(ENDED_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _serve(self) -> None:
        sockets = [socket.socket() for _ in range(3)]
        for name, probe in zip(("api", "agents", "gateway"), sockets, strict=True):
            probe.bind(("127.0.0.1", 0))
            self.ports[name] = probe.getsockname()[1]
        for probe in sockets:
            probe.close()
        environment = {
            "PODYARD_PROVISIONING_PLAYBOOK": "none",
            "PODYARD_PROVISIONING_BMC_DEADLINE_S": f"{DEADLINE_S:g}",
            "PODYARD_PROVISIONING_UPDATE_ALLOWED_S": f"{UPDATE_ALLOWED_S:g}",
            "PODYARD_DATABASE": self.wish.database,
        }
        self._start(
            "service",
            *PODYARD,
            *("serve", "--state", str(self.directory / "service")),
            *("--listen", f"127.0.0.1:{self.ports['api']}"),
            *("--agent-listen", f"127.0.0.1:{self.ports['agents']}"),
            *("--gateway-listen", f"127.0.0.1:{self.ports['gateway']}"),
            *("--log-level", "ERROR"),
            environment=environment,
        )

    def _start(self, name: str, *argv: str, environment: Mapping[str, str] | None = None) -> None:
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    async def _until(self, name: str, condition: Any) -> None:
        ends = time.monotonic() + STARTED_WITHIN_S
        while time.monotonic() < ends:
            met = condition()
            if await met if asyncio.iscoroutine(met) else met:
                return
            self._all_alive()
            await asyncio.sleep(0.2)
        raise HallError(
            f"the {name} did not start within {STARTED_WITHIN_S:g} s",
            hint="fewer hosts, or a quieter machine; --keep DIR leaves its log",
        )

    def _all_alive(self) -> None:
        for name, process in self.processes.items():
            if process.poll() is not None:
                said = (self.directory / f"{name}.log").read_text(errors="replace")[-800:]
                raise HallError(
                    f"the {name} ended by itself ({process.returncode}): {said}",
                    hint="run it again with --keep DIR and read the whole log there",
                )

    def _costs(self) -> dict[str, Cost]:
        agents = json.loads((self.directory / "processes.json").read_text())["agents"]
        pids = {name: process.pid for name, process in self.processes.items()}
        return {name: cost(pid) for name, pid in {**pids, "agents": agents}.items()}

    def _cost_told(
        self, before: Mapping[str, Cost], idle: Mapping[str, Cost], after: Mapping[str, Cost]
    ) -> dict[str, Any]:
        """CPU since the service had started, for each host that was asked for."""
        hosts = self.wish.hosts

        def spent_s(name: str) -> float:
            return after[name].cpu_s - (idle.get(name) or before[name]).cpu_s

        return {
            "controller_cpu_s_per_host": round(spent_s("service") / hosts, 3),
            "simulator_cpu_s_per_host": round(spent_s("hall") / hosts, 3),
            "agents_cpu_s_per_host": round(spent_s("agents") / hosts, 3),
            "controller_peak_mib": after["service"].peak_mib,
            "simulator_peak_mib": after["hall"].peak_mib,
            "agents_peak_mib": after["agents"].peak_mib,
        }

    def _judge(
        self, fleet: Any, planted: Mapping[str, Any], people: People, found: list[dict[str, Any]]
    ) -> Verdict:
        verdict = judge(
            read_journal(self.directory / "hall" / "journal.jsonl"),
            budgets=fleet.budgets,
            ready_at=people.ready_at,
            incurable=planted["incurable"],
        )
        specs = {host.name: pod.spec for pod, host in fleet.hosts}
        for host in found:
            if host["state"] != "ready":
                continue
            for wrong in unlike_its_spec(
                self.directory / "hall", host["name"], specs[host["name"]]
            ):
                verdict.false_ready += 1
                verdict.find(f"{host['name']} is called ready: {wrong}")
        return verdict


def _judged(verdict: Verdict) -> dict[str, Any]:
    return {
        "double_destructive": verdict.double_destructive,
        "false_ready": verdict.false_ready,
        "over_budget": verdict.over_budget,
        "bugs": verdict.bugs,
        "flashes": verdict.flashes,
        "journal_lines": verdict.lines,
    }


def _times(people: People, began: float, ended: float) -> dict[str, Any]:
    took_s = ended - began
    ready = sorted(moments[-1] - began for moments in people.ready_at.values())
    return {
        "seconds": round(took_s, 1),
        "ready_per_minute": round(len(ready) / took_s * 60, 1) if took_s else None,
        "ready_p50_s": _at(ready, 0.50),
        "ready_p99_s": _at(ready, 0.99),
        "api_p50_ms": people.probe.at_ms(0.50),
        "api_p95_ms": people.probe.at_ms(0.95),
        "api_requests": len(people.probe.took_s),
        "api_failed": people.probe.failed,
    }


def _at(values: list[float], share: float) -> float | None:
    return round(values[min(len(values) - 1, int(share * len(values)))], 1) if values else None


def bring_up(wish: RealWish) -> dict[str, Any]:
    """Run it, and say how it went. Raises HallError where this machine cannot."""
    make_room_for_files(wish.hosts)
    make_room_for_ports(wish.hosts)
    directory = wish.keep or Path(tempfile.mkdtemp(prefix="pyd-bench-"))
    if wish.keep is not None and wish.keep.exists() and any(wish.keep.iterdir()):
        raise HallError(f"--keep {wish.keep} is not empty", hint="name a folder that is not there")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    run = Real(wish, directory)
    # Whoever ends this process ends a service and a hall of thousands with it, not this alone.
    signal.signal(signal.SIGTERM, _end)
    try:
        return asyncio.run(run.run())
    finally:
        run.stop()
        if wish.keep is None:
            with contextlib.suppress(OSError):
                shutil.rmtree(directory)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
