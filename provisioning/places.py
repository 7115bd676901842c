"""Free places for acts that cannot be undone: who waits for one, and to whom it was offered.

Only so many hosts of a rack, a feed and a site may be in such an act at once, and a place that
nobody takes is time that everybody waits. So when one becomes free, it is offered to the first who
may take it, past those whose own rack is full; and where more are free, to as many. Who was
woken needs a while to ask its BMC, and its place counts as taken meanwhile; a BMC that is silent
for longer loses the offer, not the others their time.

An offer grants nothing: what grants is the count of open intents, made when the host asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from inventory.model import Host
from provisioning.brakes import Limits, domains

OFFERED = timedelta(seconds=10)
"""A look at a BMC takes one to three seconds: who needs longer may be out of reach."""
LOOKED_PAST_MAX = 512
"""Hosts of full racks and feeds; whoever stands behind them looks again by itself."""


@dataclass(slots=True)
class Places:
    """Everybody who waits for a place, in the order in which they came."""

    _waiting: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Id of a host to its domains."""
    _offered: dict[str, tuple[datetime, tuple[str, ...]]] = field(default_factory=dict)
    """Until when, and the domains."""
    _counted: Counter[str] = field(default_factory=Counter)
    """Domain to places in it that are offered."""

    def wait(self, host: Host) -> None:
        """Until one is free."""
        self._take_back(host.id)
        self._waiting[host.id] = domains(host)

    def waits(self, host_id: str) -> bool:
        """Whether it was not woken yet."""
        return host_id in self._waiting

    def leave(self, host_id: str) -> None:
        """It has a place now, or needs none any more."""
        self._waiting.pop(host_id, None)
        self._take_back(host_id)

    def offer(self, taken: Mapping[str, int], limits: Limits, *, now: datetime) -> list[str]:
        """Ids of those who may ask now: as many as there are places."""
        for key in [key for key, (until, _) in self._offered.items() if until <= now]:
            self._take_back(key)
        found: list[str] = []
        full: set[str] = set()
        past = 0
        for key, wanted in self._waiting.items():
            site = wanted[-1]
            if site in full or not all(
                taken.get(one, 0) + self._counted[one] < limits.of(one) for one in wanted
            ):
                past += 1
                if taken.get(site, 0) + self._counted[site] >= limits.of(site):
                    full.add(site)
                if past >= LOOKED_PAST_MAX:
                    break
                continue
            self._offered[key] = (now + OFFERED, wanted)
            self._counted.update(wanted)
            found.append(key)
        for key in found:
            del self._waiting[key]
        return found

    def _take_back(self, host_id: str) -> None:
        before = self._offered.pop(host_id, None)
        if before is not None:
            self._counted.subtract(before[1])
