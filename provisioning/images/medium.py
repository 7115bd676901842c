"""A boot medium for each host without building one for each host.

The medium is an ISO that UEFI firmware starts from a virtual CD, or fetches itself by HTTP. It
carries an image that runs in memory, and one empty place of fixed size for a boot document. Serving
a host's medium is sending the same file with that place filled in: nothing is written, any range of
it can be asked for, and a hall of a thousand hosts shares one file.
"""

from __future__ import annotations

import mmap
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from provisioning.images.errors import BuildFailed, ImageDamaged
from provisioning.images.programs import need, run
from provisioning.images.ramdisk import SECRET_MODE, archive, write_archive
from provisioning.images.recipe import Recipe
from provisioning.images.writing import loader_entries

MEDIUM = "medium.iso"
"""What it is called among an image's files."""
PROGRAMS = ("xorriso", "mkfs.vfat", "mcopy", "mmd")
DOCUMENT = "podyard/boot.json"
ROOT = "podyard/root.squashfs"
PLACE_BYTES = 16 * 1024
"""A boot document has 2 to 3 KiB, its certificate authority included."""
MARK = b"podyard: the boot document of a host belongs here. " * 4
EMPTY = MARK + b" " * (PLACE_BYTES - len(MARK) - 1) + b"\n"

MIB = 1024 * 1024
ESP_SPARE_BYTES = 8 * MIB  # the file system's own tables, and the loader
ESP_MIN_BYTES = 40 * MIB  # the least that is FAT32
INITRDS = ("boot.cpio", "root.cpio", "initrd")
"""The compressed one last: a kernel goes on after an uncompressed archive at once."""
TIMEOUT_S = 1800.0
VOLUME_ID = "50D0A9D0"


def make_medium(recipe: Recipe, folder: Path, *, target: Path, work: Path) -> None:
    """The medium of the image in this folder; the same image gives the same bytes."""
    need(*PROGRAMS)
    tree = work / "iso"
    tree.mkdir()
    efi = _efi_partition(recipe, folder, work=work, target=tree / "efi.img")
    epoch = recipe.epoch
    for dated in (efi, tree):
        os.utime(dated, (epoch, epoch))
    run(
        [
            *("xorriso", "-as", "mkisofs", "-quiet", "-V", "PODYARD", "-o", target),
            # One sector by its own word: firmware then takes all that follows as the partition.
            *("-e", efi.name, "-no-emul-boot", "-boot-load-size", "1", tree),
        ],
        hint="look at the last lines of xorriso",
        timeout_s=TIMEOUT_S,
        source_date=epoch,
    )
    shutil.rmtree(tree)


def _efi_partition(recipe: Recipe, folder: Path, *, work: Path, target: Path) -> Path:
    epoch = recipe.epoch
    files = work / "efi"
    (files / "EFI/BOOT").mkdir(parents=True)
    shutil.copyfile(folder / "loader.efi", files / "EFI/BOOT/BOOTX64.EFI")
    shutil.copyfile(folder / "kernel", files / "kernel")
    shutil.copyfile(folder / "initrd", files / "initrd")
    write_archive(folder / "root.squashfs", name=ROOT, target=files / "root.cpio")
    (files / "boot.cpio").write_bytes(archive(DOCUMENT, EMPTY, mode=SECRET_MODE))
    entries = loader_entries(
        title=f"podyard {recipe.name} {recipe.version}",
        arguments=recipe.kernel_arguments,
        initrds=INITRDS,
    )
    for name, text in entries.items():
        path = files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = sorted(path for path in files.rglob("*") if path.is_file())
    size = max(ESP_MIN_BYTES, ESP_SPARE_BYTES + sum(path.stat().st_size for path in found))
    run(
        [
            *("mkfs.vfat", "-C", "-F", "32", "-n", "PODYARD", "-i", VOLUME_ID, "--invariant"),
            *(target, str(-(-size // MIB) * 1024)),
        ],
        hint="look at the last lines of mkfs.vfat",
        timeout_s=TIMEOUT_S,
        source_date=epoch,
    )
    folders = ("::EFI", "::EFI/BOOT", "::loader", "::loader/entries")
    _mtools("mmd", "-i", target, *folders, epoch=epoch)
    for path in found:
        inside = f"::{path.relative_to(files)}"
        _mtools("mcopy", "-i", target, path, inside, epoch=epoch)
    shutil.rmtree(files)
    return target


def _mtools(*command: str | Path, epoch: int) -> None:
    run(
        command,
        hint="look at the last lines of mtools",
        timeout_s=TIMEOUT_S,
        source_date=epoch,
        extra={"MTOOLS_SKIP_CHECK": "1"},
    )


@dataclass(frozen=True, slots=True)
class Medium:
    """A medium with an empty place, as it is served to many hosts at once."""

    content: mmap.mmap
    place: int

    @classmethod
    def open(cls, path: Path) -> Medium:
        """The medium in this file."""
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        place = content.find(MARK)
        if place < 0 or content[place : place + PLACE_BYTES] != EMPTY:
            raise ImageDamaged(
                f"{path} has no whole place for a boot document",
                hint="build the image again with this version of podyard",
            )
        return cls(content, place)

    def for_host(self, document: bytes) -> HostMedium:
        """The medium of the host that this boot document is for."""
        if len(document) > PLACE_BYTES:
            raise BuildFailed(
                f"the boot document has {len(document)} bytes, a medium has room for {PLACE_BYTES}",
                hint="shorten the site's certificate authority: one certificate is enough",
            )
        return HostMedium(self, document.ljust(PLACE_BYTES))


@dataclass(frozen=True, slots=True)
class HostMedium:
    """What one host's BMC fetches: like bytes, in any piece."""

    medium: Medium
    document: bytes

    def __len__(self) -> int:
        return len(self.medium.content)

    def __getitem__(self, piece: slice) -> bytes:
        start, stop, _ = piece.indices(len(self))
        found = bytearray(self.medium.content[start:stop])
        place = self.medium.place
        first, last = max(start, place), min(stop, place + PLACE_BYTES)
        if first < last:
            found[first - start : last - start] = self.document[first - place : last - place]
        return bytes(found)
