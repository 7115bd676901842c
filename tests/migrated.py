"""A database at the newest schema, made once per run and copied for each test.

Running every migration takes a fifth of a second of one core and dozens of flushes to disk; there
are a thousand tests that need an empty store and are not about migrations.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from inventory.store.sql import SqlStore

DATABASE = "podyard.db"


def fresh_store(folder: Path) -> SqlStore:
    """An empty store in `folder`, on SQLite in a file."""
    path = folder / DATABASE
    shutil.copyfile(_template(), path)
    path.chmod(0o600)
    return SqlStore.open(f"sqlite:///{path}")


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="podyard-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / DATABASE
    SqlStore.open(f"sqlite:///{path}").close()
    return path
