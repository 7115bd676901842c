"""What real hosts boot is believed before the service starts, or the service does not start."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from inventory.statedir import StateDirectory
from pods.errors import CertificateRefused
from pods.keys import SigningKey
from provisioning.images.building import pack
from provisioning.images.errors import ImageDamaged, ImageNotFound, NotSigned
from provisioning.images.library import Image, Library
from provisioning.images.manifest import sign_manifest
from provisioning.images.medium import MEDIUM
from provisioning.images.programs import missing
from runtime.app.doors import boot_medium
from tests.beds.tiny_root import tiny_recipe, tiny_root

pytestmark = pytest.mark.integration


@pytest.fixture
def parts(tmp_path: Path, key: SigningKey) -> Any:
    """As much of a service as chooses its boot image."""
    options = SimpleNamespace(state=StateDirectory(tmp_path / "state"))
    return SimpleNamespace(options=options, production=key)


@pytest.fixture
def bootable(parts: Any, tmp_path: Path) -> Image:
    if absent := missing(("xorriso", "mksquashfs", "mkfs.vfat", "mcopy")):
        pytest.skip(f"images need more programs: apt-get install {' '.join(absent)}")
    root = tiny_root(tmp_path / "root", content_bytes=1024)
    library = Library(parts.options.state.images)
    return pack(tiny_recipe(medium=True), root=root, work=tmp_path, library=library)


def test_no_image_chosen_is_none(parts: Any) -> None:
    assert boot_medium(parts, "") is None


def test_an_image_that_the_services_key_vouches_for_is_taken(
    parts: Any, bootable: Image, key: SigningKey
) -> None:
    bootable.sign(sign_manifest(bootable.manifest, key=key))

    medium = boot_medium(parts, "tiny@1")

    assert medium is not None
    assert len(medium.content) == bootable.file(MEDIUM).stat().st_size


def test_an_image_that_nobody_vouches_for_is_refused(parts: Any, bootable: Image) -> None:
    assert bootable.signature is None

    with pytest.raises(NotSigned):
        boot_medium(parts, "tiny")


def test_an_image_that_another_key_vouches_for_is_refused(
    parts: Any, bootable: Image, tmp_path: Path
) -> None:
    stranger = SigningKey.generate(tmp_path / "stranger.key", purpose="production")
    bootable.sign(sign_manifest(bootable.manifest, key=stranger))

    with pytest.raises(CertificateRefused, match="not one of the 1 trusted keys"):
        boot_medium(parts, "tiny")


def test_a_medium_that_changed_since_is_refused(
    parts: Any, bootable: Image, key: SigningKey
) -> None:
    bootable.sign(sign_manifest(bootable.manifest, key=key))
    with bootable.file(MEDIUM).open("r+b") as file:
        file.seek(100_000)
        file.write(b"!")

    with pytest.raises(ImageDamaged, match=r"medium\.iso has sha256"):
        boot_medium(parts, "tiny")


def test_an_image_that_is_not_here_is_refused_by_name(parts: Any) -> None:
    with pytest.raises(ImageNotFound, match="no image 'missing'"):
        boot_medium(parts, "missing")
