"""Seeds are a test's own unless somebody names others."""

from __future__ import annotations

import pytest

from tests.seeds import seeds


@pytest.mark.parametrize(
    ("said", "found"),
    [("", [1, 2]), ("7", [7]), ("3,9", [3, 9]), ("100-103", [100, 101, 102, 103]), (" 4 , ", [4])],
)
def test_seeds_are_ones_own_unless_others_are_named(said: str, found: list[int]) -> None:
    assert seeds(1, 2, said=said) == found


def test_what_is_no_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="abc"):
        seeds(1, said="abc")
