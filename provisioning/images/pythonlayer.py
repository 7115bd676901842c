"""Podyard itself inside an image: exactly the podyard that builds it, with what its lock names.

The packages of Python's index are taken by version and digest from a lock that is shipped with
podyard, as wheels only, for the Python of the image's Debian and not for the one that builds. They
lie in a folder of their own, where neither apt nor a tenant's job finds them by accident.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from provisioning.images.errors import BuildFailed
from provisioning.images.programs import run
from provisioning.images.recipe import Python
from provisioning.images.root import tar_of

LOCKS = Path(__file__).parent / "locks"
PACKAGES = Path(__file__).resolve().parents[2]
OURS = ("pods", "inventory", "provisioning", "runtime")
HOME = "usr/lib/podyard/python"
PYTHON_VERSION = "3.11"  # Debian 12's
GLIBC_MINOR = 36  # the same; a wheel for an older glibc runs there too
PIP_TIMEOUT_S = 1800.0
LAUNCHER = """#!/bin/sh
# The podyard that this image was built by.
export PYTHONPATH=/{home} PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 -P -m {module} "$@"
"""
LAUNCHERS = {"podyard": "runtime.cli", "podyard-agent": "runtime.agent"}


def lock_of(python: Python) -> str:
    """The lock, as pip reads it."""
    return "" if python == "none" else (LOCKS / f"{python}.txt").read_text()


def ours_of(python: Python) -> dict[str, str]:
    """Podyard's own files in the image, each by its digest."""
    files = () if python == "none" else _ours()
    return {name: hashlib.sha256(content).hexdigest() for name, content in files}


def python_tar(python: Python, *, target: Path, work: Path, epoch: int) -> None:
    """A tar with podyard and its dependencies, to be unpacked at the root."""
    folder = work / "python"
    _install(python, folder=folder, work=work)
    files = {f"{HOME}/{path.relative_to(folder)}": path for path in _files(folder)}
    contents = [(name, _without_scripts(path)) for name, path in files.items()]
    contents += list(_ours())
    target.write_bytes(tar_of(contents, epoch=epoch))


def _install(python: Python, *, folder: Path, work: Path) -> None:
    """Wheels by digest, unpacked and not compiled: what is compiled carries a date."""
    venv = work / "pip"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True, capture_output=True)
    platforms = [f"--platform=manylinux_2_{minor}_x86_64" for minor in range(5, GLIBC_MINOR + 1)]
    run(
        [
            *(venv / "bin/python", "-m", "pip", "install", "--quiet", "--no-compile"),
            *("--disable-pip-version-check", "--no-input", "--no-deps", "--require-hashes"),
            *("--only-binary=:all:", f"--python-version={PYTHON_VERSION}", *platforms),
            *("--platform=manylinux2014_x86_64", "--platform=linux_x86_64"),
            *("--target", folder, "--requirement", LOCKS / f"{python}.txt"),
        ],
        hint="look at the last lines: a package that the index no longer has, or no way to it",
        timeout_s=PIP_TIMEOUT_S,
    )


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        # Scripts in bin/ carry the path of the Python that ran pip.
        if path.is_file() and "__pycache__" not in path.parts and path.parent != folder / "bin":
            yield path


def _without_scripts(path: Path) -> bytes:
    """A file of a wheel; its RECORD without the scripts, which are left out and always differ."""
    content = path.read_bytes()
    if path.name != "RECORD":
        return content
    lines = content.splitlines(keepends=True)
    return b"".join(one for one in lines if not one.startswith(b"../../bin/"))


def _ours() -> Iterator[tuple[str, bytes]]:
    """The four packages as they run here, and how to start them."""
    for package in OURS:
        for path in _files(PACKAGES / package):
            yield f"{HOME}/{path.relative_to(PACKAGES)}", path.read_bytes()
    try:
        version = importlib.metadata.version("podyard")
    except importlib.metadata.PackageNotFoundError as error:
        raise BuildFailed(
            "podyard is not installed here, only lying here", hint="pip install podyard"
        ) from error
    about = f"Metadata-Version: 2.1\nName: podyard\nVersion: {version}\n"
    yield f"{HOME}/podyard-{version}.dist-info/METADATA", about.encode()
    for name, module in LAUNCHERS.items():
        text = LAUNCHER.format(home=HOME, module=module)
        yield f"usr/lib/podyard/bin/{name}", text.encode()
