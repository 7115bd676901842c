"""A small real bring-up from end to end: processes, HTTPS, the API and the judge."""

from __future__ import annotations

import json
import subprocess

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
