"""The policy on driver errors: every row is sourced, and what nobody lists only warns."""

from __future__ import annotations

import pytest

from pods.datafile import sourced
from pods.xid import XidPolicy, policy, verdict


def test_every_row_says_what_it_means_what_to_do_and_who_says_so() -> None:
    rows = policy().rows
    assert len(rows) > 40
    assert all(row.meaning and row.remedy and row.source for row in rows)
    assert {row.source for row in sourced(policy())} == set(policy().sources)


@pytest.mark.parametrize(
    ("code", "action"),
    [(13, "none"), (63, "warn"), (74, "drain"), (48, "reset"), (79, "reset"), (54, "replace")],
)
def test_known_numbers_ask_for_what_the_sources_say(code: int, action: str) -> None:
    assert verdict(code).action == action


def test_a_number_that_nobody_lists_warns_and_drains_no_host() -> None:
    found = verdict(4711)
    assert found.action == "warn"
    assert 4711 not in policy().codes("drain", "reset", "replace")


def test_a_number_that_stands_twice_is_refused() -> None:
    table = policy().model_dump()
    table["rows"] = [*table["rows"], table["rows"][0]]
    with pytest.raises(ValueError, match="each code stands once"):
        XidPolicy.model_validate(table)
