"""The usage journal: nothing lost, nothing doubled, whatever is torn."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runtime.ledger import START, Entry, Ledger, LedgerError, entries_after, forget_before

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def make_entry(number: int) -> Entry:
    return Entry(
        id=f"tok-{number}",
        tenant="acme",
        key_id="k",
        model="smol",
        prompt_tokens=number,
        completion_tokens=1,
        started_at=NOON,
        ended_at=NOON,
    )


def ids(directory: Path, cursor: str = START) -> list[str]:
    return [entry.id for entry, _ in entries_after(directory, cursor)]


def last_cursor(directory: Path) -> str:
    return [cursor for _, cursor in entries_after(directory)][-1]


def test_entries_come_back_in_order(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        for number in range(3):
            ledger.append(make_entry(number))
        assert ids(tmp_path) == ["tok-0", "tok-1", "tok-2"]


def test_reading_from_a_cursor_gives_only_what_follows(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.append(make_entry(0))
        cursor = last_cursor(tmp_path)
        assert ids(tmp_path, cursor) == []
        ledger.append(make_entry(1))
        assert ids(tmp_path, cursor) == ["tok-1"]


def test_a_torn_last_line_is_neither_read_nor_glued_to_the_next(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.append(make_entry(0))
    segment = tmp_path / "usage-00000001.jsonl"
    whole = segment.read_bytes()
    segment.write_bytes(whole + whole[: len(whole) // 2])
    cursor = last_cursor(tmp_path)
    assert ids(tmp_path) == ["tok-0"]
    with Ledger(tmp_path) as ledger:
        ledger.append(make_entry(1))
        assert ids(tmp_path) == ["tok-0", "tok-1"]
        assert ids(tmp_path, cursor) == ["tok-1"]


def test_a_line_still_being_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    line = make_entry(0).model_dump_json().encode() + b"\n"
    segment = tmp_path / "usage-00000001.jsonl"
    segment.write_bytes(line[:20])
    assert ids(tmp_path) == []
    segment.write_bytes(line)
    assert ids(tmp_path) == ["tok-0"]


def test_zeros_left_by_a_power_cut_are_skipped(tmp_path: Path) -> None:
    line = make_entry(0).model_dump_json().encode() + b"\n"
    (tmp_path / "usage-00000001.jsonl").write_bytes(line + b"\0" * 100 + b"\n" + line)
    assert ids(tmp_path) == ["tok-0", "tok-0"]


def test_a_line_that_is_no_entry_is_told_not_dropped(tmp_path: Path) -> None:
    (tmp_path / "usage-00000001.jsonl").write_bytes(b'{"tenant": "acme"}\n')
    with pytest.raises(LedgerError, match="no entry"):
        ids(tmp_path)


def test_segments_rotate_and_old_ones_can_be_forgotten(tmp_path: Path) -> None:
    with Ledger(tmp_path, segment_bytes=500) as ledger:
        for number in range(6):
            ledger.append(make_entry(number))
        assert len(list(tmp_path.glob("usage-*"))) > 1
        assert ids(tmp_path) == [f"tok-{number}" for number in range(6)]
        cursor = last_cursor(tmp_path)
        assert forget_before(tmp_path, cursor) > 0
        assert ids(tmp_path, cursor) == []
        ledger.append(make_entry(6))
        assert ids(tmp_path, cursor) == ["tok-6"]


def test_journal_is_for_its_owner_only(tmp_path: Path) -> None:
    with Ledger(tmp_path / "usage"):
        segment = tmp_path / "usage/usage-00000001.jsonl"
        assert stat.S_IMODE(segment.stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "usage").stat().st_mode) == 0o700


def test_second_writer_is_told_who_is_first(tmp_path: Path) -> None:
    with Ledger(tmp_path), pytest.raises(LedgerError, match="in use by another gateway"):
        Ledger(tmp_path)
    Ledger(tmp_path).close()


@pytest.mark.parametrize("cursor", ["", "1", "a:b", "1:2:3", "-1:0", "1:1\n"])
def test_a_cursor_that_is_none_is_refused(tmp_path: Path, cursor: str) -> None:
    with pytest.raises(LedgerError, match="is no cursor"):
        ids(tmp_path, cursor)
