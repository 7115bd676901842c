"""How many hosts are worked on at once: found out while working, as TCP does, and never configured.

Every fixed number has a cliff: too small and a hall of thousands waits for nothing, too large and a
rack's BMCs freeze together. So each site and each rack has a limit that grows while its BMCs answer
as they usually do, and shrinks when they do not; and each BMC model has a width, the reads that
one BMC is asked at once.

One BMC must not be taken for many. Each has one vote in a window, however much it says, and what
counts is how the one in the middle fares: with a fifth of all reads lost to bad luck, or nearly
half of the BMCs dead, the one in the middle is well, and nothing shrinks for them. Nor may many
that were asked once be taken for all: a slow one gives its place away after its first late answer,
so that slow ones can be the most by number while nearly everything is answered. A limit shrinks
only when a good part of all exchanges had trouble as well.

Pure: no clock, no chance, no I/O. Whoever times exchanges and hands out places is
`provisioning.pacing`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

WINDOW_LEAST = 16
"""Exchanges before anything is concluded."""
WINDOW_PER_PLACE = 4
"""And so many for each host that may be at work: about one round of questions."""
HOSTS_LEAST = 3
"""Of fewer, a slow one cannot be told from a slow place."""
TROUBLED_SHARE = 0.5
TROUBLED_OF_ALL = 0.3
"""Of a hall of ordinary hardware a fifth of the reads finds no answer, however few are asked."""
BACK_OFF = 0.7
GROWTH_AT_FIRST = 2.0
SLOW_TIMES = 4.0
SLOW_BESIDES_S = 0.5
"""Below half a second nobody tells a queue from this machine's own noise."""
FORGOTTEN_PER_S = 0.002
"""What is usual is learned anew within minutes where it became worse for good."""
TOWARDS_LEAST = 0.3
WIDTH_WINDOW = 64
WIDTH_ALONE_LEAST = 8
WIDTH_TROUBLE = 0.3
"""So much more trouble beside others than alone: this model cannot do so many at once."""
WIDTH_CALM_WINDOWS = 8


@dataclass(slots=True)
class Usual:
    """What an exchange takes when nothing is in its way: near the least that was seen lately."""

    s: float | None = None
    _at: float = 0.0

    def hear(self, took_s: float, *, at: float) -> None:
        """A good answer came after so long, at a moment of any clock that only goes forward."""
        if self.s is None:
            self.s = took_s
        elif took_s < self.s:
            self.s += (took_s - self.s) * TOWARDS_LEAST
        else:
            self.s = min(took_s, self.s * (1 + FORGOTTEN_PER_S * max(0.0, at - self._at)))
        self._at = at

    def is_slow(self, took_s: float) -> bool:
        """Whether that is longer than a place with room would take."""
        return self.s is not None and took_s > SLOW_TIMES * self.s + SLOW_BESIDES_S


@dataclass(slots=True)
class Limit:
    """How many hosts of one place may be at work at once."""

    least: int
    most: int
    value: float
    refused: int = 0
    """How often it sent somebody away since it was last told of."""
    narrowed: str = ""
    """What made it smaller the last time; empty when nothing did, and where it is at its most."""
    _growing: bool = True
    """Until it met its first trouble it doubles."""
    _full: bool = False
    _heard: int = 0
    _behind: int = 0
    """Exchanges of this window that count as troubled only since we ourselves were late."""
    _by_host: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Host to exchanges and troubled ones in this window."""

    @property
    def at_once(self) -> int:
        """The whole number that holds now."""
        return max(self.least, min(self.most, int(self.value)))

    def takes(self, taken: int) -> bool:
        """Whether one more fits beside so many. Only a limit that is met has reason to grow."""
        if taken + 1 >= self.at_once:
            self._full = True
        if taken < self.at_once:
            return True
        self.refused += 1
        return False

    def hear(self, host: str, *, troubled: bool, behind: bool = False) -> None:
        """One exchange with one host of this place ended, or was given up.

        `behind`: this process is itself late, so whatever it asks counts as troubled.
        """
        heard, bad = self._by_host.get(host, (0, 0))
        self._by_host[host] = (heard + 1, bad + (troubled or behind))
        self._behind += behind and not troubled
        self._heard += 1
        if self._heard >= max(WINDOW_LEAST, WINDOW_PER_PLACE * self.at_once):
            self._conclude()

    def _conclude(self) -> None:
        shares = sorted(bad / heard for heard, bad in self._by_host.values())
        middle = shares[(len(shares) - 1) // 2]
        of_all = sum(bad for _, bad in self._by_host.values()) / self._heard
        busy = middle > TROUBLED_SHARE and of_all > TROUBLED_OF_ALL
        if len(shares) >= HOSTS_LEAST and busy:
            self.value = max(float(self.least), min(self.value, self.most) * BACK_OFF)
            self._growing = False
            self.narrowed = self._why(of_all, len(shares))
        elif self._full:
            grown = self.value * GROWTH_AT_FIRST if self._growing else self._a_little_more()
            self.value = min(float(self.most), grown)
            if self.at_once == self.most:
                self.narrowed = ""
        self._by_host.clear()
        self._heard, self._behind, self._full = 0, 0, False

    def _why(self, of_all: float, hosts: int) -> str:
        if 2 * self._behind > of_all * self._heard:
            share = self._behind / self._heard
            return f"the controller was itself behind during {share:.0%} of exchanges"
        return f"{of_all:.0%} of the exchanges with {hosts} hosts were late or unanswered"

    def _a_little_more(self) -> float:
        return self.value + max(1.0, math.sqrt(self.value) / 2)


@dataclass(slots=True)
class Width:
    """How many reads one BMC of a model is asked at once.

    Judged by comparison: reads beside others against reads alone, so that a busy site, which slows
    both, is not taken for a model that cannot do two things at once.
    """

    most: int
    value: int
    _together: tuple[int, int] = (0, 0)
    _alone: tuple[int, int] = (0, 0)
    _calm: int = 0

    def hear(self, *, together: bool, troubled: bool) -> None:
        """One read of one BMC of this model ended."""
        heard, bad = self._together if together else self._alone
        if together:
            self._together = (heard + 1, bad + troubled)
        else:
            self._alone = (heard + 1, bad + troubled)
        if heard + 1 >= WIDTH_WINDOW and (together or self.value == 1):
            self._conclude()

    def _conclude(self) -> None:
        if self.value > 1 and _share(self._together) > self._unavoidable() + WIDTH_TROUBLE:
            self.value -= 1
            self._calm = 0
        else:
            self._calm += 1
            if self._calm >= WIDTH_CALM_WINDOWS:
                self.value = min(self.most, self.value + 1)
                self._calm = 0
        self._together = self._alone = (0, 0)

    def _unavoidable(self) -> float:
        return _share(self._alone) if self._alone[0] >= WIDTH_ALONE_LEAST else 0.0


def _share(counted: tuple[int, int]) -> float:
    heard, bad = counted
    return bad / heard if heard else 0.0
