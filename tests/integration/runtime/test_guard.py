"""The guard ends everything below it, however far it wandered off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import runtime.guard
from runtime.guard import descendants, parents

pytestmark = pytest.mark.integration

GUARD = [sys.executable, "-I", "-S", str(Path(runtime.guard.__file__))]
# A child in a session of its own whose parent has ended, and one that ignores SIGTERM.
WANDERERS = """
setsid sh -c 'sleep 1000 & exit 0'
sh -c 'trap "" TERM; while :; do sleep 1; done' &
echo ready
wait
"""


@pytest.fixture
def guard() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([*GUARD, "0.5", "--", "sh", "-c", WANDERERS], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    with process.stdout:
        yield process
    process.kill()
    process.wait()


def below(pid: int) -> set[int]:
    return descendants(pid, parents())


def until_gone(pids: set[int]) -> None:
    deadline = time.monotonic() + 10
    while pids & parents().keys():
        assert time.monotonic() < deadline, pids & parents().keys()
        time.sleep(0.05)


def test_an_orphan_in_another_session_stays_below_the_guard(
    guard: subprocess.Popen[bytes],
) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in below(guard.pid)]
        if any(one.startswith(b"sleep\x001000") for one in commands):
            return
        time.sleep(0.05)
    pytest.fail(f"the orphan left: {commands}")


def test_sigterm_ends_all_even_what_ignores_it(guard: subprocess.Popen[bytes]) -> None:
    held = below(guard.pid)
    assert len(held) >= 3
    guard.terminate()
    assert guard.wait(10) != 0
    until_gone(held)


def test_all_ends_when_the_command_ends(guard: subprocess.Popen[bytes]) -> None:
    held = below(guard.pid)
    command = min(pid for pid, parent in parents().items() if parent == guard.pid)
    os.kill(command, signal.SIGKILL)
    assert guard.wait(10) != 0
    until_gone(held)


def test_all_ends_when_the_agent_is_killed() -> None:
    script = (
        "import subprocess, sys, time\nheld = subprocess.Popen(sys.argv[1:])\ntime.sleep(1000)\n"
    )
    agent = subprocess.Popen(
        [sys.executable, "-c", script, *GUARD, "0.5", "--", "sh", "-c", WANDERERS],
        stdout=subprocess.PIPE,
    )
    assert agent.stdout is not None
    with agent.stdout:
        assert agent.stdout.readline() == b"ready\n"
        held = below(agent.pid)
        assert len(held) >= 4
        agent.kill()
        agent.wait()
        until_gone(held)


def test_the_commands_exit_code_is_passed_on() -> None:
    done = subprocess.run([*GUARD, "1", "--", "sh", "-c", "exit 7"], check=False, timeout=10)
    assert done.returncode == 7


def test_wrong_arguments_are_a_usage_error() -> None:
    done = subprocess.run([*GUARD, "1"], check=False, timeout=10, capture_output=True)
    assert done.returncode == 64
    assert b"usage" in done.stderr
