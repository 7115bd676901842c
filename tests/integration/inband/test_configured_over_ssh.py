"""Over a real sshd: what a host gets, that a second run changes nothing, and failures."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from inventory.model import BmcAccess, Host
from pods.facts import AcceleratorFact, HardwareFacts, NicFact
from provisioning.drivers.credentials import Credentials
from provisioning.errors import CertificateChanged
from provisioning.inband.play import AnsiblePlayer
from provisioning.inband.reach import SshReach, ssh_reach
from provisioning.inband.values import SiteValues
from provisioning.world import PlayResult
from tests.beds import package_archive
from tests.beds.second_host import SecondHost, missing, second_host
from tests.make import make_host

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]

NVIDIA_SMI = "#!/bin/sh\necho '0, NVIDIA H100 80GB HBM3, 570.86.15'\n"
UNIT = "[Service]\nExecStart=/bin/sleep 3600\n"
USER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq3yH0nC2Tn0C2l1h7oXhX0Vq3mV9k2Qm0b3cD4e5Fg"
HOSTILE = "{{ lookup('pipe', 'touch FOLDER/pwned') }}"
ADDED_IS = "nvidia: Install the driver and what belongs to it"


@dataclass
class Configured:
    """The host, what its site says, and how the first run over it went."""

    there: SecondHost
    player: AnsiblePlayer
    host: Host
    tasks: set[str]
    first: PlayResult


def site(there: SecondHost, key: str) -> SiteValues:
    """What the site's file says."""
    path = there.folder / "values.json"
    archive = {"uri": f"file://{there.folder}/archive", "suites": ["./"], "key": key}
    said = {
        "base": {
            "time_servers": ["time.example.net"],
            "sysctl": {"vm.swappiness": 5},
            "hugepages_2mib": 64,
            "repositories": {"drivers": archive},
            "users": {"operator": {"keys": [USER_KEY], "groups": ["adm"]}},
        },
        "nvidia": {"packages": ["driver-of-test"], "services": ["nvidia-persistenced"]},
        "agent": {"python": sys.executable, "environment": {"PYTHONPATH": str(Path.cwd())}},
    }
    path.write_text(json.dumps(said))
    return SiteValues.read(path)


def facts() -> HardwareFacts:
    return HardwareFacts(
        observed_at=datetime.now(UTC),
        source="agent",
        manufacturer="Podyard",
        model=HOSTILE,
        serial="SN-SECOND-1",
        uuid="u",
        accelerators=(
            AcceleratorFact(slot="GPU0", model="NVIDIA H100 80GB HBM3", memory_gib=80, serial="1"),
        ),
        nics=(NicFact(slot="rail0", mac="02:00:00:00:00:01", speed_gbps=400),),
    )


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Configured]:
    if lacks := missing() or package_archive.missing():
        pytest.skip(lacks)
    folder = tmp_path_factory.mktemp("second")
    with second_host(folder) as there:
        key = package_archive.make_archive(
            folder / "archive",
            {
                "driver-of-test": {
                    "/usr/bin/nvidia-smi": NVIDIA_SMI,
                    "/lib/systemd/system/nvidia-persistenced.service": UNIT,
                    "/lib/systemd/system/nvidia-dcgm.service": UNIT,
                }
            },
        )
        there.bring("/etc/apt/sources.list", "")
        for listed in Path("/etc/apt/sources.list.d").glob("*"):
            there.bring(str(listed), "")
        access = BmcAccess(address=there.address, fingerprint=there.fingerprint, username="root")
        host = make_host(name="r1-h1", root="", bmc=access, facts=facts())

        async def reach(asked: Host) -> SshReach:
            account = Credentials(username="root", password=SecretStr(there.key))
            pin = asked.bmc.fingerprint
            return await ssh_reach(asked.bmc.address, account, fingerprint=pin, deadline_s=60)

        player = AnsiblePlayer(values=site(there, key), reach=reach, deadline_s=600)
        tasks: set[str] = set()
        first = asyncio.run(watched(player, host, said(there), tasks))
        yield Configured(there, player, host, tasks, first)


async def watched(
    player: AnsiblePlayer, host: Host, said: dict[str, str], tasks: set[str]
) -> PlayResult:
    """A run, and each task that it was seen at."""
    run = asyncio.ensure_future(player.configure(host, said))
    while not run.done():
        tasks.add(player.doing(host.id))
        await asyncio.wait({run}, timeout=0.1)
    return run.result()


def said(there: SecondHost) -> dict[str, str]:
    hostile = HOSTILE.replace("FOLDER", str(there.folder))
    return {"host": hostile, "pod": hostile, "slot": "r1-h1", "boot_id": "b1"}


async def test_second_run_changes_nothing_and_every_task_was_told(configured: Configured) -> None:
    there, player, result = configured.there, configured.player, configured.first
    assert result.ok, result
    assert result.changed > 10
    assert "base: Keep time" in configured.tasks
    assert ADDED_IS in configured.tasks
    assert player.doing(configured.host.id) == ""

    assert there.parameter("vm.swappiness") == "5"
    assert there.parameter("vm.nr_hugepages") == "64"
    assert there.parameter("net.ipv4.conf.all.arp_ignore") == "1"
    assert (
        "server time.example.net iburst"
        in there.file("/etc/chrony/conf.d/podyard.conf").read_text()
    )
    assert there.file("/home/operator/.ssh/authorized_keys").read_text() == f"{USER_KEY}\n"
    assert there.file("/etc/security/limits.d/91-podyard-rdma.conf").exists()
    started = there.file("/var/lib/stub-systemctl/log").read_text().split("\n")
    assert "start nvidia-persistenced" in started
    assert "start nvidia-dcgm" in started
    unit = there.file("/etc/systemd/system/podyard-agent.service").read_text()
    assert f"ExecStart={sys.executable} -m runtime.agent" in unit
    assert (
        json.loads(there.file("/etc/podyard/host.json").read_text())["host"] == said(there)["host"]
    )
    assert not (there.folder / "pwned").exists()

    there.bring("/usr/bin/nvidia-smi", NVIDIA_SMI, mode=0o755)  # other tests break it
    again = await player.configure(configured.host, said(there))
    assert (again.ok, again.changed) == (True, 0), again


async def test_failure_names_task_and_output_and_leaves_no_key(configured: Configured) -> None:
    there = configured.there
    there.bring(
        "/usr/bin/nvidia-smi",
        "#!/bin/sh\nprintf 'NVIDIA-SMI\\033[31m could not reach the driver' >&2\nexit 9\n",
        mode=0o755,
    )
    result = await configured.player.configure(configured.host, said(there))
    assert (result.ok, result.task) == (False, "nvidia: Ask the driver for its accelerators")
    assert "could not reach the driver" in result.output
    assert "\x1b" not in result.output
    assert keys_left(there.key) == []


async def test_host_that_shows_another_key_is_told_nothing(configured: Configured) -> None:
    there = configured.there
    access = configured.host.bmc.model_copy(update={"fingerprint": "sha256:" + "0" * 64})
    changed = configured.host.model_copy(update={"bmc": access})
    with pytest.raises(CertificateChanged, match="nothing was sent"):
        await configured.player.configure(changed, said(there))


async def test_run_that_does_not_end_is_cut_off_with_all_it_started(configured: Configured) -> None:
    there = configured.there
    there.bring("/usr/bin/nvidia-smi", "#!/bin/sh\nexec sleep 3600\n", mode=0o755)
    short = AnsiblePlayer(
        values=configured.player._values, reach=configured.player._reach, deadline_s=30
    )
    result = await short.configure(configured.host, said(there))
    assert not result.ok
    assert result.output == "no end within 30 s"
    assert plays_left(os.getpid()) == []


def keys_left(key: str) -> list[Path]:
    """Files of runs that hold the account's key."""
    found = Path(tempfile.gettempdir()).glob("podyard-play-*/**/*")
    files = [path for path in found if path.is_file() and not path.is_symlink()]
    secret = key.splitlines()[-2].encode()
    return [path for path in files if secret in path.read_bytes()]


def plays_left(parent: int) -> list[Path]:
    """Playbooks that a process began and that still run."""
    return [path for path in Path("/proc").glob("[0-9]*/cmdline") if runs_a_play(path, parent)]


def runs_a_play(path: Path, parent: int) -> bool:
    """Whether a process that we began still plays."""
    try:
        said = path.read_bytes().split(b"\0")
        stat = (path.parent / "stat").read_text()
    except OSError:  # it ended meanwhile
        return False
    ours = int(stat.rpartition(") ")[2].split()[1]) == parent
    return ours and b"provisioning.inband.running" in said
