"""What adds up all of something must not stop at a store's first page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from inventory.model import Host
from inventory.store.protocol import PAGE_MAX, Change
from inventory.store.reading import every
from inventory.store.sql import SqlStore
from tests.make import NOW, make_host


@pytest.fixture
def store() -> Iterator[SqlStore]:
    """A pod that is one host larger than a page."""
    opened = SqlStore.open("sqlite://")
    hosts = tuple(
        make_host(id=f"host-{n:05}", name=f"h{n}", serial=f"S{n}") for n in range(PAGE_MAX + 1)
    )
    opened.apply(Change(insert=hosts), now=NOW)
    yield opened
    opened.close()


def test_every_host_of_a_pod_is_read(store: SqlStore) -> None:
    assert len(store.find(Host, pod="lab")) == PAGE_MAX
    assert len({h.id for h in every(store, Host, pod="lab")}) == PAGE_MAX + 1


def test_a_filter_still_filters(store: SqlStore) -> None:
    assert every(store, Host, pod="another") == []
