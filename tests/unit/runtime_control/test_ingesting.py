"""Every journalled answer becomes one usage record, whatever crashes when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import runtime.metering
from inventory.model import UsageRecord
from inventory.store.sql import SqlStore
from runtime.ledger import Entry, Ledger, LedgerError
from runtime.metering import Metering
from tests.unit.runtime_control.builders import START


def make_entry(number: int) -> Entry:
    return Entry(
        id=f"tok-{number}",
        tenant="acme",
        key_id="k",
        model="smol",
        prompt_tokens=number,
        completion_tokens=1,
        started_at=START,
        ended_at=START,
    )


@pytest.fixture
def metering(store: SqlStore, tmp_path: Path) -> Metering:
    return Metering(store, journal=tmp_path / "journal", cursor=tmp_path / "cursor", batch=3)


def counted(store: SqlStore) -> int:
    return sum(u.prompt_tokens for u in store.find(UsageRecord))


def write(tmp_path: Path, numbers: range) -> None:
    with Ledger(tmp_path / "journal", segment_bytes=500) as ledger:
        for number in numbers:
            ledger.append(make_entry(number))


def test_entries_are_ingested_once_and_the_cursor_moves_on(
    store: SqlStore, metering: Metering, tmp_path: Path
) -> None:
    write(tmp_path, range(1, 8))
    assert metering.ingest() == 7
    assert metering.ingest() == 0
    write(tmp_path, range(8, 11))
    assert metering.ingest() == 3
    assert counted(store) == sum(range(11))
    assert (tmp_path / "cursor").stat().st_mode & 0o777 == 0o600


def test_a_journal_that_grows_as_fast_as_it_is_read_holds_nobody_up(
    metering: Metering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime.metering, "BATCHES_MOST", 2)
    write(tmp_path, range(1, 9))
    assert [metering.ingest() for _ in range(3)] == [6, 2, 0]


def test_nothing_journalled_is_nothing_to_do(metering: Metering) -> None:
    assert metering.ingest() == 0


@pytest.mark.parametrize("step", ["ingest_usage", "write_private", "forget_before"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("batch", [1, 2])
def test_a_crash_neither_loses_nor_doubles(
    *,
    store: SqlStore,
    metering: Metering,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    when: str,
    batch: int,
) -> None:
    write(tmp_path, range(1, 8))
    owner: Any = store if step == "ingest_usage" else runtime.metering
    real, calls = getattr(owner, step), 0

    def dying(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == batch and when == "before":
            raise KeyboardInterrupt
        result = real(*arguments, **named)
        if calls == batch:
            raise KeyboardInterrupt
        return result

    with monkeypatch.context() as patch:
        patch.setattr(owner, step, dying)
        with pytest.raises(KeyboardInterrupt):
            metering.ingest()
    metering.ingest()
    assert store.count(UsageRecord) == 7
    assert counted(store) == sum(range(8))


@pytest.mark.parametrize("left", [None, b"", b"nonsense", b"\xff\xfe"])
def test_a_lost_or_broken_cursor_doubles_nothing(
    store: SqlStore, metering: Metering, tmp_path: Path, left: bytes | None
) -> None:
    write(tmp_path, range(1, 8))
    metering.ingest()
    cursor = tmp_path / "cursor"
    cursor.unlink() if left is None else cursor.write_bytes(left)
    metering.ingest()
    assert counted(store) == sum(range(8))


def test_a_line_that_is_no_entry_is_told_and_skips_nothing(
    store: SqlStore, metering: Metering, tmp_path: Path
) -> None:
    write(tmp_path, range(1, 3))
    segment = max((tmp_path / "journal").glob("*.jsonl"))
    segment.write_bytes(segment.read_bytes() + b'{"id": 1}\n')
    with pytest.raises(LedgerError):
        metering.ingest()
    assert (tmp_path / "cursor").exists() is False
    assert store.count(UsageRecord) == 0
