"""A tiny image, packed once a run, and a key that vouches for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pods.keys import SigningKey
from provisioning.images.building import pack
from provisioning.images.library import Image, Library
from provisioning.images.manifest import sign_manifest
from provisioning.images.programs import missing
from tests.beds.tiny_root import tiny_recipe, tiny_root

NEEDED = ("mksquashfs", "mkfs.vfat", "mkfs.ext4", "mcopy", "mmd", "mtype", "sfdisk")


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Nobody changes it."""
    if absent := missing(NEEDED):
        pytest.skip(f"images need more programs: apt-get install {' '.join(absent)}")
    folder = tmp_path_factory.mktemp("packed")
    root = tiny_root(folder / "root")
    return pack(tiny_recipe(), root=root, work=folder, library=Library(folder / "images"))


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.generate(tmp_path / "image.key", purpose="production")


@pytest.fixture
def image(packed: Image, tmp_path: Path, key: SigningKey) -> Image:
    """A signed copy to do harm to."""
    folder = tmp_path / "images" / packed.folder.name
    shutil.copytree(packed.folder, folder)
    copied = Image(folder, packed.manifest)
    copied.sign(sign_manifest(copied.manifest, key=key))
    return copied
