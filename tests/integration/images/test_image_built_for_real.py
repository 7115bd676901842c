"""Images of real packages: the same twice, and started from disk by real firmware."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from provisioning.images import recipe as recipes
from provisioning.images.building import build
from provisioning.images.library import Library
from provisioning.images.programs import missing
from provisioning.images.pythonlayer import python_tar
from provisioning.images.writing import Folder, write_image
from tests.beds.images import image_of
from tests.beds.virtual_machine import absent, machine, ssh_greeting

pytestmark = [
    pytest.mark.integration,
    pytest.mark.long,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(os.geteuid() != 0, reason="images are built as root"),
    pytest.mark.skipif(
        bool(missing(("mmdebstrap", "mksquashfs", "xorriso"))),
        reason="images need more programs: apt-get install mmdebstrap squashfs-tools xorriso",
    ),
]
DISK_BYTES = 3 * 1024**3


def test_an_image_built_again_elsewhere_has_the_same_name(tmp_path: Path) -> None:
    """While Debian's archive stands still; a newer package in between is another image."""
    bare = recipes.load("small").model_copy(update={"python": "none", "services": ()})

    first, again = (
        build(bare, library=Library(tmp_path / name / "images"), say=print)
        for name in ("here", "there")
    )

    assert again.manifest == first.manifest


def test_podyard_in_an_image_is_the_same_bytes_again(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        python_tar("core", target=tmp_path / f"{name}.tar", work=tmp_path / name, epoch=1)

    one, two = ((tmp_path / f"{name}.tar").read_bytes() for name in ("one", "two"))
    assert hashlib.sha256(one).hexdigest() == hashlib.sha256(two).hexdigest()


@pytest.mark.skipif(bool(absent()), reason=absent() or "there is QEMU")
def test_an_image_starts_from_the_disk_that_it_was_written_to(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    image, disk = image_of("small"), tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(DISK_BYTES)
    write_image(image.manifest, Folder(image.folder), target=disk)

    with machine(
        tmp_path, serial="LAB1", mac="02:00:00:00:00:01", disk=disk, ssh_port=unused_tcp_port
    ) as vm:
        vm.wait_for("localhost login:")
        greeting = ssh_greeting(unused_tcp_port)

    assert greeting.startswith(b"SSH-2.0-OpenSSH")
