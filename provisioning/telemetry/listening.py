"""What becomes of the events that BMCs tell, over a stream that we open or by sending them to us.

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
        # A clock that was set back fills nothing, and takes nothing away either.
        passed_s = max(0.0, now - self.at)
        self.level = min(float(self.per_minute), self.level + passed_s * self.per_minute / 60.0)
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
    forged: int = 0
    """Came from elsewhere, or without their secret."""
    replayed: int = 0
    """Had been told before, to the letter."""
    _rates: dict[str, Rate] = field(default_factory=dict)

    def heard(self, host_id: str, *, now: float) -> None:
        """One event of one BMC, surely its own."""
        if self.admits(host_id, now=now):
            self.take(host_id)

    def admits(self, host_id: str, *, now: float) -> bool:
        """Whether one more is looked at; counted when it is not."""
        admitted = self._rates.setdefault(host_id, Rate(self.per_minute)).admits(now)
        self.dropped += not admitted
        return admitted

    def take(self, host_id: str) -> None:
        """Look there."""
        self.taken += 1
        self.on_event(host_id)

    def forget(self, host_id: str) -> None:
        """It is not listened to any more."""
        self._rates.pop(host_id, None)
