"""Which block devices of a machine are its own disks, as the kernel tells: one answer for all.

Whoever erases drives and whoever writes an image must never take a volume of a storage network, or
a medium that somebody plugged in, for a disk of the host. A disk is the host's own when the kernel
shows what it hangs on and that is inside the machine. Of what else looks like a disk nobody knows:
it is never written to, and whoever looks for what a tenant left is told of it all the same.
"""

from __future__ import annotations

import re
from pathlib import Path

VIRTUAL = ("loop", "ram", "zram", "dm-", "md", "sr", "nbd", "rbd", "drbd", "fd", "mtdblock")
ELSEWHERE = re.compile(r"/(session\d+|rport-[\d:-]+|usb\d+|nvme-fabrics)(/|$)")
"""iSCSI, Fibre Channel, USB and NVMe over fabrics, in the path of the device behind a disk."""
INSIDE = re.compile(r"/(pci[\da-f:]*|ata\d+|virtio\d+|mmc\d+|ndbus\d+|vbd-\d+|VMBUS:?\d+)/")
"""What disks hang on inside a machine: its buses, its own ports, and what a hypervisor gives it."""


def local_disks(block: Path) -> tuple[Path, ...]:
    """The entries of `/sys/block` that are fixed, writable disks of this machine."""
    return tuple(one for one in _fixed_disks(block) if _is_inside(one) and not _is_elsewhere(one))


def unplaced_disks(block: Path) -> tuple[Path, ...]:
    """Those of which the kernel says neither that they are inside this machine nor elsewhere."""
    fixed = _fixed_disks(block)
    return tuple(one for one in fixed if not _is_inside(one) and not _is_elsewhere(one))


def _fixed_disks(block: Path) -> tuple[Path, ...]:
    entries = sorted(block.iterdir()) if block.is_dir() else ()
    return tuple(one for one in entries if _is_disk(one) and _is_fixed(one))


def _is_disk(entry: Path) -> bool:
    return not entry.name.startswith(VIRTUAL) and _text(entry / "size") not in {"", "0"}


def _is_fixed(entry: Path) -> bool:
    """A hidden one is a path to a drive that has a name of its own."""
    return all(_text(entry / name) != "1" for name in ("removable", "ro", "hidden"))


def _is_inside(entry: Path) -> bool:
    """An NVMe drive says itself how it is reached; of any other its place tells."""
    if entry.name.startswith("nvme"):
        return _transports(entry) == {"pcie"}
    return INSIDE.search(f"{(entry / 'device').resolve()}/") is not None


def _is_elsewhere(entry: Path) -> bool:
    there = ELSEWHERE.search(str((entry / "device").resolve())) is not None
    return there or not _transports(entry) <= {"pcie"}


def _transports(entry: Path) -> set[str]:
    device = entry / "device"
    return {_text(device / "transport"), *map(_text, device.glob("nvme*/transport"))} - {""}


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:  # a kind of disk that has no such line
        return ""
