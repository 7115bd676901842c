"""When a breaker opens: the time curve of a thermal-magnetic one, as data that two laws make.

IEC 60898-1 (type C, table 7) says what every such breaker must do from cold: carry 1.13 times its
rating for an hour, open within the hour at 1.45 times, open after 1 s to 60 s at 2.55 times, ride
out 5 times and open at once at 10 times. A bimetal that warms with the square of the current and
loses heat in proportion meets all of them:

    heat' = ((amps / rated)² - heat) / TAU_S,    and it opens where heat reaches 1.13²

`TAU_S` is chosen so that 2.55 times the rating opens it after exactly one second, and the magnet
pulls at 5 times: the quickest breaker that may be sold under the standard. Whatever rides through
here rides through on any of them. Above 125 A the standard ends and IEC 60947-2 begins, whose
breakers need to carry only 1.05 times their rating; with the same time constant, since theirs is
the maker's to publish.

The 20 to 50 ms in which a supply's capacitors charge at three to five times the rated current are
left out: type C was made to ride them out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from pods.spec import FeedSpec

CARRIES = 1.13
CARRIES_ABOVE_125_A = 1.05
MINIATURE_AMPS_MAX = 125.0
OPENS_AFTER_1_S = 2.55
MAGNET = 5.0
MAGNET_S = 0.02
"""One period of the mains."""
TAU_S = 1 / math.log(OPENS_AFTER_1_S**2 / (OPENS_AFTER_1_S**2 - CARRIES**2))


@dataclass(frozen=True, slots=True)
class Breaker:
    """One feed's protection. Loads correct their power factor, so watts stand for amperes."""

    rated_watts: float
    carries: float = CARRIES
    """How often its rating it carries for good."""

    @classmethod
    def of(cls, feed: FeedSpec) -> Breaker:
        """The breaker of a feed: its budget is a share of the rating, and not what opens it."""
        small = feed.rated_amps <= MINIATURE_AMPS_MAX
        rated_watts = feed.budget_watts / feed.continuous_limit
        return cls(rated_watts, CARRIES if small else CARRIES_ABOVE_125_A)

    def weakened(self, ratio: float) -> Breaker:
        """One that opens earlier than it should."""
        return replace(self, rated_watts=self.rated_watts * ratio)

    def heat_after(self, heat: float, watts: float, seconds: float) -> float:
        """How warm it is when it has carried these watts for so long."""
        target = (watts / self.rated_watts) ** 2
        return target + (heat - target) * math.exp(-seconds / TAU_S)

    def seconds_to_open(self, heat: float, watts: float) -> float | None:
        """How long it still carries these watts; None: for good."""
        ratio, limit = watts / self.rated_watts, self.carries**2
        if ratio >= MAGNET:
            return MAGNET_S
        if ratio**2 <= limit:
            return None
        if heat >= limit:
            return 0.0
        return TAU_S * math.log((ratio**2 - heat) / (ratio**2 - limit))
