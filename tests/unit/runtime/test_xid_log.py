"""The kernel's log: every driver error is counted once, whatever the log does meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runtime.health import XIDS_KEPT, XidLog

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINE = "4,1234,5678901,-;NVRM: Xid (PCI:0000:10:1c): {}, pid=1896, Row Remapper: New row\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "kernel.log"
    path.write_text("6,1,1,-;Linux version 6.1\n")
    return path


def append(log: Path, *codes: int) -> None:
    with log.open("a") as file:
        file.writelines(LINE.format(code) for code in codes)


def test_errors_are_counted_by_number_and_gpu(log: Path) -> None:
    append(log, 63, 79, 63)
    found = XidLog(log).read(now=NOW)
    assert [(one.code, one.where, one.count) for one in found] == [
        (63, "PCI:0000:10:1c", 2),
        (79, "PCI:0000:10:1c", 1),
    ]


def test_a_second_reading_adds_only_what_is_new(log: Path) -> None:
    reader = XidLog(log)
    append(log, 63)
    first = reader.read(now=NOW)
    later = NOW + timedelta(minutes=1)
    assert reader.read(now=later) == first
    append(log, 79)
    found = {one.code: one.last_at for one in reader.read(now=later)}
    assert found == {63: NOW, 79: later}
    reader.close()
    reader.close()


def test_a_log_that_is_not_there_says_nothing_until_it_is(tmp_path: Path) -> None:
    reader = XidLog(tmp_path / "none")
    assert reader.read(now=NOW) == ()
    append(tmp_path / "none", 79)
    assert [one.code for one in reader.read(now=NOW)] == [79]


def test_lines_of_others_and_hostile_ones_are_no_errors(log: Path) -> None:
    with log.open("ab") as file:
        file.write(b"NVRM: Xid (PCI): none\nXid (x): 79\n\xff\xfeNVRM: Xid (a): 99999, x\n")
    assert XidLog(log).read(now=NOW) == ()


def test_a_host_that_invents_errors_fills_no_memory(log: Path) -> None:
    with log.open("a") as file:
        file.writelines(f"NVRM: Xid (PCI:{n}): 79, x\n" for n in range(3 * XIDS_KEPT))
    assert len(XidLog(log).read(now=NOW)) == XIDS_KEPT
