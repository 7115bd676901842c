"""A signed archive of Debian packages in a folder: a site's own archive, without a network."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

NEEDED = ("dpkg-deb", "gpg", "gpgconf")


def missing() -> str:
    """Which program it needs and is not there."""
    return next((one for one in NEEDED if shutil.which(one) is None), "")


def make_archive(folder: Path, packages: Mapping[str, Mapping[str, str]]) -> str:
    """Packages by name, each with its files (path to script); the key that signs it, armored."""
    folder.mkdir()
    lines: list[str] = []
    for name, files in packages.items():
        tree = folder / f"tree-{name}"
        control = (
            f"Package: {name}\nVersion: 1.0\nArchitecture: all\n"
            "Maintainer: nobody <nobody@example.invalid>\nDescription: stands in for a driver\n"
        )
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text(control)
        for path, content in files.items():
            (tree / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            (tree / path.lstrip("/")).write_text(content)
            (tree / path.lstrip("/")).chmod(0o755 if "/bin/" in path else 0o644)
        built = folder / f"{name}_1.0_all.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Znone", "-b", str(tree), str(built)],
            check=True,
            capture_output=True,
        )
        raw = built.read_bytes()
        digest = hashlib.sha256(raw).hexdigest()
        lines.append(f"{control}Filename: {built.name}\nSize: {len(raw)}\nSHA256: {digest}\n")
    index = "\n".join(lines).encode()
    (folder / "Packages").write_bytes(index)
    (folder / "Release").write_text(
        f"Suite: ./\nSHA256:\n {hashlib.sha256(index).hexdigest()} {len(index)} Packages\n"
    )
    return _signed(folder)


def _signed(folder: Path) -> str:
    home = folder / "gnupg"
    home.mkdir(mode=0o700)
    environment = {**os.environ, "GNUPGHOME": str(home)}

    def gpg(*arguments: str) -> str:
        done = subprocess.run(
            ["gpg", "--batch", "--yes", "--passphrase", "", *arguments],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
        )
        return done.stdout

    try:
        gpg("--quick-gen-key", "archive@example.invalid", "ed25519", "sign", "never")
        gpg("--clearsign", "-o", str(folder / "InRelease"), str(folder / "Release"))
        return gpg("--armor", "--export")
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], check=False, env=environment)
