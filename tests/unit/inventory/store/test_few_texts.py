"""However many records a question names, it has one of a few texts.

SQLite prepares each text anew, and every connection keeps the last 128 that it prepared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from inventory.model import Host
from inventory.store.query import Condition, Query
from inventory.store.rows import chunks, filled_up
from inventory.store.sql import SqlStore
from tests.migrated import fresh_store

NAMED_MAX = 70
TEXTS_MAX = 8
"""One, two, four … 128."""

QUESTIONS: dict[str, Callable[[SqlStore, list[str]], Any]] = {
    "states": lambda store, keys: store.states(Host, keys),
    "documents": lambda store, keys: store.documents(Host, keys),
    "records": lambda store, keys: store.get_many(Host, keys),
    "due": lambda store, keys: store.due_hosts(
        datetime(2026, 1, 1, tzinfo=UTC), limit=10, among=keys
    ),
    "found": lambda store, keys: store.outline(
        Host, Query((Condition("name", "in", tuple(keys)),), limit=10, counted=False)
    ),
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    made = fresh_store(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("asked", QUESTIONS)
def test_a_question_has_few_texts_however_many_it_names(store: SqlStore, asked: str) -> None:
    texts: set[str] = set()
    sa.event.listen(store._engine, "before_cursor_execute", lambda *told: texts.add(told[2]))
    for count in range(1, NAMED_MAX):
        QUESTIONS[asked](store, [f"host-{one}" for one in range(count)])
    naming = {text for text in texts if "?" in text}
    assert 1 <= len(naming) <= TEXTS_MAX


def test_what_is_filled_up_names_the_same() -> None:
    keys = [f"k{one}" for one in range(1300)]
    parts = list(chunks(keys))
    assert [len(part) for part in parts] == [1000, 512]
    assert list(dict.fromkeys(key for part in parts for key in part)) == keys
    assert filled_up([]) == []
    assert filled_up(["a", "b", "c"]) == ["a", "b", "c", "c"]
