"""A small real bring-up from end to end: processes, HTTPS, the API and the judge."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.bed import PODYARD, ROOT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def test_twenty_hosts_come_up_for_real_and_the_judge_finds_nothing() -> None:
    done = subprocess.run(
        [
            *PODYARD, "bench", "bring-up", "--hosts", "20", "--real", "--faults", "none",
            "--limit", "700", "-o", "json",
        ],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    assert (said["hosts"], said["ready"]) == (20, 20)
    assert (said["lost"], said["double_destructive"], said["false_ready"]) == (0, 0, 0)
    assert said["over_budget"] == said["bugs"] == said["api_failed"] == 0
    assert said["flashes"] > 0
    for measured in (
        "controller_cpu_s_per_host",
        "simulator_cpu_s_per_host",
        "controller_peak_mib",
        "api_p95_ms",
        "ready_per_minute",
        "ready_p99_s",
    ):
        assert said[measured] > 0, measured
    assert len(said["invented"]) > 0


def test_a_bench_that_is_told_to_end_leaves_no_process(tmp_path: Path) -> None:
    keep = tmp_path / "kept"
    argv = [*PODYARD, "bench", "bring-up", "--hosts", "4", "--real", "--keep", str(keep)]
    with subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.DEVNULL) as bench:
        deadline = time.monotonic() + 300
        while not (keep / "service" / "setup-token").exists():
            assert bench.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        bench.terminate()
        assert bench.wait(120) != 0
    deadline = time.monotonic() + 60
    while left := _processes_in(keep):  # the agents' end when they read the end of their orders
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def _processes_in(directory: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            said = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found += [said] if str(directory) in said else []
    return found
