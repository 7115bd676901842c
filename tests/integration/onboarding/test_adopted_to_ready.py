"""A host without a BMC from its record to ready: a real sshd, a real agent, the real service."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pods import catalogue
from provisioning.drivers.agentstart import AgentStarter
from provisioning.drivers.choose import open_bmc
from provisioning.drivers.credentials import Credentials
from tests.bed import ROOT, Bed, bed, is_parked
from tests.contract.bmc.bed import free_port, listens, process, wait_for
from tests.integration.drivers.test_ssh_host import PRIVILEGE_SEPARATION, SSHD, make_key

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SERIAL, UUID = "SN-RENTED-1", "4c4c4544-0043-4810-8052-b9c04f575631"
NAME = "r1-h1"
SKIPPED = "its owner installed it anew"


@dataclass(frozen=True)
class Rented:
    """A host with an operating system of somebody else's, and an agent installed in it."""

    folder: Path
    port: int
    fingerprint: str
    key: str

    @property
    def agents(self) -> list[int]:
        """Process ids of every agent that was started here, oldest first."""
        pids = self.folder / "pids"
        return [int(one) for one in pids.read_text().split()] if pids.exists() else []


def as_built() -> dict[str, Any]:
    """What the agent finds: a lab host, as its design has it."""
    return {
        "manufacturer": "Podyard",
        "model": "Lab Host 1",
        "serial": SERIAL,
        "uuid": UUID,
        "processors": [{"slot": "CPU0", "model": "Lab CPU 8", "cores": 8, "threads": 16}],
        "memory": [{"slot": f"DIMM{n}", "capacity_gib": 16} for n in range(4)],
        "drives": [{"slot": "nvme0n1", "model": "Lab SSD", "capacity_gib": 480, "serial": "D1"}],
        "nics": [
            {"slot": f"eth{n}", "mac": f"02:00:00:00:00:0{n}", "speed_gbps": 25, "link_up": True}
            for n in range(2)
        ],
        "accelerators": [
            {"slot": "0", "model": "Lab Accelerator", "serial": "A1", "memory_gib": 16}
        ],
        "simulated": True,
        "physical_host": "rented-1",
    }


def spec_without_firmware() -> dict[str, Any]:
    """One host of the lab pod, of which nothing is wanted that only a BMC could tell."""
    spec = dict(json.loads(catalogue.load("lab-4").model_dump_json(exclude_unset=True)))
    spec["firmware"] = {"lab-cpu": []}
    spec["bios"] = {"lab-cpu": {}}
    spec["name"] = "rented-1"
    spec["racks"][0]["slots"] = spec["racks"][0]["slots"][:1]
    return spec


@pytest.fixture
def rented(tmp_path: Path) -> Iterator[Rented]:
    if not SSHD.is_file() or shutil.which("ssh-keygen") is None or os.geteuid() != 0:
        pytest.skip("needs root and Debian's openssh-server")
    PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    host_key, user_key = make_key(tmp_path / "host"), make_key(tmp_path / "user")
    tables, run = tmp_path / "dmi", tmp_path / "run"
    for folder in (tables, run, tmp_path / "root"):
        folder.mkdir()
    told = {
        "product_serial": SERIAL,
        "product_uuid": UUID.upper(),
        "sys_vendor": "Podyard",
        "product_name": "Lab Host 1",
        "bios_version": "2.7",
    }
    for name, value in told.items():
        (tables / name).write_text(f"{value}\n")
    (run / "hardware.json").write_text(json.dumps(as_built()))
    unit = executable(
        tmp_path / "unit",
        f"[ -s {tmp_path}/pids ] && kill $(tail -n 1 {tmp_path}/pids) 2>/dev/null\n"
        f"export PODYARD_HOST_RUN={run} PODYARD_HOST_ROOT={tmp_path}/root PODYARD_HOST_ISOLATED=0\n"
        f"export PYTHONPATH={ROOT}\n"
        f"setsid {sys.executable} -m runtime.agent --boot {run}/boot.json "
        f">> {tmp_path}/agent.log 2>&1 < /dev/null &\n"
        f"echo $! >> {tmp_path}/pids\n",
    )
    # A host's own paths, moved into this test's folder; what is sent on stdin passes through.
    shell = executable(
        tmp_path / "shell",
        'exec sh -c "$(printf %s "$SSH_ORIGINAL_COMMAND" | sed '
        f"-e 's#/sys/class/dmi/id#{tables}#' -e 's#/run/podyard#{run}#g' "
        f"-e 's#systemctl restart podyard-agent#{unit}#')\"\n",
    )
    port, log, config = free_port(), tmp_path / "sshd.log", tmp_path / "sshd_config"
    config.write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {host_key}\n"
        f"AuthorizedKeysFile {user_key}.pub\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"PermitRootLogin yes\nPasswordAuthentication no\nForceCommand {shell}\n"
    )
    public = (tmp_path / "host.pub").read_text().split()[1]
    pin = f"sha256:{hashlib.sha256(base64.b64decode(public)).hexdigest()}"
    found = Rented(tmp_path, port, pin, user_key.read_text())
    with ExitStack() as stack:
        running = stack.enter_context(process([str(SSHD), "-D", "-e", "-f", str(config)], log))
        wait_for(lambda: listens(port), running, log)
        yield found
    for pid in found.agents:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def executable(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(0o755)
    return path


def served(made: Bed, host: Rented) -> None:
    """The service, and a pod of one rented host."""
    made.start_service(environment={"PODYARD_PROVISIONING_PLAYBOOK": "none"})
    made.login()
    given = {
        "name": NAME,
        "slot": NAME,
        "bmc": f"ssh://127.0.0.1:{host.port}",
        "fingerprint": host.fingerprint,
        "username": "root",
        "password": host.key,
        "serial": SERIAL,
    }
    body = {"name": "lab", "spec": spec_without_firmware(), "hosts": [given], "simulated": True}
    reply = made.call("POST", "/api/pods", body)
    assert reply.is_success, reply.text


def kinds(made: Bed) -> list[str]:
    events = made.get(f"/api/events?subject=host:{NAME}&limit=1000")["results"]
    return [event["kind"] for event in events]


def test_a_host_without_a_bmc_goes_to_ready_and_is_left_only_when_somebody_vouches(
    rented: Rented,
) -> None:
    with bed() as made:
        served(made, rented)
        made.approve(made.plan()["digest"])
        made.wait(180, lambda: made.hosts()[NAME]["state"] == "ready")
        boot = rented.folder / "run" / "boot.json"
        assert boot.stat().st_mode & 0o777 == 0o600
        host = made.get(f"/api/hosts/{NAME}")
        assert host["observed"]["power"] == "Unknown"
        told = kinds(made)
        assert "host.agent.start" in told
        assert "host.certified" in told
        assert not [kind for kind in told if kind.startswith("host.power.")]
        assert [unit["state"] for unit in made.get("/api/units")["results"]] == ["available"]

        wanted = made.call("POST", f"/api/hosts/{NAME}/target", {"target": "enrolled"})
        assert wanted.is_success, wanted.text
        made.wait(120, lambda: is_parked(made.hosts()[NAME]))
        parked = made.hosts()[NAME]
        assert (parked["state"], parked["problem"]["kind"]) == ("cleaning", "no-bmc")
        assert f"podyard host skip {NAME} --why" in parked["problem"]["remedy"]
        made.call("POST", f"/api/hosts/{NAME}/skip", {"why": SKIPPED})
        made.wait(120, lambda: made.hosts()[NAME]["state"] == "enrolled")


def test_a_host_without_the_agent_s_unit_parks_and_says_what_to_install(rented: Rented) -> None:
    executable(rented.folder / "unit", "exit 5\n")
    with bed() as made:
        served(made, rented)
        made.wait(120, lambda: is_parked(made.hosts()[NAME]))
        problem = made.hosts()[NAME]["problem"]
        assert problem["kind"] == "unsupported"
        assert "podyard-agent.service" in problem["remedy"]


async def test_a_document_handed_over_twice_is_there_once_for_root_alone(rented: Rented) -> None:
    starts = rented.folder / "starts"
    executable(rented.folder / "unit", f"echo started-once-more >> {starts}\n")
    account = Credentials(username="root", password=SecretStr(rented.key))
    host = open_bmc(
        f"ssh://127.0.0.1:{rented.port}", account, fingerprint=rented.fingerprint, deadline_s=60
    )
    assert isinstance(host, AgentStarter)
    document = json.dumps({"token": "s" * 20_000}).encode()
    for _ in range(2):
        await host.start_agent(document)
    run = rented.folder / "run"
    assert (run / "boot.json").read_bytes() == document
    assert (run / "boot.json").stat().st_mode & 0o777 == 0o600
    assert {one.name for one in run.iterdir()} == {"boot.json", "hardware.json"}
    assert len(starts.read_text().split()) == 2
    assert "ssss" not in (rented.folder / "sshd.log").read_text()
