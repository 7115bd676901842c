"""Hosts that were looked at and found as they were: nothing is written but when to look again.

A host at rest is looked at thousands of times, and its record says the same each time. So its next
look is put off in the store without touching the record, many hosts in one go. What is lost with a
process is only that: the host is looked at sooner than it had to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from inventory.model import Host
from inventory.states import ALLOWED_TIME_S
from inventory.store.protocol import Fence, PutOff
from provisioning.podmaps import PodMaps
from provisioning.world import World

WRITTEN_EVERY = timedelta(minutes=10)
"""So old at most is what a record says of its host's next look."""
UNCOUNTED_AHEAD = timedelta(minutes=2)
"""A host that waits for others, where it may become late, is written so often: meanwhile its record
says that its time does not count."""


class Resting:
    """One controller's hosts that wait for their next look, until the store knows of it."""

    def __init__(self, world: World, fence: Fence, maps: PodMaps) -> None:
        self._world = world
        self._fence = fence
        self._maps = maps
        self._waiting: dict[str, PutOff] = {}
        self._begun: dict[str, datetime] = {}

    @property
    def ids(self) -> frozenset[str]:
        """Of hosts whose next look the store does not know of yet: they look due, and are not."""
        return frozenset(self._waiting)

    def begins(self, host_id: str) -> None:
        """From now on what happens to the host may be too late for this look at it."""
        self._begun[host_id] = self._world.clock.now()

    def ended(self, host_id: str) -> None:
        """That look is over."""
        self._begun.pop(host_id, None)

    def begun(self, host_id: str) -> datetime | None:
        """When the look began that is under way."""
        return self._begun.get(host_id)

    def rests(self, known: Host, said: Mapping[str, Any]) -> bool:
        """Whether `said` is no news of this host but when to look again: then that is seen to."""
        if not _is_no_news(known, said):
            return False
        later: datetime = said["wake_at"]
        seen_at = self._begun.get(known.id) or self._world.clock.now()
        self._waiting[known.id] = PutOff(known.id, known.version, later, seen_at)
        self._maps.due(known.id, later)
        return True

    def until(self, host: Host) -> datetime:
        """When it is looked at next: as its record says, or later where that was put off."""
        later = self._waiting.get(host.id)
        return host.wake_at if later is None or later.version != host.version else later.until

    async def tell(self) -> None:
        """Let the store know of all of them. FenceLost when the lease is gone."""
        told = tuple(self._waiting.values())
        if not told:
            return
        now = self._world.clock.now()
        await self._world.in_thread(self._world.store.put_off, told, now=now, fence=self._fence)
        for one in told:
            if self._waiting.get(one.host_id) is one:
                del self._waiting[one.host_id]


def uncounted_until(host: Host, later: datetime) -> datetime:
    """Until when the time of a host that waits for others does not count: more than a look ahead.

    It is not known how long it will wait, and too little would let it be late for what others do.
    """
    return later + UNCOUNTED_AHEAD if host.state in ALLOWED_TIME_S else later


def _is_no_news(known: Host, said: Mapping[str, Any]) -> bool:
    """Whether the record would tell nobody anything new but when its host is looked at next."""
    return (
        known.waiting == said["waiting"]
        and known.problem == said["problem"]
        and known.power == said.get("power", known.power)
        and _counts_the_same(known, said)
        and said["wake_at"] - known.wake_at < WRITTEN_EVERY
    )


def _counts_the_same(known: Host, said: Mapping[str, Any]) -> bool:
    """Where no host is ever late, until when its time counts is no news."""
    before, now = known.counted_from, said.get("counted_from", known.counted_from)
    if known.state not in ALLOWED_TIME_S or before == now:
        return True
    return before is not None and now is not None and before >= said["wake_at"]
