"""An image onto a disk: each byte believed before it is written, and read back afterwards.

It runs on the host, from memory, and on a plain file in tests: partitions are reached by their
offset, so nothing is mounted and no device node is waited for. What makes the disk bootable is
written last, and what made it bootable before is destroyed first: a host whose power fails in
between finds nothing to boot, and asks the controller again.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from provisioning.images.errors import BuildFailed, ImageDamaged, TargetRefused
from provisioning.images.manifest import Manifest
from provisioning.images.programs import need, run

MIB = 1024 * 1024
FIRST_BYTES = MIB
"""Where the first partition begins; the table is before it."""
ESP_BYTES = 512 * MIB
"""Kernel and initrd have 60 to 150 MiB: room for the next pair beside them."""
STATE_BYTES_MIN = 1024 * MIB
"""What a running host writes in its first days: logs, keys, the agent's files."""
LAST_BYTES = MIB
"""The table's copy at the end of the disk."""
HANDED_BYTES = MIB
"""For what the host is handed by the system that wrote its disk: a tar of 10 KiB."""

ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
ROOT_TYPE = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"
STATE_TYPE = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
ROOT_LABEL, STATE_LABEL, ESP_LABEL = "podyard-root", "podyard-state", "podyard-esp"
HANDED_LABEL = "podyard-handed"
TOOL_TIMEOUT_S = 600.0
HINT = "look at the disk: `dmesg` on the host says what its controller said"


Progress = Callable[[str, int, int], None]
"""Told what is done, and how many bytes of how many."""


class Source(Protocol):
    """Where the files of an image come from."""

    def read(self, name: str, *, start: int, length: int) -> bytes:
        """These bytes; fewer only at the end of what the source has. May be asked again."""
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    """An image that lies on this machine."""

    path: Path

    def read(self, name: str, *, start: int, length: int) -> bytes:
        """These bytes of a file."""
        with (self.path / name).open("rb") as file:
            file.seek(start)
            return file.read(length)


@dataclass(frozen=True, slots=True)
class Places:
    """Where the parts lie on a disk, in bytes."""

    root_start: int
    root_bytes: int
    handed_start: int
    state_start: int
    state_bytes: int

    @classmethod
    def on(cls, disk_bytes: int, manifest: Manifest) -> Places:
        """The places on a disk of this size, or `TargetRefused`."""
        root_start = FIRST_BYTES + ESP_BYTES
        root_bytes = _whole_mib(manifest.predicate.files["root.squashfs"].size_bytes)
        handed_start = root_start + root_bytes
        state_start = handed_start + HANDED_BYTES
        state_bytes = (disk_bytes - LAST_BYTES - state_start) // MIB * MIB
        if state_bytes < STATE_BYTES_MIN:
            raise TargetRefused(
                f"the disk has {disk_bytes} bytes, and image {manifest.predicate.name} needs "
                f"{bytes_needed(manifest)}",
                hint="name a larger disk in the pod spec, or build a smaller image",
            )
        return cls(root_start, root_bytes, handed_start, state_start, state_bytes)


def bytes_needed(manifest: Manifest) -> int:
    """The smallest disk that takes this image."""
    root = _whole_mib(manifest.predicate.files["root.squashfs"].size_bytes)
    return FIRST_BYTES + ESP_BYTES + root + HANDED_BYTES + STATE_BYTES_MIN + LAST_BYTES


@dataclass(frozen=True, slots=True)
class Written:
    """What a disk holds now, by its own word."""

    image: str
    disk_bytes: int
    read_back: dict[str, str]
    """Each file and the sha256 that the disk gave back."""


def write_image(
    manifest: Manifest,
    source: Source,
    *,
    target: Path,
    handed: bytes = b"",
    progress: Progress = lambda what, done, total: None,  # noqa: ARG005
) -> Written:
    """Write a verified manifest's image to a disk and read it back.

    The caller has believed the manifest; this holds every chunk against it. Running it again on the
    same disk begins anew and ends the same. `handed` is a tar for this host alone: what it finds
    under /run/podyard each time it starts from there.
    """
    need("sfdisk", "mkfs.vfat", "mkfs.ext4", "mcopy", "mmd")
    if "disk" not in manifest.predicate.policies:
        raise TargetRefused(
            f"image {manifest.predicate.name} is not meant for disks, only for memory",
            hint="choose an image with the policy disk, or boot this one in memory",
        )
    with _whole_disk(target) as (disk, disk_bytes):
        places = Places.on(disk_bytes, manifest)
        _make_unbootable(disk)
        _partition(target, places)
        _write_root(disk, manifest, source, places, progress)
        found = _read_root(disk, manifest, places, progress)
        _put(disk, places.handed_start, _filled(handed))
        _make_state(target, places)
        read_back = {"root.squashfs": found, **_write_esp(target, manifest, source)}
        os.fsync(disk.fileno())
    return Written(manifest.digest, disk_bytes, read_back)


@contextmanager
def _whole_disk(target: Path) -> Iterator[tuple[IO[bytes], int]]:
    """The disk, nobody else's meanwhile; its size."""
    try:
        device = stat.S_ISBLK(target.stat().st_mode)
        if device:
            # Asks whether anything is mounted from it; not kept, for mkfs asks the same.
            os.close(os.open(target, os.O_RDWR | os.O_EXCL))
        descriptor = os.open(target, os.O_RDWR)
    except OSError as error:
        used = error.errno == errno.EBUSY
        raise TargetRefused(
            f"{target} {'is in use' if used else f'cannot be opened: {error.strerror}'}",
            hint="boot the host from its medium, in memory: that mounts no disk" if used else HINT,
        ) from error
    with os.fdopen(descriptor, "r+b", buffering=0) as disk:
        size = disk.seek(0, os.SEEK_END)
        yield disk, size


def _make_unbootable(disk: IO[bytes]) -> None:
    """No firmware starts what was here, whatever happens from now on."""
    for start in (0, FIRST_BYTES):
        _put(disk, start, bytes(MIB))
    os.fsync(disk.fileno())


def _partition(target: Path, places: Places) -> None:
    lines = (
        "label: gpt",
        _line(FIRST_BYTES, ESP_BYTES, ESP_TYPE, ESP_LABEL),
        _line(places.root_start, places.root_bytes, ROOT_TYPE, ROOT_LABEL),
        _line(places.handed_start, HANDED_BYTES, STATE_TYPE, HANDED_LABEL),
        _line(places.state_start, places.state_bytes, STATE_TYPE, STATE_LABEL),
    )
    with _as_target_refused():
        run(
            ["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", "--wipe=always", target],
            hint=HINT,
            timeout_s=TOOL_TIMEOUT_S,
            given="\n".join(lines).encode(),
        )


def _line(start: int, size: int, kind: str, label: str) -> str:
    # In KiB with its unit: sectors are of 512 bytes on one disk and of 4,096 on another.
    return f'start={start // 1024}KiB, size={size // 1024}KiB, type={kind}, name="{label}"'


def _write_root(
    disk: IO[bytes],
    manifest: Manifest,
    source: Source,
    places: Places,
    progress: Progress,
) -> None:
    total = manifest.predicate.files["root.squashfs"].size_bytes
    for start, chunk in _believed(manifest, source, "root.squashfs"):
        _put(disk, places.root_start + start, chunk)
        progress("writing", start + len(chunk), total)
    os.fsync(disk.fileno())


def _filled(handed: bytes) -> bytes:
    if len(handed) > HANDED_BYTES:
        raise TargetRefused(
            f"{len(handed)} bytes are to be handed to the host, and its disk has a place for "
            f"{HANDED_BYTES}",
            hint="shorten the site's certificate authority: one certificate is enough",
        )
    return handed.ljust(HANDED_BYTES, b"\0")


def _believed(manifest: Manifest, source: Source, name: str) -> Iterator[tuple[int, bytes]]:
    """The chunks of a file, each with where it belongs, once it is what the manifest says."""
    for start, length, digest in manifest.predicate.files[name].spans():
        chunk = source.read(name, start=start, length=length)
        if len(chunk) != length:
            raise ImageDamaged(
                f"{name} is cut short: {len(chunk)} of {length} bytes came from byte {start}",
                hint="verify the image where it is served: podyard image verify",
            )
        if hashlib.sha256(chunk).hexdigest() != digest:
            raise ImageDamaged(
                f"{name} is not what was signed, from byte {start}; nothing of it was written",
                hint="verify the image where it is served: podyard image verify",
            )
        yield start, chunk


def _read_root(disk: IO[bytes], manifest: Manifest, places: Places, progress: Progress) -> str:
    """What the disk itself gives back, not what this machine remembers."""
    os.posix_fadvise(disk.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    whole, said = hashlib.sha256(), manifest.predicate.files["root.squashfs"]
    for start, length, digest in said.spans():
        disk.seek(places.root_start + start)
        chunk = _get(disk, length)
        if hashlib.sha256(chunk).hexdigest() != digest:
            raise _kept_otherwise(f"root.squashfs, from byte {start}")
        whole.update(chunk)
        progress("reading back", start + length, said.size_bytes)
    return whole.hexdigest()


def _make_state(target: Path, places: Places) -> None:
    with _as_target_refused():
        run(
            [
                *("mkfs.ext4", "-q", "-F", "-F", "-L", STATE_LABEL),
                *("-E", f"offset={places.state_start},lazy_itable_init=1,lazy_journal_init=1"),
                *(target, f"{places.state_bytes // 1024}k"),
            ],
            hint=HINT,
            timeout_s=TOOL_TIMEOUT_S,
        )


def _write_esp(target: Path, manifest: Manifest, source: Source) -> dict[str, str]:
    """The boot partition, its loader last; what each file reads back as."""
    names = ("kernel", "initrd", "loader.efi")
    inside = {"kernel": "kernel", "initrd": "initrd", "loader.efi": "EFI/BOOT/BOOTX64.EFI"}
    partition = f"{target}@@{FIRST_BYTES}"
    said = manifest.predicate
    entries = loader_entries(
        title=f"podyard {said.name} {said.version}",
        arguments=said.kernel_arguments,
        initrds=("initrd",),
    )
    with tempfile.TemporaryDirectory(prefix="podyard-esp-") as folder, _as_target_refused():
        for name in names:
            with (Path(folder) / name).open("wb") as file:
                for _, chunk in _believed(manifest, source, name):
                    file.write(chunk)
        for name, text in entries.items():
            (Path(folder) / Path(name).name).write_text(text)
        _mkfs_esp(target)
        _mtools("mmd", "-i", partition, "::EFI", "::EFI/BOOT", "::loader", "::loader/entries")
        for name in entries:
            _mtools("mcopy", "-i", partition, f"{folder}/{Path(name).name}", f"::{name}")
        for name in names:
            _mtools("mcopy", "-i", partition, f"{folder}/{name}", f"::{inside[name]}")
        return {name: _read_esp(partition, inside[name], manifest, name) for name in names}


def _mkfs_esp(target: Path) -> None:
    run(
        [
            # -I: a whole disk, with its table, is meant.
            *("mkfs.vfat", "-I", "-F", "32", "-n", "PODYARD"),
            *("--offset", str(FIRST_BYTES // 512)),
            *(target, str(ESP_BYTES // 1024)),
        ],
        hint=HINT,
        timeout_s=TOOL_TIMEOUT_S,
    )


def loader_entries(
    *, title: str, arguments: Sequence[str], initrds: Sequence[str]
) -> dict[str, str]:
    """What tells systemd-boot what to start: path to text."""
    options = " ".join(("boot=podyard", *arguments))
    lines = [f"title {title}", "linux /kernel"]
    lines += [f"initrd /{name}" for name in initrds]
    return {
        "loader/loader.conf": "timeout 0\neditor no\n",
        "loader/entries/podyard.conf": "\n".join([*lines, f"options {options}", ""]),
    }


def _read_esp(partition: str, inside: str, manifest: Manifest, name: str) -> str:
    found = hashlib.sha256(_mtools("mtype", "-i", partition, f"::{inside}")).hexdigest()
    if found != manifest.whole(name):
        raise _kept_otherwise(name)
    return found


def _mtools(*command: str) -> bytes:
    return run(command, hint=HINT, timeout_s=TOOL_TIMEOUT_S, extra={"MTOOLS_SKIP_CHECK": "1"})


@contextmanager
def _as_target_refused() -> Iterator[None]:
    """A program that fails on a disk is the disk's fault, not a build's."""
    try:
        yield
    except BuildFailed as error:
        raise TargetRefused(str(error), hint=error.hint) from error


def _put(disk: IO[bytes], start: int, content: bytes) -> None:
    try:
        disk.seek(start)
        left = memoryview(content)
        while left:
            left = left[disk.write(left) :]
    except OSError as error:
        full = error.errno == errno.ENOSPC
        raise TargetRefused(
            f"the disk refused byte {start}: {error.strerror}",
            hint="free space where the target lies" if full else HINT,
        ) from error


def _get(disk: IO[bytes], length: int) -> bytes:
    found = bytearray()
    while len(found) < length:
        try:
            piece = disk.read(length - len(found))
        except OSError as error:
            raise TargetRefused(f"the disk cannot be read: {error.strerror}", hint=HINT) from error
        if not piece:
            break
        found += piece
    return bytes(found)


def _kept_otherwise(what: str) -> TargetRefused:
    return TargetRefused(
        f"the disk gave back other bytes than were written: {what}",
        hint="replace the disk: it confirms writes that it does not keep",
    )


def _whole_mib(size: int) -> int:
    return -(-size // MIB) * MIB
