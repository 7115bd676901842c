"""An adopted host over a real sshd: pinned before it is told anything, described, never powered."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from provisioning.drivers.capabilities import offered
from provisioning.drivers.choose import open_bmc
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.protocol import Bmc
from provisioning.errors import (
    AnswerRefused,
    BmcUnreachable,
    CertificateChanged,
    CredentialsRefused,
    Unsupported,
)
from tests.contract.bmc.bed import free_port, listens, process, wait_for

pytestmark = pytest.mark.integration

SSHD = Path("/usr/sbin/sshd")
PRIVILEGE_SEPARATION = Path("/run/sshd")
DMI = {
    "product_serial": "SN-ADOPTED-7",
    "product_uuid": "4C4C4544-0043-4810-8052-B9C04F575631",
    "sys_vendor": "Contoso",
    "product_name": "Rack Server 9",
    "bios_version": "2.7",
}


@dataclass(frozen=True)
class Sshd:
    """A private one, on loopback."""

    port: int
    fingerprint: str
    key: str
    log: Path

    def open(self, *, key: str = "", fingerprint: str = "", deadline_s: float = 20.0) -> Bmc:
        account = Credentials(username="root", password=SecretStr(key or self.key))
        return open_bmc(
            f"ssh://127.0.0.1:{self.port}",
            account,
            fingerprint=fingerprint or self.fingerprint,
            deadline_s=deadline_s,
        )


def make_key(path: Path) -> Path:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True
    )
    return path


def folders_of_keys() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("podyard-ssh-*"))


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Callable[..., Sshd]]:
    """Start one whose host tells of itself by `command`, its own firmware tables by default."""
    if not SSHD.is_file() or shutil.which("ssh-keygen") is None or os.geteuid() != 0:
        pytest.skip("needs root and Debian's openssh-server")
    PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    host_key, user_key = make_key(tmp_path / "host"), make_key(tmp_path / "user")
    tables = tmp_path / "dmi"
    tables.mkdir()
    for name, value in DMI.items():
        (tables / name).write_text(f"{value}\n")
    redirected = tmp_path / "redirected"
    redirected.write_text(
        f"#!/bin/sh\necho \"$SSH_ORIGINAL_COMMAND\" | sed 's#/sys/class/dmi/id#{tables}#' | sh\n"
    )
    redirected.chmod(0o755)
    with ExitStack() as stack:

        def start(command: str = str(redirected)) -> Sshd:
            port, log = free_port(), tmp_path / "sshd.log"
            config = tmp_path / "sshd_config"
            config.write_text(
                f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {host_key}\n"
                f"AuthorizedKeysFile {user_key}.pub\nPidFile none\nUsePAM no\nStrictModes no\n"
                f"PermitRootLogin yes\nPasswordAuthentication no\nLogLevel VERBOSE\n"
                f"ForceCommand {command}\n"
            )
            running = stack.enter_context(process([str(SSHD), "-D", "-e", "-f", str(config)], log))
            wait_for(lambda: listens(port), running, log)
            public = (tmp_path / "host.pub").read_text().split()[1]
            pin = hashlib.sha256(base64.b64decode(public)).hexdigest()
            return Sshd(port, f"sha256:{pin}", user_key.read_text(), log)

        yield start


async def test_adopted_host_tells_who_it_is(sshd: Callable[..., Sshd]) -> None:
    host = sshd().open()
    found = await host.identity()
    assert (found.serial, found.uuid) == (DMI["product_serial"], DMI["product_uuid"].lower())
    facts = await host.facts()
    assert (facts.source, facts.model, facts.bios_version) == ("ssh", "Rack Server 9", "2.7")
    assert offered(host) == frozenset()
    with pytest.raises(Unsupported, match="no power here"):
        await host.power_off()


async def test_other_host_key_is_refused_before_anybody_logs_in(sshd: Callable[..., Sshd]) -> None:
    far = sshd()
    with pytest.raises(CertificateChanged, match="nothing was sent"):
        await far.open(fingerprint="sha256:" + "0" * 64).identity()
    said = far.log.read_text()
    assert "Connection" in said
    assert "publickey" not in said


async def test_key_that_the_host_does_not_know_is_refused(
    sshd: Callable[..., Sshd], tmp_path: Path
) -> None:
    stranger = make_key(tmp_path / "stranger").read_text()
    with pytest.raises(CredentialsRefused) as caught:
        await sshd().open(key=stranger).identity()
    assert "PRIVATE KEY" not in str(caught.value) + caught.value.hint


async def test_nothing_listening_is_unreachable() -> None:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----\n"
    far = Sshd(free_port(), "sha256:" + "0" * 64, key, Path())
    with pytest.raises(BmcUnreachable):
        await far.open(deadline_s=10.0).identity()


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("/usr/bin/yes", AnswerRefused),
        ("/bin/true", AnswerRefused),
        ("/bin/sleep 60", BmcUnreachable),
    ],
)
async def test_host_that_answers_nonsense_is_a_named_failure(
    sshd: Callable[..., Sshd], command: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await sshd(command).open(deadline_s=6.0).identity()


async def test_key_lies_in_no_file_afterwards(sshd: Callable[..., Sshd]) -> None:
    before = folders_of_keys()
    await sshd().open().identity()
    assert folders_of_keys() == before
