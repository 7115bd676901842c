"""Which seeds a randomised test runs with: its own, or those that somebody asks for.

`PODYARD_TEST_SEED=7` repeats a run that failed; `PODYARD_TEST_SEED=100-149` makes a night of fifty.
"""

from __future__ import annotations

import os

VARIABLE = "PODYARD_TEST_SEED"


def seeds(*own: int, said: str | None = None) -> list[int]:
    """Numbers and ranges, with commas between them; without any, the test's own."""
    asked = os.environ.get(VARIABLE, "") if said is None else said
    found: list[int] = []
    for part in filter(None, (one.strip() for one in asked.split(","))):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found or list(own)
