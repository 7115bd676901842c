"""A PostgreSQL that a test may kill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.store import postgres


@pytest.fixture
def sockets() -> Iterator[Path]:
    if reason := postgres.may_start():
        pytest.skip(reason)
    with postgres.server() as folder:
        postgres.create_database(folder, "podyard")
        yield folder
