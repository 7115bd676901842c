"""The door to the programs that build and write images: Debian's own, each told what to do once.

All of them run with the same few variables, so that neither the language nor the proxy settings of
whoever builds are in the result. What they print on stderr is kept to be shown when they fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from provisioning.images.errors import BuildFailed

PACKAGES = {
    "mmdebstrap": "mmdebstrap",
    "mksquashfs": "squashfs-tools",
    "unsquashfs": "squashfs-tools",
    "mkfs.vfat": "dosfstools",
    "mkfs.ext4": "e2fsprogs",
    "mmd": "mtools",
    "mcopy": "mtools",
    "mtype": "mtools",
    "sfdisk": "fdisk",
    "xorriso": "xorriso",
    "cpio": "cpio",
}
"""Each program, and the Debian package that brings it."""

PASSED_ON = ("HOME", "TMPDIR", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE")
"""Of our environment: where to work and how to reach the package mirror."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SAID_LINES = 12
"""Of what a failed program printed last: enough to hold its own error message."""


def missing(programs: Sequence[str]) -> tuple[str, ...]:
    """The Debian packages that these programs still need."""
    absent = [PACKAGES[one] for one in programs if shutil.which(one, path=PATH) is None]
    return tuple(dict.fromkeys(absent))


def need(*programs: str) -> None:
    """Say before a long build what it will need at its end."""
    if absent := missing(programs):
        raise BuildFailed(
            f"not installed on this machine: {', '.join(absent)}",
            hint=f"apt-get install {' '.join(absent)}",
        )


def run(
    command: Sequence[str | Path],
    *,
    hint: str,
    timeout_s: float,
    source_date: int = 0,
    extra: Mapping[str, str] | None = None,
    given: bytes | None = None,
) -> bytes:
    """Run one program to its end; its stdout, or `BuildFailed` with its last words."""
    name = str(command[0])
    if name in PACKAGES:
        need(name)
    kept = {one: os.environ[one] for one in PASSED_ON if one in os.environ}
    environment = {**kept, "PATH": PATH, "LC_ALL": "C.UTF-8", "TZ": "UTC", **(extra or {})}
    environment["SOURCE_DATE_EPOCH"] = str(source_date)
    try:
        ended = subprocess.run(
            [str(one) for one in command],
            input=given,
            stdin=None if given is not None else subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=timeout_s,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        raise BuildFailed(f"{name} did not end within {timeout_s:.0f} s", hint=hint) from error
    except OSError as error:
        raise BuildFailed(f"{name} cannot be started: {error.strerror}", hint=hint) from error
    if ended.returncode:
        said = (ended.stderr or ended.stdout).decode(errors="replace").strip().splitlines()
        words = "\n".join(said[-SAID_LINES:])
        full = "No space left on device" in words
        raise BuildFailed(
            f"{name} ended with {ended.returncode}:\n{words}",
            hint="free space on the disk that is written to, or choose another" if full else hint,
        )
    return ended.stdout
