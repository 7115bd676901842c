"""A booted host really runs: alone in its namespaces, on networks it asked for, until it is off."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provisioning.simulator.launcher import unshare_argv

pytestmark = pytest.mark.integration

# What a host runs in place of the agent: it obeys commands left in its run directory.
PROGRAM = """
import json, os, pathlib, socket, subprocess, sys, time
run = pathlib.Path(os.environ["PODYARD_HOST_RUN"])
pathlib.Path(os.environ["HOME"], "seen.json").write_text(json.dumps({
    "boot": json.loads(pathlib.Path(sys.argv[1]).read_text()),
    "environment": dict(os.environ),
    "hostname": socket.gethostname(),
    "address": socket.gethostbyname(socket.gethostname()),
    "pid": os.getpid(),
    "processes": len([p for p in os.listdir("/proc") if p.isdigit()]),
    "shm": os.listdir("/dev/shm"),
}))
# A grandchild in a session of its own, as Ray starts them: it must not outlive the host either.
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", sys.argv[2]],
                 start_new_session=True)
if os.environ["PODYARD_HOST_ISOLATED"] == "1":
    pathlib.Path("/tmp/ray/kept").write_text("kept")
while True:
    for order in run.glob("*.do"):
        done = subprocess.run(order.read_text(), shell=True, capture_output=True, text=True)
        order.unlink()
        order.with_suffix(".out").write_text(json.dumps([done.returncode, done.stdout]))
    time.sleep(0.05)
"""


def namespaces_refused() -> bool:
    try:
        return subprocess.run([*unshare_argv(), "true"], check=False).returncode != 0
    except OSError:
        return True


isolated = pytest.mark.skipif(namespaces_refused(), reason="this machine refuses namespaces")


def leaked() -> bool:
    """Whether a host's /tmp/ray is the machine's own."""
    return Path("/tmp/ray/kept").exists()  # noqa: S108 - the machine's, which must stay untouched


def alive(marker: str) -> list[int]:
    """Processes of this machine whose command line holds the marker."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if marker.encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


class Hosts:
    """A hall whose hosts run the program above."""

    def __init__(self, *, hall: Any, clients: list[Any], marker: str, wait: Any) -> None:
        self.hall, self.clients, self.marker, self.wait = hall, clients, marker, wait

    async def boot(self, number: int, image: str) -> dict[str, Any]:
        """Boot one and return what it saw."""
        await self.clients[number].boot_from(image)
        seen = Path(self.hall.told[number]["root"]) / "root/seen.json"
        await self.wait(seen.exists)
        await asyncio.sleep(0.1)
        found: dict[str, Any] = json.loads(seen.read_text())
        return found

    async def run(self, number: int, command: str) -> tuple[int, str]:
        """Run a shell line in a host."""
        base = Path(self.hall.told[number]["run"]) / f"order-{os.urandom(4).hex()}"
        fresh = base.with_suffix(".new")
        fresh.write_text(command)
        fresh.rename(base.with_suffix(".do"))
        answer = base.with_suffix(".out")
        await self.wait(lambda: answer.exists() and answer.read_text())
        code, output = json.loads(answer.read_text())
        return code, output

    async def join(self, number: int, network: str, address: str) -> tuple[int, str]:
        """Ask the hall for a network, as an agent does."""
        wanted = json.dumps({"name": network, "address": address})
        return await self.run(
            number,
            f"{sys.executable} -c '{ASK}' PUT '{wanted}'",
        )


ASK = (
    "import http.client, socket, sys\n"
    'c = http.client.HTTPConnection("hall")\n'
    "c.sock = socket.socket(socket.AF_UNIX)\n"
    'c.sock.connect("/run/hall.sock")\n'
    'c.request(sys.argv[1], "/network", sys.argv[2])\n'
    "print(c.getresponse().status)"
)


@pytest.fixture
async def hosts(
    start_hall: Callable[..., Any], client: Callable[..., Any], tmp_path: Path, wait_until: Any
) -> Any:
    async def make(*, namespaces: bool) -> Hosts:
        marker = f"marker-{tmp_path.name}-{os.urandom(4).hex()}"
        program = tmp_path / "program.py"
        program.write_text(PROGRAM)
        argv = (sys.executable, str(program), "/run/boot.json", marker)
        hall = await start_hall(namespaces=namespaces, agent_argv=argv)
        clients = [client(told) for told in hall.told]
        return Hosts(hall=hall, clients=clients, marker=marker, wait=wait_until)

    return make


@isolated
async def test_a_booted_host_looks_like_a_machine_of_its_own(hosts: Any, media: Any) -> None:
    hall = await hosts(namespaces=True)
    seen = await hall.boot(0, media.boot_document(token="once"))
    assert seen["boot"]["token"] == "once"
    assert (seen["hostname"], seen["address"], seen["shm"]) == ("r1-h1", "127.0.0.1", [])
    assert seen["pid"] < 20
    assert seen["processes"] <= 3
    assert seen["environment"]["PODYARD_HOST_RUN"] == "/run"
    assert seen["environment"]["PODYARD_HOST_ISOLATED"] == "1"
    assert seen["environment"]["HOME"] == hall.hall.told[0]["root"] + "/root"
    kept = Path(hall.hall.told[0]["root"]) / "tmp/ray/kept"
    await hall.wait(kept.exists)
    assert not leaked()


@isolated
async def test_powering_off_ends_every_process_of_the_host_only(hosts: Any, media: Any) -> None:
    hall = await hosts(namespaces=True)
    image = media.boot_document()
    await hall.boot(0, image)
    await hall.boot(1, image)
    await hall.wait(lambda: len(alive(hall.marker)) == 4)
    await hall.clients[0].reset("ForceOff")
    await hall.wait(lambda: len(alive(hall.marker)) == 2)
    await hall.clients[1].reset("ForceOff")
    await hall.wait(lambda: not alive(hall.marker))


@isolated
async def test_hosts_reach_each_other_on_one_network_and_not_across_two(
    hosts: Any, media: Any
) -> None:
    hall = await hosts(namespaces=True)
    image = media.boot_document()
    for number in range(3):
        await hall.boot(number, image)
    for number, network in enumerate(("tenant-a-main", "tenant-a-main", "tenant-b-main")):
        assert (await hall.join(number, network, f"10.77.3.{11 + number}/24"))[1] == "200\n"
    listen = "import socket; s = socket.create_server(('0.0.0.0', 9)); s.accept()"
    for number in range(3):
        await hall.run(number, f'{sys.executable} -c "{listen}" >/dev/null 2>&1 &')
    await asyncio.sleep(0.5)

    async def reaches(number: int, address: str) -> bool:
        connect = f"import socket; socket.create_connection(('{address}', 9), timeout=2)"
        return (await hall.run(number, f'{sys.executable} -c "{connect}"'))[0] == 0

    assert not await reaches(0, "10.77.3.13")
    assert not await reaches(2, "10.77.3.11")
    assert await reaches(0, "10.77.3.12")


@isolated
async def test_a_host_can_leave_its_network_and_its_power_cycle_pulls_the_cable(
    hosts: Any, media: Any
) -> None:
    hall = await hosts(namespaces=True)
    await hall.boot(0, media.boot_document())
    assert (await hall.join(0, "a", "10.1.0.1/24"))[1] == "200\n"
    assert "10.1.0.1" in (await hall.run(0, "ip -4 addr show eth0"))[1]
    await hall.run(0, f"{sys.executable} -c '{ASK}' DELETE ''")
    assert "10.1.0.1" not in (await hall.run(0, "ip -4 addr show eth0"))[1]
    assert (await hall.join(0, "a", "nonsense"))[1] == "400\n"


@isolated
async def test_a_host_that_never_joined_has_no_way_out(hosts: Any, media: Any) -> None:
    hall = await hosts(namespaces=True)
    await hall.boot(0, media.boot_document())
    port = hall.hall.told[0]["bmc"].rpartition(":")[2]
    connect = f"import socket; socket.create_connection(('127.0.0.1', {port}), timeout=2)"
    assert (await hall.run(0, f'{sys.executable} -c "{connect}"'))[0] != 0


@isolated
async def test_the_uplink_reaches_the_controller_the_boot_document_names(
    hosts: Any, media: Any
) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    controller = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = controller.sockets[0].getsockname()[1]
    hall = await hosts(namespaces=True)
    await hall.boot(0, media.boot_document(controller=f"127.0.0.1:{port}"))
    ask = (
        "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/uplink.sock'); "
        "s.sendall(b'hello\\\\n'); print(s.recv(99))"
    )
    assert "hello" in (await hall.run(0, f'{sys.executable} -c "{ask}"'))[1]
    controller.close()


@isolated
async def test_hosts_boot_again_after_the_halls_kernel_was_killed(hosts: Any, media: Any) -> None:
    hall = await hosts(namespaces=True)
    image = media.boot_document()
    await hall.boot(0, image)
    hall.hall.hall._launcher._process.kill()
    await hall.wait(lambda: not alive(hall.marker))
    await hall.clients[0].reset("ForceOff")
    await hall.boot(1, image)
    await hall.wait(lambda: len(alive(hall.marker)) == 2)


async def test_without_namespaces_hosts_are_plain_processes_and_say_so(
    hosts: Any, media: Any
) -> None:
    hall = await hosts(namespaces=False)
    seen = await hall.boot(0, media.boot_document())
    assert seen["environment"]["PODYARD_HOST_ISOLATED"] == "0"
    assert seen["environment"]["PODYARD_HOST_RUN"] == hall.hall.told[0]["run"]
    description = json.loads((hall.hall.hall.directory / "hall.json").read_text())
    assert description["isolated"] is False


async def test_a_machine_that_refuses_namespaces_is_told_of_loudly_and_still_boots_hosts(
    hosts: Any,
    media: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    refusing = tmp_path / "bin" / "unshare"
    refusing.parent.mkdir()
    refusing.write_text("#!/bin/sh\necho 'Operation not permitted' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{refusing.parent}:{os.environ['PATH']}")
    hall = await hosts(namespaces=True)
    said = capsys.readouterr().err
    assert said.count("Operation not permitted") == 1
    assert "all of its interfaces" in said
    seen = await hall.boot(0, media.boot_document())
    assert seen["environment"]["PODYARD_HOST_ISOLATED"] == "0"


async def test_plain_processes_end_with_the_power_strays_included(hosts: Any, media: Any) -> None:
    hall = await hosts(namespaces=False)
    await hall.boot(0, media.boot_document())
    await hall.wait(lambda: len(alive(hall.marker)) == 2)
    await hall.clients[0].reset("ForceOff")
    assert alive(hall.marker) == []


async def test_an_agent_that_fails_is_started_again_and_one_that_ends_well_is_not(
    start_hall: Callable[..., Any], client: Callable[..., Any], media: Any, wait_until: Any
) -> None:
    flag = "import pathlib, os, sys; p = pathlib.Path(os.environ['HOME'], 'again'); "
    program = flag + "sys.exit(0) if p.exists() else (p.write_text(''), sys.exit(3))"
    hall = await start_hall(agent_argv=(sys.executable, "-c", program))
    await client(hall.told[0]).boot_from(media.boot_document())
    await wait_until(lambda: len(hall.entries("host.agent.exit")) == 2)
    await asyncio.sleep(1.0)
    assert [entry["code"] for entry in hall.entries("host.agent.exit")] == [3, 0]
    assert len(hall.entries("host.agent.start")) == 2
