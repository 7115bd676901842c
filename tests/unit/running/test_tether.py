"""A program that is tethered ends with the one that started it, also when that one is killed."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PARENT = """
import subprocess, sys
from runtime.tether import tethered
tie = tethered() if sys.argv[1] == "tied" else None
child = subprocess.Popen(["sleep", "60"], preexec_fn=tie, stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.parametrize("how", ["tied", "loose"])
def test_program_ends_with_its_parent_where_it_is_tied(how: str) -> None:
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, how], stdout=subprocess.PIPE, text=True, cwd=root
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        fd = os.pidfd_open(child)
        parent.kill()
    try:
        # Ready to read: it has ended. A loose one is still there after as long as a tied one needs.
        ended, _, _ = select.select([fd], [], [], 10 if how == "tied" else 0.5)
        assert bool(ended) is (how == "tied")
    finally:
        if how == "loose":
            signal.pidfd_send_signal(fd, signal.SIGKILL)
        os.close(fd)
