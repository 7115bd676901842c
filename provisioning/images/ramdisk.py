"""Files for the memory that a kernel starts with: the `newc` form of cpio, uncompressed.

What the initrd does not hold comes as archives of their own, which the kernel unpacks beside it:
the root of an image that runs in memory, and a host's boot document. Written here because it is one
header a file, and because a document must lie at a place that is known beforehand.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

HEADER_BYTES = 110
FILE_MODE, SECRET_MODE, FOLDER_MODE = 0o100644, 0o100600, 0o040755
PAD_BYTES = 4096
"""An archive is filled up with zeros to a whole page, so that the next one begins evenly."""


def archive(name: str, content: bytes, *, mode: int = FILE_MODE) -> bytes:
    """An archive of one file, with the folders above it."""
    opened = b"".join(_opening(name, size=len(content), mode=mode))
    written = opened + content + bytes(-len(opened + content) % 4) + _trailer()
    return written + bytes(-len(written) % PAD_BYTES)


def write_archive(source: Path, *, name: str, target: Path) -> None:
    """The same for a file that is large."""
    size = source.stat().st_size
    with target.open("wb") as written, source.open("rb") as content:
        for piece in _opening(name, size=size, mode=FILE_MODE):
            written.write(piece)
        shutil.copyfileobj(content, written, 1024 * 1024)
        _fill(written, 4)
        written.write(_trailer())
        _fill(written, PAD_BYTES)


def _opening(name: str, *, size: int, mode: int) -> Iterator[bytes]:
    folders = [str(one) for one in reversed(Path(name).parents)][1:]
    for number, folder in enumerate(folders, start=1):
        yield _header(folder, size=0, mode=FOLDER_MODE, number=number)
    yield _header(name, size=size, mode=mode, number=len(folders) + 1)


def _trailer() -> bytes:
    return _header("TRAILER!!!", size=0, mode=0, number=0)


def _header(name: str, *, size: int, mode: int, number: int) -> bytes:
    """No owner but root and no time: the same file gives the same archive."""
    spelled = name.encode() + b"\0"
    links = 2 if mode == FOLDER_MODE else 1
    fields = (number, mode, 0, 0, links, 0, size, 0, 0, 0, 0, len(spelled), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + spelled
    return header + bytes(-len(header) % 4)


def _fill(file: IO[bytes], multiple: int) -> None:
    file.write(bytes(-file.tell() % multiple))
