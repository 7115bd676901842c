"""Places where a test may end the controller, so that every crash that can happen is one that did.

`reach("after-intent")` does nothing unless the process was started with
`PODYARD_KILL_AT=after-intent:2`, and then ends it with SIGKILL the second time it gets there: no
clean-up, no flush, as a power cut would. The names are listed here because a kill test that names
a point which no longer exists would pass without having tested anything.

`PODYARD_KILL_AT=each:/path` ends the process at the first point of a step that is not in that file,
and writes it there first. Started again and again, the process dies once at every point of every
step that it comes through.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from contextvars import ContextVar
from pathlib import Path

POINTS = frozenset(
    {
        "before-observe",
        "after-observe",
        "before-act",
        "before-intent",
        "after-intent",
        "mid-request",
        "after-effect",
        "after-act",
        "before-record",
        "after-record",
        "before-certificate",
    }
)
EACH = "each:"

_STEP: ContextVar[str] = ContextVar("step", default="")
"""What the task that reaches a point is doing: each host's step is a task of its own."""


class FaultPoints:
    """Counts visits; kills the process at the chosen one."""

    def __init__(self, kill_at: str = "") -> None:
        self._each = Path(kill_at.removeprefix(EACH)) if kill_at.startswith(EACH) else None
        self._point, self._visit = _parse("" if self._each else kill_at)
        self._visits: Counter[str] = Counter()
        self._survived = _lines(self._each)

    @property
    def armed(self) -> bool:
        """Whether this process is to die at some point."""
        return self._each is not None or bool(self._point)

    def enter(self, step: object) -> None:
        """Say what comes next. Free when nothing was chosen."""
        if self.armed:
            _STEP.set(str(step))

    def reach(self, point: str, detail: str = "") -> None:
        """Be at a point. Free when nothing was chosen."""
        if not self.armed:
            return
        if point not in POINTS:
            raise ValueError(f"{point} is no fault point")
        if self._each is not None:
            self._die_once(self._each, " ".join(filter(None, (point, _STEP.get(), detail))))
            return
        self._visits[point] += 1
        if point == self._point and self._visits[point] == self._visit:
            os.kill(os.getpid(), signal.SIGKILL)

    def _die_once(self, file: Path, where: str) -> None:
        if where in self._survived:
            return
        with file.open("a") as written:
            written.write(f"{where}\n")
        os.kill(os.getpid(), signal.SIGKILL)


def _lines(file: Path | None) -> frozenset[str]:
    if file is None or not file.exists():
        return frozenset()
    return frozenset(file.read_text().splitlines())


def _parse(kill_at: str) -> tuple[str, int]:
    if not kill_at:
        return "", 0
    point, _, visit = kill_at.partition(":")
    if point not in POINTS:
        raise ValueError(f"PODYARD_KILL_AT names {point}; points are {', '.join(sorted(POINTS))}")
    return point, int(visit or "1")
