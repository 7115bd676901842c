"""Places where a test may end the controller, so that every crash that can happen is one that did.

`reach("after-intent")` does nothing unless the process was started with
`PODYARD_KILL_AT=after-intent:2`, and then ends it with SIGKILL the second time it gets there: no
clean-up, no flush, as a power cut would. The names are listed here because a kill test that names
a point which no longer exists would pass without having tested anything.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

POINTS = frozenset(
    {
        "before-observe",
        "after-observe",
        "before-act",
        "after-intent",
        "after-act",
        "before-record",
        "after-record",
        "before-certificate",
    }
)


class FaultPoints:
    """Counts visits; kills the process at the chosen one."""

    def __init__(self, kill_at: str = "") -> None:
        self._point, self._visit = _parse(kill_at)
        self._visits: Counter[str] = Counter()

    def reach(self, point: str) -> None:
        """Be at a point. Free when nothing was chosen."""
        if not self._point:
            return
        if point not in POINTS:
            raise ValueError(f"{point} is no fault point")
        self._visits[point] += 1
        if point == self._point and self._visits[point] == self._visit:
            os.kill(os.getpid(), signal.SIGKILL)


def _parse(kill_at: str) -> tuple[str, int]:
    if not kill_at:
        return "", 0
    point, _, visit = kill_at.partition(":")
    if point not in POINTS:
        raise ValueError(f"PODYARD_KILL_AT names {point}; points are {', '.join(sorted(POINTS))}")
    return point, int(visit or "1")
