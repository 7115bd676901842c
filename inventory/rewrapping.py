"""Sealing every stored secret with a new key, so that whoever has the old one has nothing.

The old key lies beside the new one until no row needs it: a process that dies at any moment leaves
a key for each row, every service that starts meanwhile opens both kinds, and the same command goes
on where it was. Each file reaches the disk before the rows that need it are written.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from inventory.errors import Conflict
from inventory.secrets import SecretBox, former_key, new_key, require_private, write_private
from inventory.store.resealing import PAGE, SealedRows

PASSES_MAX = 10
"""A pass that finds nothing to do is the last; a service that writes meanwhile costs another."""

Reached = Callable[[str], None]
"""Told of each durable step; a test dies there."""


def rewrap(
    key: Path, rows: SealedRows, *, page: int = PAGE, reached: Reached = lambda _: None
) -> int:
    """Seal every row with a new key and forget the old one; how many were sealed anew."""
    _begin(key, reached)
    total = 0
    for _ in range(PASSES_MAX):
        done = _pass(SecretBox.existing(key), rows, page=page, reached=reached)
        total += done
        if not done:
            former_key(key).unlink(missing_ok=True)
            _reach_disk(key.parent)
            reached("old key removed")
            return total
    raise Conflict(
        "somebody goes on sealing secrets with the old key, so it is kept",
        hint="stop every service that works on this database, and run it again",
    )


def _begin(key: Path, reached: Reached) -> None:
    """Both files in place; what an earlier run left is taken up."""
    require_private(key)
    old = former_key(key)
    if not old.exists():
        write_private(old, key.read_bytes())
        _reach_disk(key.parent)
        reached("old key kept")
    if old.read_bytes() == key.read_bytes():
        write_private(key, new_key())
        _reach_disk(key.parent)
        reached("new key written")


def _pass(box: SecretBox, rows: SealedRows, *, page: int, reached: Reached) -> int:
    """One look at every row. SecretRefused for one that neither key opens: then nothing is lost."""
    done = 0
    for found in rows.pages(size=page):
        fresh = [
            (row, sealed)
            for row in found
            if (sealed := box.reseal(row.owner, row.name, row.sealed)) is not None
        ]
        if fresh:
            reached("page sealed")
            rows.replace(fresh)
            reached("page written")
            done += len(fresh)
    return done


def _reach_disk(folder: Path) -> None:
    """A name in a folder survives a power cut only when the folder was written as well."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
