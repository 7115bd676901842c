"""A boot medium: the same image gives the same bytes, each host finds its own document on it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from provisioning.images import programs
from provisioning.images.building import pack
from provisioning.images.errors import BuildFailed, ImageDamaged, ImageNotFound
from provisioning.images.library import Image, Library
from provisioning.images.medium import MEDIUM, PLACE_BYTES, Medium
from provisioning.images.ramdisk import archive
from tests.beds.tiny_root import tiny_recipe, tiny_root

pytestmark = pytest.mark.integration

MIB = 1024 * 1024
DOCUMENT = b'{"podyard_boot": 1, "token": "open sesame"}'


def packed_with_medium(folder: Path) -> Image:
    if absent := programs.missing(("xorriso", "mksquashfs", "mkfs.vfat", "mcopy", "cpio")):
        pytest.skip(f"images need more programs: apt-get install {' '.join(absent)}")
    root = tiny_root(folder / "root", content_bytes=MIB)
    return pack(tiny_recipe(medium=True), root=root, work=folder, library=Library(folder / "i"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return packed_with_medium(tmp_path_factory.mktemp("medium"))


def unpacked(iso: Path, folder: Path) -> Path:
    """What a kernel would find of the host's own files."""
    efi = folder / "efi.img"
    programs.run(
        ["xorriso", "-osirrox", "on", "-indev", iso, "-extract", "/efi.img", efi],
        hint="",
        timeout_s=60,
    )
    for name in ("boot.cpio", "root.cpio"):
        content = programs.run(
            ["mtype", "-i", efi, f"::{name}"],
            hint="",
            timeout_s=60,
            extra={"MTOOLS_SKIP_CHECK": "1"},
        )
        subprocess.run(
            ["cpio", "--extract", "--quiet"], input=content, cwd=folder, check=True, timeout=60
        )
    return folder / "podyard"


def test_a_medium_made_again_has_the_same_bytes(made: Image, tmp_path: Path) -> None:
    again = packed_with_medium(tmp_path)

    assert again.manifest.whole(MEDIUM) == made.manifest.whole(MEDIUM)


def test_a_host_finds_its_document_and_the_root(made: Image, tmp_path: Path) -> None:
    medium = made.medium().for_host(DOCUMENT)
    (tmp_path / "host.iso").write_bytes(medium[0 : len(medium)])

    found = unpacked(tmp_path / "host.iso", tmp_path)

    document = found / "boot.json"
    assert document.read_bytes().rstrip() == DOCUMENT
    assert document.stat().st_mode & 0o777 == 0o600
    root = hashlib.sha256((found / "root.squashfs").read_bytes()).hexdigest()
    assert root == made.manifest.whole("root.squashfs")


def test_any_range_is_the_same_range_of_the_whole(made: Image) -> None:
    medium = made.medium()
    host = medium.for_host(DOCUMENT)
    whole = host[0 : len(host)]
    place = medium.place

    assert len(whole) == made.file(MEDIUM).stat().st_size
    for start, stop in (
        (place - 10, place + 10),
        (place + 5, place + 20),
        (place + PLACE_BYTES - 3, place + PLACE_BYTES + 3),
        (place - 1, place + PLACE_BYTES + 1),
        (0, place),
        (place + PLACE_BYTES, place + PLACE_BYTES + 100),
    ):
        assert host[start:stop] == whole[start:stop]
    assert whole[:place] == made.file(MEDIUM).read_bytes()[:place]


def test_one_hosts_document_is_on_no_other_hosts_medium(made: Image) -> None:
    medium = made.medium()
    one, other = medium.for_host(DOCUMENT), medium.for_host(b"{}")

    assert b"open sesame" in one[0 : len(one)]
    assert b"open sesame" not in other[0 : len(other)]
    assert b"open sesame" not in made.file(MEDIUM).read_bytes()


def test_a_document_too_large_for_its_place_is_refused(made: Image) -> None:
    with pytest.raises(BuildFailed, match=f"has room for {PLACE_BYTES}"):
        made.medium().for_host(b"x" * (PLACE_BYTES + 1))


def test_a_medium_whose_place_was_changed_is_refused(made: Image, tmp_path: Path) -> None:
    shutil.copyfile(made.file(MEDIUM), tmp_path / "changed.iso")
    with (tmp_path / "changed.iso").open("r+b") as file:
        file.seek(made.medium().place + 1000)
        file.write(b"{")

    with pytest.raises(ImageDamaged, match="no whole place"):
        Medium.open(tmp_path / "changed.iso")


def test_an_image_without_a_medium_says_how_to_get_one(packed: Image) -> None:
    with pytest.raises(ImageNotFound, match="has no boot medium") as caught:
        packed.medium()
    assert "medium: true" in caught.value.hint


def test_archives_end_evenly_so_that_the_next_can_follow(tmp_path: Path) -> None:
    both = archive("a/one", b"1") + archive("a/two", b"22222")
    assert len(both) % 4096 == 0
    listed = subprocess.run(
        ["cpio", "--list", "--quiet"], input=both, capture_output=True, check=True, timeout=60
    )

    assert listed.stdout.decode().split() == ["a", "a/one"]
