"""What feeds carry by their hosts' meters: one short question, for whoever grants watts.

Admission keeps to reserved watts, which is what makes its promise: a host that rests now may draw
all that it was granted in the next second. So measured watts never make room. They take it away
where a feed carries more than was reserved on it, which is what no plan knows of.
"""

from __future__ import annotations

from collections.abc import Sequence

from inventory.model import Host
from inventory.readings.draw import FRESH_S, Draw, Fed, FeedDraw, drawn_by_feed
from inventory.readings.keeping import Readings


def measured_by_feed(
    readings: Readings, hosts: Sequence[Host], *, now: float
) -> dict[str, FeedDraw]:
    """Of these hosts; those that were not read lately count with what they reserve. Blocks."""
    newest = readings.newest([host.id for host in hosts], since=now - FRESH_S)
    draws = {
        host_id: Draw(one.watts, one.seen_at)
        for host_id, one in newest.items()
        if one.watts is not None
    }
    fed = [Fed(host.id, (host.feed, host.feed_b), float(host.reserved_watts)) for host in hosts]
    return drawn_by_feed(fed, draws, now=now)


def over_reserved_watts(draw: FeedDraw, reserved_watts: float) -> float:
    """By how much a feed carries more than is reserved on it; never below zero."""
    return max(0.0, draw.watts - reserved_watts)
