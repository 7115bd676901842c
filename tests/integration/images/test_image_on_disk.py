"""An image onto a disk: nothing unproven is written, what was written is read back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from click.testing import Result
from typer.testing import CliRunner

from pods.keys import SigningKey
from provisioning.images import programs
from provisioning.images.errors import ImageDamaged, TargetRefused
from provisioning.images.library import Image
from provisioning.images.manifest import CHUNK_BYTES
from provisioning.images.writing import ESP_BYTES, FIRST_BYTES, MIB, Folder, write_image
from runtime.cli import app

pytestmark = pytest.mark.integration

DISK_BYTES = 2 * 1024 * MIB
ROOT_START = FIRST_BYTES + ESP_BYTES


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A sparse file: an empty disk that takes no room."""
    path = tmp_path / "disk"
    with path.open("wb") as file:
        file.truncate(DISK_BYTES)
    return path


@dataclass
class Spoiled:
    """A source that goes wrong in one chunk."""

    folder: Folder
    name: str
    start: int
    left: int = CHUNK_BYTES
    """How much of that chunk comes."""

    def read(self, name: str, *, start: int, length: int) -> bytes:
        found = self.folder.read(name, start=start, length=length)
        if (name, start) != (self.name, self.start):
            return found
        if self.left < len(found):
            return found[: self.left]
        return found[:-1] + bytes([found[-1] ^ 1])


def test_the_disk_holds_the_image_and_says_so(image: Image, disk: Path) -> None:
    told: list[tuple[str, int]] = []

    written = write_image(
        image.manifest,
        Folder(image.folder),
        target=disk,
        progress=lambda what, done, _: told.append((what, done)),
    )

    names = ("root.squashfs", "kernel", "initrd", "loader.efi")
    assert written.read_back == {name: image.manifest.whole(name) for name in names}
    size = image.manifest.predicate.files["root.squashfs"].size_bytes
    assert told[-1] == ("reading back", size)
    assert ("writing", size) in told
    with disk.open("rb") as file:
        file.seek(ROOT_START)
        root = file.read(size)
    assert hashlib.sha256(root).hexdigest() == image.manifest.whole("root.squashfs")
    table = json.loads(programs.run(["sfdisk", "--json", disk], hint="", timeout_s=60))
    partitions = table["partitiontable"]["partitions"]
    assert [one["name"] for one in partitions] == [
        "podyard-esp",
        "podyard-root",
        "podyard-handed",
        "podyard-state",
    ]


def test_the_firmware_finds_loader_kernel_and_arguments(image: Image, disk: Path) -> None:
    write_image(image.manifest, Folder(image.folder), target=disk)

    assert _on_esp(disk, "EFI/BOOT/BOOTX64.EFI") == image.file("loader.efi").read_bytes()
    entry = _on_esp(disk, "loader/entries/podyard.conf").decode()
    assert "linux /kernel\ninitrd /initrd\noptions boot=podyard\n" in entry
    assert _on_esp(disk, "loader/loader.conf").decode() == "timeout 0\neditor no\n"


def test_writing_twice_ends_the_same(image: Image, disk: Path) -> None:
    first = write_image(image.manifest, Folder(image.folder), target=disk)

    assert write_image(image.manifest, Folder(image.folder), target=disk) == first


@pytest.mark.parametrize(
    ("left", "told"), [(CHUNK_BYTES, "not what was signed"), (1000, "cut short: 1000 of")]
)
def test_an_unproven_chunk_is_never_written(image: Image, disk: Path, left: int, told: str) -> None:
    source = Spoiled(Folder(image.folder), "root.squashfs", CHUNK_BYTES, left)

    with pytest.raises(ImageDamaged, match=told):
        write_image(image.manifest, source, target=disk)
    with disk.open("rb") as file:
        file.seek(ROOT_START + CHUNK_BYTES)
        assert file.read(CHUNK_BYTES) == bytes(CHUNK_BYTES)


def test_a_disk_that_failed_halfway_starts_nothing(image: Image, disk: Path) -> None:
    write_image(image.manifest, Folder(image.folder), target=disk)
    source = Spoiled(Folder(image.folder), "root.squashfs", 2 * CHUNK_BYTES, 0)

    with pytest.raises(ImageDamaged):
        write_image(image.manifest, source, target=disk)
    with disk.open("rb") as file:
        file.seek(FIRST_BYTES)
        assert file.read(MIB) == bytes(MIB)  # the old boot partition is gone


def test_a_disk_too_small_is_left_as_it_was(image: Image, tmp_path: Path) -> None:
    disk = tmp_path / "small"
    disk.write_bytes(b"precious" * 1000)

    with pytest.raises(TargetRefused, match="the disk has 8000 bytes, and image tiny needs"):
        write_image(image.manifest, Folder(image.folder), target=disk)
    assert disk.read_bytes() == b"precious" * 1000


def test_an_image_for_memory_is_not_written(image: Image, disk: Path) -> None:
    said = image.manifest.model_dump(mode="json")
    said["predicate"]["policies"] = ["memory"]
    manifest = type(image.manifest).model_validate(said)

    with pytest.raises(TargetRefused, match="only for memory"):
        write_image(manifest, Folder(image.folder), target=disk)


def test_a_disk_that_keeps_other_bytes_is_refused(
    image: Image, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The protection: what was written is read back from the disk."""
    from provisioning.images import writing  # noqa: PLC0415 - the disk's fault is played there

    put = writing._put

    def lying(file: IO[bytes], start: int, content: bytes) -> None:
        if start == ROOT_START + CHUNK_BYTES:
            content = bytes([content[0] ^ 1]) + content[1:]
        put(file, start, content)

    monkeypatch.setattr(writing, "_put", lying)
    with pytest.raises(TargetRefused, match="gave back other bytes"):
        write_image(image.manifest, Folder(image.folder), target=disk)


def test_a_disk_that_is_not_there_is_named(image: Image, tmp_path: Path) -> None:
    with pytest.raises(TargetRefused, match="nowhere cannot be opened"):
        write_image(image.manifest, Folder(image.folder), target=tmp_path / "nowhere")


def _on_esp(disk: Path, name: str) -> bytes:
    return programs.run(
        ["mtype", "-i", f"{disk}@@{FIRST_BYTES}", f"::{name}"],
        hint="",
        timeout_s=60,
        extra={"MTOOLS_SKIP_CHECK": "1"},
    )


def test_the_command_writes_only_what_is_vouched_for_and_only_when_told_twice(
    image: Image, disk: Path, key: SigningKey, tmp_path: Path
) -> None:
    (tmp_path / "image.pub").write_bytes(key.public_pem())
    stranger = SigningKey.generate(tmp_path / "stranger.key", purpose="production")
    (tmp_path / "stranger.pub").write_bytes(stranger.public_pem())
    command = ["image", "write", "tiny", "--to", str(disk), "--images", str(image.folder.parent)]

    def run(*more: str) -> Result:
        return CliRunner().invoke(app, [*command, *more])

    unasked = run("--key", str(tmp_path / "image.pub"))
    strange = run("--key", str(tmp_path / "stranger.pub"), "--erase")
    assert (unasked.exit_code, strange.exit_code) == (2, 1)
    assert "would be lost\nhint: look which disk it is (lsblk), then add --erase" in unasked.stderr
    assert "not one of the 1 trusted keys" in strange.stderr
    with disk.open("rb") as file:
        assert file.read(4 * MIB) == bytes(4 * MIB)

    written = run("--key", str(tmp_path / "image.pub"), "--erase", "-o", "json")
    assert written.exit_code == 0, written.stderr
    found = json.loads(written.stdout)
    assert found["image"] == image.manifest.digest
    assert found["read_back"]["root.squashfs"] == image.manifest.whole("root.squashfs")
