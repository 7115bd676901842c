# ruff: noqa: INP001 - Ansible sends this file to the host; it is part of no package
"""Gives blank NVMe drives a file system each and mounts them below one folder, as a cache.

Nothing is ever overwritten: a drive with a partition, a signature of anything, a holder or a mount
is left alone, unless the signature is our own label. That nobody knows a signature is no proof of
emptiness, for data without a file system has none: a drive is blank when blocks from all over it
hold nothing. What is in a cache may be lost with its drive.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

LABEL = "podyard-cache"
SECTORS_PER_GIB = 2 * 1024 * 1024
NAMESPACE = re.compile(r"nvme\d+n\d+")
NOTHING_FOUND = 2
"""What `blkid -p` ends with where no signature is; and where it could not look."""
BLOCK_BYTES = 4096
SAMPLES = 4096
"""Evenly all over the drive, the first and the last block among them."""


def big_enough(system: Path, capacity_gib_min: int) -> list[str]:
    """Namespaces of that size without partitions and without anything on top, by name."""
    found = []
    for entry in sorted((system / "sys/block").glob("nvme*n*")):
        if not NAMESPACE.fullmatch(entry.name):
            continue
        parts = [one for one in entry.iterdir() if one.name.startswith(f"{entry.name}p")]
        held = any((entry / "holders").iterdir()) if (entry / "holders").is_dir() else False
        size = int((entry / "size").read_text())
        if not parts and not held and size >= capacity_gib_min * SECTORS_PER_GIB:
            found.append(entry.name)
    return found


def mounted(system: Path) -> dict[str, str]:
    """Device to where it is mounted."""
    lines = (system / "proc/self/mounts").read_text().splitlines()
    return {line.split()[0]: line.split()[1] for line in reversed(lines)}


def label_of(said: str) -> str:
    """The label in what `blkid -p -o export` says."""
    for line in said.splitlines():
        if line.startswith("LABEL="):
            return line.removeprefix("LABEL=")
    return ""


def is_blank(device: Path) -> bool:
    """Whether each block of a sample is of one byte throughout. Nobody else has it meanwhile."""
    descriptor = os.open(device, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC)
    try:
        blocks = os.lseek(descriptor, 0, os.SEEK_END) // BLOCK_BYTES
        last = min(blocks, SAMPLES) - 1
        chosen = {index * (blocks - 1) // max(last, 1) for index in range(last + 1)}
        for block in sorted(chosen):
            content = os.pread(descriptor, BLOCK_BYTES, block * BLOCK_BYTES)
            if content != content[:1] * BLOCK_BYTES:
                return False
        return bool(chosen)
    finally:
        os.close(descriptor)


def looks_blank(device: str) -> bool:
    """A drive that cannot be read, or that somebody has, is none."""
    try:
        return is_blank(Path(device))
    except OSError:
        return False


def main() -> None:
    """One drive after the other."""
    module: Any = AnsibleModule(
        argument_spec={
            "mount": {"type": "path", "required": True},
            "capacity_gib_min": {"type": "int", "required": True},
        },
    )
    root = Path("/")
    top, changed, left = Path(module.params["mount"]), [], []
    for name in big_enough(root, module.params["capacity_gib_min"]):
        device, where = f"/dev/{name}", top / name
        at = mounted(root).get(device)
        if at is not None:
            if at != str(where):
                left.append(f"{name}: mounted at {at}")
            continue
        code, said, err = module.run_command(["blkid", "-p", "-o", "export", device])
        if code == NOTHING_FOUND and not said.strip():
            if not looks_blank(device):
                left.append(f"{name}: no signature, and not blank")
                continue
            command = ["mkfs.ext4", "-q", "-L", LABEL, "-m", "0", device]
            code, _, err = module.run_command(command)
            if code:
                module.fail_json(msg=f"{' '.join(command)}: {err.strip()}")
        elif code or label_of(said) != LABEL:
            left.append(f"{name}: holds something that is not ours {err.strip()}".strip())
            continue
        where.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-o", "noatime,nosuid,nodev", device, str(where)]
        code, _, err = module.run_command(command)
        if code:
            module.fail_json(msg=f"{' '.join(command)}: {err.strip()}")
        changed.append(name)
    module.exit_json(changed=bool(changed), made=changed, left=left)


if __name__ == "__main__":
    main()
