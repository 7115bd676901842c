"""What happens between a controller and a BMC that has nothing wrong with it but its software.

The rates are those that fleets report: one draw for each burst of reads, since a BMC that freezes
does so for seconds, and one for each change. Every host has a random source
of its own, seeded by its name: what one host meets does not depend on what another one does.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cache


@dataclass(frozen=True, slots=True)
class Rates:
    """How often an exchange goes wrong, and how long a good one takes."""

    timeouts: float = 0.0
    """No answer within the deadline; a change may have been made."""
    wrong: float = 0.0
    """A stale value, an empty body, or a change that is answered and not made."""
    errors_after_acting: float = 0.0
    """HTTP 500 when the change was made."""
    session_drops: float = 0.0
    slow: float = 0.0
    """The answer takes 1 to 30 s."""
    restarts_mid_flash: float = 0.0
    """Of updates: the BMC restarts while it writes, and knows nothing of the task afterwards."""
    burst_s: float = 0.5
    """BMCs freeze for seconds: what is read so soon after a good answer is answered as well."""
    fastest_s: float = 0.05
    slowest_s: float = 0.5


CALM = Rates()
FIELD = Rates(
    timeouts=0.20,
    wrong=0.05,
    errors_after_acting=0.02,
    session_drops=0.01,
    slow=0.02,
    restarts_mid_flash=0.10,
)
HARSH = replace(FIELD, burst_s=0.0)
"""The same rates for each exchange by itself: most looks of several exchanges fail."""
WEATHER = {"none": CALM, "field": FIELD, "harsh": HARSH}
SLOW_S = (1.0, 30.0)
RESTART_S = (60.0, 120.0)
"""BMCs come back about 90 s after they were restarted."""


class Fate(Enum):
    """What becomes of one exchange."""

    GOOD = auto()
    TIMEOUT = auto()
    WRONG = auto()
    ERROR = auto()
    DROPPED = auto()
    SLOW = auto()


@cache
def _fates(rates: Rates) -> tuple[tuple[float, Fate], ...]:
    """Each fate with where it ends, of all that one draw may show."""
    ways = (
        (rates.timeouts, Fate.TIMEOUT),
        (rates.wrong, Fate.WRONG),
        (rates.errors_after_acting, Fate.ERROR),
        (rates.session_drops, Fate.DROPPED),
        (rates.slow, Fate.SLOW),
    )
    ends = itertools.accumulate(rate for rate, _ in ways)
    return tuple(zip(ends, (fate for _, fate in ways), strict=True))


class Dice:
    """One host's luck."""

    def __init__(self, rates: Rates, *, seed: int, host: str) -> None:
        self._rates = rates
        self._random = random.Random(f"{seed}/{host}/weather")  # noqa: S311 - a seed names a run
        self._draw = self._random.random
        self._fates = _fates(rates)
        self._fastest_s, self._span_s = rates.fastest_s, rates.slowest_s - rates.fastest_s
        self.burst_s = rates.burst_s
        """How long a good answer vouches for the next ones."""

    def fate(self) -> Fate:
        """Of the next exchange."""
        drawn = self._draw()
        for until, fate in self._fates:
            if drawn < until:
                return fate
        return Fate.GOOD

    def latency_s(self) -> float:
        """Of a good exchange."""
        return self._fastest_s + self._span_s * self._draw()

    def slow_s(self) -> float:
        """Of a slow one."""
        return self._random.uniform(*SLOW_S)

    def half(self) -> bool:
        """A coin."""
        return self._random.random() < 0.5  # noqa: PLR2004 - a coin

    def restart_s(self) -> float | None:
        """How long the BMC is away during this update, when it is."""
        if self._random.random() >= self._rates.restarts_mid_flash:
            return None
        return self._random.uniform(*RESTART_S)

    def moment(self, whole_s: float) -> float:
        """Some moment within a span."""
        return self._random.uniform(0.0, whole_s)
