"""The lines of hosts are read ahead, so that a first page reads no document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from inventory.model import Record
from inventory.resources import warming
from inventory.store.outline import Document
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import make_host


async def test_a_first_page_after_reading_ahead_reads_no_document(
    site: Site, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put(*(make_host(n) for n in range(1, 2 * warming.PAGE + 2)))
    read: list[str] = []
    real = site.store.documents

    def documents(kind: type[Record], keys: Iterable[str]) -> dict[str, Document]:
        read.extend(wanted := list(keys))
        return real(kind, wanted)

    monkeypatch.setattr(site.store, "documents", documents)
    await warming.Warming(site.deps, site.app.state.lines, rest_s=0).read_ahead()
    assert len(read) == 2 * warming.PAGE + 1
    read.clear()
    page: dict[str, Any] = (await site.ask("GET", "/api/hosts?limit=1000", key=admin)).json()
    assert len(page["results"]) == page["count"] == 2 * warming.PAGE + 1
    assert read == []
