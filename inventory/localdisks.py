"""Which block devices of a machine are its own disks, as the kernel tells: one answer for all.

Whoever erases drives and whoever writes an image must never take a volume of a storage network, or
a medium that somebody plugged in, for a disk of the host. What the kernel does not say is believed
to be local: a drive that is left out would be left with what a tenant wrote.
"""

from __future__ import annotations

import re
from pathlib import Path

VIRTUAL = ("loop", "ram", "zram", "dm-", "md", "sr", "nbd", "rbd", "drbd", "fd", "mtdblock")
ELSEWHERE = re.compile(r"/(session\d+|rport-[\d:-]+|usb\d+|nvme-fabrics)(/|$)")
"""iSCSI, Fibre Channel, USB and NVMe over fabrics, in the path of the device behind a disk."""


def local_disks(block: Path) -> tuple[Path, ...]:
    """The entries of `/sys/block` that are fixed, writable disks of this machine."""
    entries = sorted(block.iterdir()) if block.is_dir() else ()
    return tuple(one for one in entries if _is_disk(one) and _is_fixed(one) and _is_local(one))


def _is_disk(entry: Path) -> bool:
    return not entry.name.startswith(VIRTUAL) and _text(entry / "size") not in {"", "0"}


def _is_fixed(entry: Path) -> bool:
    """A hidden one is a path to a drive that has a name of its own."""
    return all(_text(entry / name) != "1" for name in ("removable", "ro", "hidden"))


def _is_local(entry: Path) -> bool:
    device = entry / "device"
    said = {_text(device / "transport"), *map(_text, device.glob("nvme*/transport"))} - {""}
    return said <= {"pcie"} and not ELSEWHERE.search(str(device.resolve()))


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:  # a kind of disk that has no such line
        return ""
