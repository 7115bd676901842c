"""What feeds carry as their hosts' meters say: the figure to hold reserved watts against.

A reading that is old says nothing of now, and a host without one is not a host without a draw. So
the measured watts of a feed come with how many of its hosts they leave out, and whoever decides by
them takes the reserved watts for those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FRESH_S = 180.0
"""Three rounds: one that was missed is no reason to forget what a host draws."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What one host's meter said last."""

    watts: float
    at: float
    """In seconds since 1970."""


@dataclass(frozen=True, slots=True)
class FeedDraw:
    """What one feed carries."""

    measured_watts: float = 0.0
    """Of the hosts that were read."""
    assumed_watts: float = 0.0
    """Reserved by the hosts that were not."""
    measured_hosts: int = 0
    assumed_hosts: int = 0

    @property
    def watts(self) -> float:
        """The best that is known."""
        return self.measured_watts + self.assumed_watts


@dataclass(frozen=True, slots=True)
class Fed:
    """One host on its feeds, and what is assumed of it while nobody has read it."""

    host_id: str
    feeds: tuple[str, ...]
    reserved_watts: float


def drawn_by_feed(
    hosts: Sequence[Fed], draws: Mapping[str, Draw], *, now: float, fresh_s: float = FRESH_S
) -> dict[str, FeedDraw]:
    """Watts by feed; a host on two feeds draws half from each while both live."""
    sums: dict[str, list[float]] = {}
    for host in hosts:
        feeds = tuple(dict.fromkeys(feed for feed in host.feeds if feed))
        draw = draws.get(host.host_id)
        known = draw is not None and now - draw.at <= fresh_s
        watts = draw.watts if draw is not None and known else host.reserved_watts
        for feed in feeds:
            found = sums.setdefault(feed, [0.0, 0.0, 0, 0])
            found[0 if known else 1] += watts / len(feeds)
            found[2 if known else 3] += 1
    return {feed: FeedDraw(s[0], s[1], int(s[2]), int(s[3])) for feed, s in sums.items()}
