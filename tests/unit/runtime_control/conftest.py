"""A fresh store for each test, copied from one that was migrated once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from inventory.store.sql import SqlStore
from tests.unit.runtime_control.builders import Site

# A shared machine may stall for seconds: that is no property of the code under test.
settings.register_profile(
    "shared-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared-machine")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "podyard.db"
    store = SqlStore.open(f"sqlite:///{path}")
    store.close()
    return path


@pytest.fixture
def store(migrated: Path, tmp_path: Path) -> Iterator[SqlStore]:
    path = tmp_path / "podyard.db"
    shutil.copy(migrated, path)
    opened = SqlStore.open(f"sqlite:///{path}")
    yield opened
    opened.close()


@pytest.fixture
def site(store: SqlStore, tmp_path: Path) -> Site:
    return Site(store, tmp_path)
