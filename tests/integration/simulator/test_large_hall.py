"""A large hall comes up where a system starts processes with few descriptors."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

HOSTS = 60
SOFT = 128
"""Fewer than the hall's sockets: two doors and a listener a host are more."""


def start(directory: Path, *, hard: int) -> subprocess.Popen[bytes]:
    """A hall under these limits, by a shell as a person would have it."""
    limits = f"ulimit -Sn {SOFT}; ulimit -Hn {hard}"
    command = f"{sys.executable} -m provisioning.simulator --hosts {HOSTS} --faults field --seed 7"
    return subprocess.Popen(
        ["/bin/bash", "-c", f"{limits}; exec {command} --state {directory}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | {"COLUMNS": "160"},
    )


def test_it_takes_the_descriptors_that_it_needs(tmp_path: Path) -> None:
    hall = start(tmp_path / "hall", hard=resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "hall" / "hall.json").exists():
            assert hall.poll() is None, hall.stderr and hall.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        hall.terminate()
        hall.communicate(timeout=60)


def test_it_says_how_many_it_needs_where_it_may_not_take_them(tmp_path: Path) -> None:
    hall = start(tmp_path / "hall", hard=SOFT)
    _, said = hall.communicate(timeout=120)
    assert hall.returncode == 2
    text = said.decode()
    assert f"allows {SOFT}" in text
    assert "hint:" in text
    assert not (tmp_path / "hall" / "hall.json").exists()
