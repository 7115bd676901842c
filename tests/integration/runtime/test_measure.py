"""The acceptance kernels on this machine: a slow host shows, a busy machine does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pods.acceptance import Measurement
from runtime.measure import ONE_THREAD

pytestmark = pytest.mark.integration

TESTS = ("matrix_multiply", "memory_bandwidth", "disk_write")


def measure(directory: Path, *, clock_ratio: float) -> dict[str, float]:
    """Ratio by test."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "runtime.measure", f"--directory={directory}"),
            *(f"--clock-ratio={clock_ratio}", "--", *TESTS),
        ],
        env={**os.environ, **ONE_THREAD},
        check=True,
        capture_output=True,
        timeout=120,
    )
    found = [json.loads(line)["measurement"] for line in done.stdout.splitlines()]
    results = [Measurement.model_validate(one) for one in found]
    return {one.test: one.value / (one.reference or 0.0) for one in results}


@pytest.fixture(params=["idle", "busy"])
def machine(request: pytest.FixtureRequest) -> Iterator[str]:
    loops = 4 if request.param == "busy" else 0
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    yield request.param
    for one in running:
        one.kill()
        one.wait()


@pytest.mark.parametrize("clock_ratio", [1.0, 0.33])
def test_ratio_is_the_hosts_own_speed_on_an_idle_and_a_busy_machine(
    machine: str, clock_ratio: float, tmp_path: Path
) -> None:
    del machine
    ratios = measure(tmp_path, clock_ratio=clock_ratio)
    assert ratios["matrix_multiply"] == pytest.approx(clock_ratio, rel=0.25)
    assert ratios["memory_bandwidth"] == pytest.approx(clock_ratio, rel=0.25)
    # A disk's time is wall time: only what the lab's floor of 0.2 needs is asserted.
    assert ratios["disk_write"] > 0.2 * clock_ratio


def test_a_machine_without_accelerators_says_which_tests_it_skipped(tmp_path: Path) -> None:
    told = subprocess.run(
        [
            *(sys.executable, "-m", "runtime.measure", f"--directory={tmp_path}", "--rounds=1"),
            *("--", "memory_bandwidth", "diagnostic", "host_to_device", "no-such-test"),
        ],
        env={**os.environ, **ONE_THREAD, "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        timeout=300,
    ).stdout.splitlines()
    lines = [json.loads(line) for line in told]
    assert "measurement" in lines[0]
    assert lines[1] == {"skipped": "diagnostic", "reason": "dcgmi is not installed"}
    assert lines[2]["skipped"] == "host_to_device"
    assert lines[3]["failed"] == "no-such-test"
