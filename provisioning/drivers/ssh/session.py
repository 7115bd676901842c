"""One command on an adopted host, by the system's own `ssh`.

The host proves itself by its pinned host key before it is told anything: the keys that it shows are
compared with the pin first, and `ssh` is then given that key alone. The account's password field
holds a private key, in PEM; it lies in a file of its own for the length of one call, readable by
nobody else. The command is fixed text of ours: nothing that anybody typed gets into it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hashlib
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path

from provisioning.drivers.credentials import BmcMisconfigured, Credentials, Trust
from provisioning.drivers.ssh.address import SshEndpoint
from provisioning.errors import (
    AnswerRefused,
    BmcUnreachable,
    CertificateChanged,
    CredentialsRefused,
)

MAX_ANSWER_BYTES = 256 * 1024
_REFUSED = b"Permission denied"
_SSH_FAILED = 255
"""What `ssh` itself ends with; any other code is the command's."""


class SshSession:
    """Calls of one host; nothing is kept open between them."""

    def __init__(
        self,
        *,
        endpoint: SshEndpoint,
        credentials: Credentials,
        fingerprint: str | None,
        deadline_s: float,
    ) -> None:
        self.label = endpoint.label
        self._endpoint = endpoint
        self._credentials = credentials
        self._deadline_s = deadline_s
        trust = Trust.parse(address=endpoint.label, fingerprint=fingerprint or "", ca_file=None)
        self._pin = trust.fingerprint
        if "PRIVATE KEY-----" not in credentials.password.get_secret_value():
            raise BmcMisconfigured(
                f"{endpoint.label}: the password of an ssh:// account is not a private key",
                hint="give the private key in PEM: podyard host bmc NAME --password-file KEYFILE",
            )

    async def run(self, command: str, *, send: bytes = b"") -> str:
        """What `command` prints; `send` is what it reads, and is in no argument."""
        with tempfile.TemporaryDirectory(prefix="podyard-ssh-") as folder:
            secret = self._credentials.password.get_secret_value()
            key = await asyncio.to_thread(_written, Path(folder, "key"), secret)
            known = await asyncio.to_thread(
                _written, Path(folder, "known_hosts"), await self.known_host()
            )
            code, out, err = await self._call(
                [
                    *("ssh", "-F", "none", "-T", "-p", str(self._endpoint.port)),
                    *("-i", str(key), "-l", self._credentials.username),
                    *("-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"),
                    *(
                        "-o",
                        "BatchMode=yes",
                        "-o",
                        "ForwardAgent=no",
                        "-o",
                        "ClearAllForwardings=yes",
                    ),
                    *("-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={known}"),
                    *("-o", "GlobalKnownHostsFile=/dev/null", "-o", "UpdateHostKeys=no"),
                    *("--", self._endpoint.host, self._as_root(command)),
                ],
                send=send,
            )
        if code == _SSH_FAILED and _REFUSED in err:
            raise CredentialsRefused(
                f"{self.label}: the host refused user {_shown(self._credentials.username)!r}",
                status=401,
                hint="correct the account: "
                "podyard host bmc NAME --username USER --password-file KEYFILE",
            )
        if code == _SSH_FAILED:
            raise self._unreachable("ssh could not connect")
        return out.decode(errors="replace")

    def _as_root(self, command: str) -> str:
        """What podyard asks of a host is root's to know; any other account needs `sudo` there."""
        if self._credentials.username == "root":
            return command
        return f"sudo -n sh -c {shlex.quote(command)}"

    async def known_host(self) -> str:
        """The line of the one host key that is pinned; CertificateChanged when it is not shown."""
        _, out, _ = await self._call(
            ["ssh-keyscan", "-p", str(self._endpoint.port), "--", self._endpoint.host]
        )
        lines = [line for line in out.decode(errors="replace").splitlines() if line[:1] != "#"]
        if not lines:
            raise self._unreachable("it shows no host key")
        for line in lines:
            if self._is_pinned(line):
                return f"{line}\n"
        raise CertificateChanged(
            f"{self.label}: no host key is the pinned one; nothing was sent",
            hint="find out why; then podyard host bmc NAME --fingerprint sha256:DIGITS",
        )

    def _is_pinned(self, line: str) -> bool:
        with contextlib.suppress(IndexError, binascii.Error, ValueError):
            return hashlib.sha256(base64.b64decode(line.split()[2])).digest() == self._pin
        return False

    async def _call(self, argv: Sequence[str], *, send: bytes = b"") -> tuple[int, bytes, bytes]:
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE if send else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={"PATH": "/usr/bin:/bin"},
            )
        except FileNotFoundError:
            raise BmcMisconfigured(
                f"{self.label}: the program {argv[0]} is not installed here",
                hint="install OpenSSH's client where the provisioning role runs",
            ) from None
        try:
            async with asyncio.timeout(self._deadline_s):
                _, out, err = await asyncio.gather(
                    _sent(process.stdin, send), _capped(process.stdout), _capped(process.stderr)
                )
                return await process.wait(), out, err
        except TimeoutError:
            raise self._unreachable("no answer in time") from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    def _unreachable(self, reason: str) -> BmcUnreachable:
        return BmcUnreachable(
            f"{self.label}: {reason}",
            hint="check that the host runs and that this address reaches its sshd",
        )


async def shown_keys(address: str, *, deadline_s: float) -> tuple[str, ...]:
    """What host keys a stranger shows, each as `ssh-ed25519 sha256:…`; nothing is sent to it."""
    endpoint = SshEndpoint.parse(address)
    process = await asyncio.create_subprocess_exec(
        *("ssh-keyscan", "-T", f"{deadline_s:.0f}", "-p", str(endpoint.port), "--", endpoint.host),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin"},
    )
    out, _ = await process.communicate()
    found: list[str] = []
    for line in out.decode(errors="replace").splitlines():
        with contextlib.suppress(IndexError, binascii.Error, ValueError):
            _, kind, key = line.split()[:3]
            digest = hashlib.sha256(base64.b64decode(key)).hexdigest()
            found.append(f"{_shown(kind)} sha256:{digest}")
    if not found:
        raise BmcUnreachable(
            f"{endpoint.label}: it shows no host key",
            hint="check that the host runs and that this address reaches its sshd",
        )
    return tuple(sorted(found))


def _written(path: Path, content: str) -> Path:
    """In a folder that is ours alone; readable by us alone all the same, as `ssh` demands."""
    path.touch(mode=0o600)
    path.write_text(content if content.endswith("\n") else f"{content}\n")
    return path


async def _sent(stream: asyncio.StreamWriter | None, content: bytes) -> None:
    """A far end that hangs up meanwhile says so by how the call ends."""
    if stream is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stream.write(content)
        await stream.drain()
    stream.close()


async def _capped(stream: asyncio.StreamReader | None) -> bytes:
    if stream is None:
        return b""
    parts, size = [], 0
    while part := await stream.read(64 * 1024):
        parts.append(part)
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise AnswerRefused(f"the host's answer is over {MAX_ANSWER_BYTES} bytes")
    return b"".join(parts)


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else " " for c in name)[:64]
