"""The plug is pulled: what a call returned from is on the disk, whatever was lost after it."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from inventory.model import Intent
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from tests.unit.inventory.records import NOW, make_intent

INTENTS = 12


def written(path: Path) -> list[int]:
    """Write intents one after the other; how long the log was after each."""
    store = SqlStore.open(f"sqlite:///{path}")
    log = path.with_name("podyard.db-wal")
    sizes = []
    for number in range(INTENTS):
        store.apply(Change(insert=(make_intent(number),)), now=NOW)
        sizes.append(log.stat().st_size)
    return sizes  # the store is left open: a process that dies closes nothing


@pytest.mark.parametrize("seed", range(8))
def test_a_log_cut_anywhere_keeps_every_intent_that_was_returned_from(
    sqlite_template: Path, tmp_path: Path, seed: int
) -> None:
    path = tmp_path / "podyard.db"
    shutil.copy(sqlite_template, path)
    sizes = written(path)
    rng = random.Random(seed)
    survivors = rng.randrange(INTENTS)
    end = sizes[survivors + 1] if survivors + 1 < INTENTS else sizes[-1] + 1
    cut_at = rng.randrange(sizes[survivors], end)
    after = tmp_path / "after" / "podyard.db"
    after.parent.mkdir()
    shutil.copy(path, after)
    log = path.with_name("podyard.db-wal").read_bytes()
    # Beyond the cut lies what the disk happened to hold: nothing, or pages that were torn.
    torn = rng.randbytes(rng.choice([0, 4096]))
    after.with_name("podyard.db-wal").write_bytes(log[:cut_at] + torn)
    store = SqlStore.open(f"sqlite:///{after}")
    try:
        found = {intent.id for intent in store.find(Intent)}
        assert found >= {make_intent(n).id for n in range(survivors + 1)}
        store.apply(Change(insert=(make_intent(99),)), now=NOW)
    finally:
        store.close()
    with closing(sqlite3.connect(after)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
