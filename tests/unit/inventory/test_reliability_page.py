"""The page of promises names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "reference" / "reliability.md"


def promises() -> dict[str, list[str]]:
    """Promise to the files that prove it."""
    lines = PAGE.read_text().splitlines()
    rows = [line for line in lines if re.match(r"\| R\d+ \|", line)]
    return {row.split("|")[1].strip(): re.findall(r"`(tests/[^`]+)`", row) for row in rows}


def test_every_promise_names_a_test_that_exists() -> None:
    found = promises()
    assert {name: files for name, files in found.items() if not files} == {}
    named = {file for files in found.values() for file in files}
    assert {file for file in named if not (ROOT / file).is_file()} == set()


def test_every_promise_is_kept_or_said_not_to_be() -> None:
    missing = {f"R{number}" for number in range(1, 18)} - promises().keys()
    said = PAGE.read_text()
    assert {name for name in missing if f"{name} (" not in said} == set()
