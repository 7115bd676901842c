"""The judge: what is written stays readable after a kill, and the sums are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioning.simulator.journal import (
    Journal,
    destructive_acts,
    feed_peaks,
    read_journal,
    repeated_acts,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def written(path: Path) -> Journal:
    journal = Journal(path)
    journal.open()
    return journal


def draw(seq: int, host: str, watts: float, feed: str = "a") -> dict[str, object]:
    return {"seq": seq, "at": 0.0, "host": host, "feed": feed, "what": "draw", "watts": watts}


def flash(seq: int, version: str, what: str = "start") -> dict[str, object]:
    return {
        "seq": seq,
        "at": 0.0,
        "host": "h1",
        "feed": "a",
        "what": f"firmware.update.{what}",
        "component": "BIOS",
        "from": "1",
        "to": version,
    }


def test_numbers_go_on_after_a_restart(path: Path) -> None:
    for _ in range(2):
        journal = written(path)
        journal.write("power.on", at=1.5, host="h1", feed="a")
        journal.close()
    assert [entry["seq"] for entry in read_journal(path)] == [1, 2]


def test_a_torn_last_line_is_cut_off_and_never_read(path: Path) -> None:
    journal = written(path)
    journal.write("power.on", at=1.5)
    journal.close()
    with path.open("ab") as stream:
        stream.write(b'{"seq": 2, "wha')
    assert len(read_journal(path)) == 1
    journal = written(path)
    journal.write("power.off", at=2.5)
    journal.close()
    assert [entry["what"] for entry in read_journal(path)] == ["power.on", "power.off"]


def test_the_journal_belongs_to_its_owner_only(path: Path) -> None:
    written(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_feed_carries_the_sum_of_its_hosts_at_the_worst_moment() -> None:
    entries = [
        draw(1, "h1", 1200),
        draw(2, "h1", 450),
        draw(3, "h2", 1200),
        draw(4, "h3", 9000, feed="b"),
        draw(5, "h2", 20),
    ]
    assert feed_peaks(entries) == {"a": 1650.0, "b": 9000.0}


def test_every_flash_begun_is_destructive_whatever_became_of_it() -> None:
    acts = destructive_acts([flash(1, "2"), flash(2, "2", "failed"), flash(3, "2", "done")])
    assert [(act.host, act.component, act.old, act.new) for act in acts] == [
        ("h1", "BIOS", "1", "2")
    ]


def test_the_same_flash_twice_is_repeated() -> None:
    assert [act.seq for act in repeated_acts([flash(1, "2"), flash(2, "3"), flash(3, "2")])] == [3]
