"""The packet filter around Ray's ports, in networks that the test makes: no Ray is started."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory.agents import RayOrder
from runtime.place import Place
from runtime.rayfence import PATHS, raise_fence, removal, rules

pytestmark = pytest.mark.integration
NFT = shutil.which("nft", path=os.pathsep.join((os.environ.get("PATH", ""), PATHS)))
ORDER = RayOrder(
    cluster_id="c1",
    cluster="acme/main",
    role="head",
    network="t-9",
    address="10.77.9.10/24",
    head_address="10.77.9.10",
    token="x",
    num_cpus=1,
    num_gpus=0,
)
LISTEN = """
import socket
held = [socket.create_server(("0.0.0.0", port)) for port in (6379, 20005, 22)]
print("ready", flush=True)
input()
"""
KNOCK = """
import socket, sys
for port in (6379, 20005, 22):
    try:
        socket.create_connection(("10.77.9.10", port), timeout=3).close()
        print(port)
    except OSError:
        pass
"""


@pytest.fixture
def listener() -> Iterator[int]:
    """A host with Ray's ports open, and two others on its cable: pids of their networks."""
    held = subprocess.Popen(
        ["unshare", "-n", sys.executable, "-c", LISTEN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert held.stdout is not None
    held.stdout.readline()
    yield held.pid
    held.communicate(b"\n")


def until_apart(pid: int) -> None:
    """`unshare` has done its work."""
    ours = Path("/proc/self/ns/net").readlink()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}/ns/net").readlink() == ours:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def run(*command: str, given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.skipif(NFT is None, reason="needs nft")
@pytest.mark.skipif(shutil.which("nsenter") is None, reason="needs nsenter")
def test_only_the_clusters_own_network_reaches_its_ports(listener: int) -> None:
    inside = ("nsenter", "-t", str(listener), "-n")
    other = subprocess.Popen(["unshare", "-n", "sleep", "60"])
    knocking = ("nsenter", "-t", str(other.pid), "-n")
    try:
        until_apart(other.pid)
        run(*inside, "ip", "link", "add", "name", "inner0", "type", "veth",
            "peer", "name", "outer0", "netns", str(other.pid))  # fmt: skip
        for where, device, address in (
            (inside, "inner0", "10.77.9.10"),
            (knocking, "outer0", "10.99.0.5"),
        ):
            run(*where, "ip", "addr", "add", f"{address}/24", "dev", device)
            run(*where, "ip", "link", "set", device, "up")
        run(*inside, "ip", "route", "add", "10.99.0.0/24", "dev", "inner0")
        run(*knocking, "ip", "route", "add", "10.77.9.0/24", "dev", "outer0")
        knock = (*knocking, sys.executable, "-c", KNOCK)
        assert run(*knock).split() == ["6379", "20005", "22"]
        for _ in range(2):  # a second time replaces the first
            run(*inside, str(NFT), "-f", "-", given=rules(ORDER))
        assert run(*knock).split() == ["22"]
        run(*knocking, "ip", "addr", "add", "10.77.9.11/32", "dev", "outer0")
        source = ("src", "10.77.9.11")
        run(*knocking, "ip", "route", "replace", "10.77.9.0/24", "dev", "outer0", *source)
        assert run(*knock).split() == ["6379", "20005", "22"]
        run(*inside, str(NFT), "-f", "-", given=removal())
        assert run(*inside, str(NFT), "list", "ruleset") == ""
    finally:
        other.kill()
        other.wait()


async def test_host_on_a_shared_network_says_that_nothing_guards_it(tmp_path: Path) -> None:
    place = Place(run=tmp_path, root=tmp_path, isolated=False)
    assert "shares its machine's network" in await raise_fence(ORDER, place)


async def test_host_without_nft_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("runtime.rayfence.PATHS", str(tmp_path))
    place = Place(run=tmp_path, root=tmp_path, isolated=True)
    async with asyncio.timeout(10):
        assert await raise_fence(ORDER, place) == "nft is not installed on this host"
