"""How a playbook reaches a host: over `ssh`, under the host's pinned key and no other.

Nothing here is a template, whatever anybody wrote into a record: an address and an account are held
against the form of what they are before they become an option of a program, and a host key is
compared with its pin before Ansible hears of the host. The account's private key is in no file: it
lies in memory that the run's own process holds open, and is gone with it however that ends.
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from inventory.model import Host
from provisioning.drivers.credentials import BmcMisconfigured, Credentials
from provisioning.drivers.ssh.address import SshEndpoint
from provisioning.drivers.ssh.session import SshSession

CONNECT_S = 15  # one handshake; a loaded machine takes a tenth of it
ALIVE_S = 15  # a host that is silent for four of these is gone: a task's end is then known
KEY_LINK = "ssh_key"
"""Leads to the key, which the run's own process has open."""
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,30}")


@dataclass(frozen=True, slots=True)
class SshReach:
    """One host's sshd, an account there, and the key that the host proved itself with."""

    endpoint: SshEndpoint
    user: str
    key: SecretStr
    known_host: str
    """The line of the pinned host key, as `ssh` wants it."""


ReachOf = Callable[[Host], Awaitable[SshReach | None]]
"""How a host is reached; None: not over `ssh`. CertificateChanged when its key is not the pin."""


async def ssh_reach(
    address: str, account: Credentials, *, fingerprint: str, deadline_s: float
) -> SshReach:
    """Look at the host's key first; a host that shows another one is told nothing."""
    if not _USER.fullmatch(account.username):
        raise BmcMisconfigured(
            f"{address}: the account is no user name of an operating system",
            hint="give one of small letters, digits, - and _: podyard host bmc NAME --username",
        )
    endpoint = SshEndpoint.parse(address)
    session = SshSession(
        endpoint=endpoint, credentials=account, fingerprint=fingerprint, deadline_s=deadline_s
    )
    return SshReach(
        endpoint=endpoint,
        user=account.username,
        key=account.password,
        known_host=await session.known_host(),
    )


def connection(reach: SshReach, folder: Path) -> dict[str, Any]:
    """Ansible's variables for it. Writes the host's key into `folder`."""
    known = _written(folder / "known_hosts", reach.known_host)
    options = {
        "BatchMode": "yes",
        "ClearAllForwardings": "yes",
        "ConnectTimeout": CONNECT_S,
        "ControlMaster": "auto",
        # Long enough to go from task to task, short enough to leave nothing behind.
        "ControlPersist": "10s",
        "ForwardAgent": "no",
        "GlobalKnownHostsFile": "/dev/null",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "ServerAliveCountMax": 4,
        "ServerAliveInterval": ALIVE_S,
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "UserKnownHostsFile": known,
    }
    return {
        "ansible_connection": "ssh",
        "ansible_host": reach.endpoint.host,
        "ansible_port": reach.endpoint.port,
        "ansible_user": reach.user,
        "ansible_become": reach.user != "root",
        "ansible_ssh_private_key_file": str(folder / KEY_LINK),
        "ansible_ssh_common_args": " ".join(
            ["-F none", *(f"-o {name}={value}" for name, value in options.items())]
        ),
        # Where every distribution has one; looking for others finds what somebody installed.
        "ansible_python_interpreter": "/usr/bin/python3",
    }


def key_in_memory(reach: SshReach) -> int:
    """A descriptor of the account's key; its memory goes with the last process that has it."""
    content = reach.key.get_secret_value()
    descriptor = os.memfd_create("podyard-key", os.MFD_CLOEXEC)
    os.fchmod(descriptor, 0o600)  # `ssh` takes no key that others might read
    with os.fdopen(os.dup(descriptor), "w") as file:
        file.write(content if content.endswith("\n") else f"{content}\n")
    return descriptor


def _written(path: Path, content: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(content if content.endswith("\n") else f"{content}\n")
    return path
