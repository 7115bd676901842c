"""Events that BMCs send by themselves: taken in over a stream that we open, within a rate.

An event is a reason to look and never a fact: it may be late, told twice, or made up by whoever
holds the BMC. So all that one does is bring the host's next round and the reading of its log
forward, and let the controller look. A BMC that floods is taken in at a rate and no faster; what
comes beyond is counted and dropped, which loses nothing that the next round would not read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Rate:
    """So many a minute, and as many at once: a bucket that fills again."""

    per_minute: int
    level: float = field(default=-1.0)
    at: float = 0.0

    def admits(self, now: float) -> bool:
        """Whether one more is taken in now."""
        if self.level < 0:
            self.level, self.at = float(self.per_minute), now
        self.level = min(
            float(self.per_minute), self.level + (now - self.at) * self.per_minute / 60.0
        )
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


@dataclass(slots=True)
class Intake:
    """What became of the events of all BMCs."""

    per_minute: int
    on_event: Callable[[str], None]
    taken: int = 0
    dropped: int = 0
    _rates: dict[str, Rate] = field(default_factory=dict)

    def heard(self, host_id: str, *, now: float) -> None:
        """One event of one BMC."""
        rate = self._rates.setdefault(host_id, Rate(self.per_minute))
        if rate.admits(now):
            self.taken += 1
            self.on_event(host_id)
        else:
            self.dropped += 1

    def forget(self, host_id: str) -> None:
        """It is not listened to any more."""
        self._rates.pop(host_id, None)
