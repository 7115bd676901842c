"""The blocks of a drive: writing over all of them, and looking whether a sample holds anything."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

BLOCK_BYTES = 4096
SAMPLES = 256
"""All over the drive: half at random, the others evenly, the first and the last among them."""
CHUNK_BYTES = 4 * 1024 * 1024


def sample(device: Path, *, seed: int, samples: int = SAMPLES) -> tuple[int, int]:
    """(blocks read, those that hold something). A block of one byte throughout holds nothing.

    A crypto erase that leaves the cells reads as noise: it is told as holding, since nobody could
    tell it from data.
    """
    descriptor = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    try:
        blocks = os.lseek(descriptor, 0, os.SEEK_END) // BLOCK_BYTES
        holding = read = 0
        for block in _chosen(blocks, seed=seed, samples=samples):
            content = os.pread(descriptor, BLOCK_BYTES, block * BLOCK_BYTES)
            read += 1
            holding += content != content[:1] * len(content)
        return read, holding
    finally:
        os.close(descriptor)


def _chosen(blocks: int, *, seed: int, samples: int) -> list[int]:
    if blocks <= samples:
        return list(range(blocks))
    even = {index * (blocks - 1) // (samples // 2 - 1) for index in range(samples // 2)}
    drawn = random.Random(seed)  # noqa: S311 - spreads reads; whoever hides data knows no seed
    while len(even) < samples:
        even.add(drawn.randrange(blocks))
    return sorted(even)


def overwrite(device: Path, told: Callable[[int], None]) -> None:
    """Zeros over every byte, and back only when the drive has them all."""
    descriptor = os.open(device, os.O_WRONLY | os.O_EXCL | os.O_CLOEXEC)
    try:
        size = os.lseek(descriptor, 0, os.SEEK_END)
        os.lseek(descriptor, 0, os.SEEK_SET)
        zeros, done = bytes(CHUNK_BYTES), 0
        while done < size:
            done += os.write(descriptor, zeros[: min(CHUNK_BYTES, size - done)])
            told(done * 100 // size)
        os.fsync(descriptor)
        if hasattr(os, "posix_fadvise"):
            # What is read afterwards is to come from the drive, not from what was just written.
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
