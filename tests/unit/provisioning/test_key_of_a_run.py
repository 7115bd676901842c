"""The key by which playbooks reach a host: in memory, for one run, and in no file."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import stat
import sys
from pathlib import Path

from pydantic import SecretStr

from provisioning.drivers.ssh.address import SshEndpoint
from provisioning.inband.play import prepare
from provisioning.inband.reach import SshReach, key_in_memory

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nsecret\n-----END OPENSSH PRIVATE KEY-----"
REACH = SshReach(SshEndpoint.parse("ssh://127.0.0.1:22"), "root", SecretStr(KEY), "[h]:22 ssh-x y")


def test_no_file_of_a_run_holds_the_key(tmp_path: Path) -> None:
    prepare(tmp_path, host_root="", variables={}, reach=REACH)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if "secret" in path.read_text()]


def test_key_is_read_by_its_descriptor_and_by_nobody_else() -> None:
    key = key_in_memory(REACH)
    try:
        assert Path(f"/proc/self/fd/{key}").read_text() == f"{KEY}\n"
        assert stat.S_IMODE(os.fstat(key).st_mode) == 0o600
        assert os.fstat(key).st_nlink == 0
        assert not os.get_inheritable(key)
    finally:
        os.close(key)


async def test_run_ends_when_its_controller_is_killed() -> None:
    child = "import os, time; from provisioning.inband.running import *; "
    child += "end_with_parent(os.getppid()); print('runs', flush=True); time.sleep(600)"
    parent = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', sys.argv[1]]); "
    parent += "print(p.pid, flush=True); p.wait()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", parent, child), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    said = [await process.stdout.readline() for _ in range(2)]
    run = next(int(line) for line in said if line.strip().isdigit())
    assert b"runs\n" in said
    ended = os.pidfd_open(run)
    try:
        process.send_signal(signal.SIGKILL)
        await process.wait()
        ready, _, _ = await asyncio.to_thread(select.select, [ended], [], [], 60.0)
        assert ready
    finally:
        os.close(ended)


async def test_run_whose_controller_was_killed_before_it_looked_ends_at_once() -> None:
    """It is somebody else's child by then, and no signal comes any more."""
    somebody_else = os.getpid() + 1
    child = f"from provisioning.inband.running import *; end_with_parent({somebody_else})"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", child)
    assert await process.wait() == 128 + signal.SIGTERM
