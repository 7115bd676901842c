"""What happens between a controller and a BMC that has nothing wrong with it but its software.

The rates are those that fleets report: one draw for each burst of reads, since a BMC that freezes
does so for seconds, and one for each change. Luck is never drawn from a stream:
what one host meets does not depend on what another one does, nor on how long it waited before.
"""

from __future__ import annotations

import hashlib
import itertools
import struct
from collections import Counter
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cache
from typing import NamedTuple


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
_NUMBERS = struct.Struct("<6I")
_WHOLE = 2.0**32


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


class Luck(NamedTuple):
    """What one exchange meets: numbers from 0 to 1, of which most need two."""

    fate: float
    latency: float
    coin: float
    restart: float
    away: float
    moment: float


NO_LUCK = Luck(1.0, 0.0, 1.0, 1.0, 0.0, 0.0)
"""Of what was not asked by an exchange."""


class Dice:
    """One host's luck.

    What an exchange meets follows from the seed, its host and which exchange of that host it is:
    the third time that this is asked to be changed, or the fifth read of that since the last change
    was asked for. A host that waits one look longer for others so meets the same luck when its turn
    comes, and two runs of one seed can be compared host by host.
    """

    def __init__(self, rates: Rates, *, seed: int, host: str) -> None:
        self._rates = rates
        self._mine = hashlib.blake2b(f"{seed}/{host}/weather/".encode(), digest_size=_NUMBERS.size)
        self._fates = _fates(rates)
        self._fastest_s, self._span_s = rates.fastest_s, rates.slowest_s - rates.fastest_s
        self._changes: Counter[str] = Counter()
        self._stage = 0
        self._reads: dict[str, int] = {}
        """Since the last change was asked for."""
        self.burst_s = rates.burst_s
        """How long a good answer vouches for the next ones."""

    def read(self, what: str) -> Luck:
        """Of the next time that this is read."""
        number = self._reads[what] = self._reads.get(what, 0) + 1
        return self._draw(f"{self._stage}/{what}/{number}")

    def change(self, what: str) -> Luck:
        """Of the next time that this is asked to be changed."""
        self._changes[what] += 1
        self._stage += 1
        self._reads.clear()
        return self._draw(f"{what}/{self._changes[what]}")

    def _draw(self, exchange: str) -> Luck:
        drawn = self._mine.copy()
        drawn.update(exchange.encode())
        return Luck(*[number / _WHOLE for number in _NUMBERS.unpack(drawn.digest())])

    def fate(self, luck: Luck) -> Fate:
        """Of this exchange."""
        for until, fate in self._fates:
            if luck.fate < until:
                return fate
        return Fate.GOOD

    def latency_s(self, luck: Luck) -> float:
        """Of a good exchange."""
        return self._fastest_s + self._span_s * luck.latency

    def restart_s(self, luck: Luck) -> float | None:
        """How long the BMC is away during the update that this exchange began, when it is."""
        if luck.restart >= self._rates.restarts_mid_flash:
            return None
        return _between(RESTART_S, luck.away)


def slow_s(luck: Luck) -> float:
    """How long a slow exchange takes."""
    return _between(SLOW_S, luck.latency)


def half(luck: Luck) -> bool:
    """A coin."""
    return luck.coin < 0.5  # noqa: PLR2004 - a coin


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * share
