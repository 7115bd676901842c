"""A root that has the places of a real one and nothing to run: packed in a second."""

from __future__ import annotations

import os
import random
from pathlib import Path

from provisioning.images.recipe import Recipe

STATUS = """Package: base-files
Status: install ok installed
Maintainer: Santiago Vila <sanvila@debian.org>
Architecture: amd64
Version: 12.4+deb12u12

Package: gone
Status: deinstall ok config-files
Maintainer: Nobody <nobody@example.org>
Architecture: amd64
Version: 1
"""
RELEASE = "6.1.0-0-cloud-amd64"


def tiny_recipe(**changed: object) -> Recipe:
    """A recipe that says little."""
    said = {
        "name": "tiny",
        "version": "1",
        "summary": "Nothing to run.",
        "source_date": "2026-11-01T00:00:00Z",
        "kernel": "linux-image-cloud-amd64",
        "compression_level": 1,
    }
    return Recipe.model_validate(said | changed)


def tiny_root(root: Path, *, content_bytes: int = 20 * 1024 * 1024) -> Path:
    """Lay it down; the content does not compress, so that it has several chunks."""
    files = {
        "boot/vmlinuz-" + RELEASE: b"kernel" * 1000,
        "boot/initrd.img-" + RELEASE: b"initrd" * 1001,
        "usr/lib/systemd/boot/efi/systemd-bootx64.efi": b"MZloader" * 512,
        "var/lib/dpkg/status": STATUS.encode(),
        "etc/hostname": b"",
        "dev/null": b"not a device",
        "usr/share/noise": _noise(content_bytes),
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def _noise(size: int) -> bytes:
    """The same on every call, and nothing that a compressor finds a pattern in."""
    return random.Random(8).randbytes(size)


def older(root: Path, *, by_s: int) -> None:
    """As if it had been made at another time."""
    for path in [root, *root.rglob("*")]:
        found = path.stat()
        os.utime(path, (found.st_atime - by_s, found.st_mtime - by_s))
