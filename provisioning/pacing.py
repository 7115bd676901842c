"""Places for hosts at work: whose turn it is, who waits for what, and who stands beside.

A conversation with a BMC takes a place in the common room of its site and of its rack, as many as
`provisioning.concurrency` has found out. A BMC that lets us wait gives its place back while it
does, and stands beside, where the slow ones share what is theirs: a thousand dead BMCs cost a
thousand open connections, and no healthy host a second. Whoever was slow begins beside the next
time, and comes back into the room when its BMC answered more often in time than not.

What our own loop is behind is no BMC's delay (`provisioning.own_time`): nobody is called late or
slow for it. It is the site's trouble, so that a site's limit finds this process's knee as well.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from inventory.model import Host
from provisioning.concurrency import Limit, Usual, Width
from provisioning.drivers.ear import Ear
from provisioning.listening import Heard, Listening
from provisioning.own_time import OwnTime

WIDTH_MOST = 3
"""Real BMCs serve two to four requests at once and freeze under bursts."""
RACK_FIRST = 8
RACK_LEAST = 4
SITE_LEAST = 16
BESIDE_SHARE = 0.75
"""Of all places: the rest is for BMCs that answer, however many do not."""
BESIDE_AFTER_S = 1.0
BESIDE_TIMES = 10.0
"""So many times the usual is no answer in time any more."""
PATIENCE_LEAST_S = 2.0
PATIENCE_TIMES = 3.0
"""Of the longest answer that this very BMC gave lately."""
FADES_PER_ANSWER = 0.99
LOOK_PAST = 8


class Stand(Enum):
    """Where a host is while it is at work."""

    INSIDE = auto()
    """In the common room of its site and rack."""
    BESIDE = auto()
    """Among those whose BMC lets us wait."""
    ASIDE = auto()
    """At something that asks no BMC."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a host cannot begin now."""

    reason: str
    is_its_own: bool = True
    """It is worth saying on its record: others of its site may begin, and it may not."""


@dataclass(slots=True)
class _Place:
    """One host at work."""

    site: str
    rack: tuple[str, str]
    stand: Stand
    late: int = 0
    """Exchanges for which it stood, or would have stood, beside."""
    good: int = 0
    """Exchanges that were answered in time."""


@dataclass(slots=True)
class Pacing:
    """Everybody at work. Belongs to one event loop."""

    most: int
    first: int
    wake: Callable[[], None] = lambda: None
    """Called when a place became free outside of a step's end."""
    time: Callable[[], float] = lambda: asyncio.get_running_loop().time()
    _sites: dict[str, Limit] = field(default_factory=dict)
    _racks: dict[tuple[str, str], Limit] = field(default_factory=dict)
    _widths: dict[str, Width] = field(default_factory=dict)
    _usual: dict[tuple[str, str], Usual] = field(default_factory=dict)
    """By BMC model and method."""
    _longest_s: dict[str, float] = field(default_factory=dict)
    """By host."""
    _at_work: dict[str, _Place] = field(default_factory=dict)
    _in_site: Counter[str] = field(default_factory=Counter)
    _in_rack: Counter[tuple[str, str]] = field(default_factory=Counter)
    _beside: int = 0
    _slow: set[str] = field(default_factory=set)
    _pardoned: set[str] = field(default_factory=set)
    """Hosts whose last exchange was late, and the first in a row."""
    own: OwnTime = field(init=False)

    def __post_init__(self) -> None:
        """Its own lag is measured on the same clock."""
        self.own = OwnTime(self.time)

    @property
    def beside_most(self) -> int:
        """Places for BMCs that let us wait."""
        return max(1, int(self.most * BESIDE_SHARE))

    @property
    def slow(self) -> frozenset[str]:
        """Hosts whose BMC was too slow the last time."""
        return frozenset(self._slow)

    def free(self) -> int:
        """How many more might begin now; each is asked again by `enter`."""
        left = self.most - len(self._at_work)
        if not self._sites:
            return min(left, self.first)
        room = sum(
            max(0, limit.at_once - self._in_site[site]) for site, limit in self._sites.items()
        )
        # A few are looked past: who is slow, or in a full rack, must not hide who may begin.
        past = LOOK_PAST if self._slow and self._beside < self.beside_most else 0
        return max(0, min(left, room + past))

    def enter(self, host: Host) -> Refusal | None:
        """Take a place; what it waits for when there is none."""
        rack = (host.site, host.rack)
        if host.id in self._slow:
            if self._beside >= self._beside_now(host.site):
                return Refusal(f"its BMC is slow, and {self._beside} slow ones are being asked")
            self._beside += 1
            self._at_work[host.id] = _Place(host.site, rack, Stand.BESIDE)
            return None
        whole, part = self._site(host.site), self._rack(rack)
        if not part.takes(self._in_rack[rack]):
            return Refusal(f"rack {host.rack} takes {part.at_once} hosts at once")
        if not whole.takes(self._in_site[host.site]):
            told = f"site {host.site} takes {whole.at_once} hosts at once"
            return Refusal(told, is_its_own=False)
        self._in_site[host.site] += 1
        self._in_rack[rack] += 1
        self._at_work[host.id] = _Place(host.site, rack, Stand.INSIDE)
        return None

    def _beside_now(self, site: str) -> int:
        """While this process is behind, no more begin beside than a site's own room takes."""
        if not self.own.is_behind:
            return self.beside_most
        return min(self.beside_most, self._site(site).at_once)

    def step_aside(self, host_id: str) -> None:
        """What it does now asks no BMC: its place goes to somebody else."""
        place = self._at_work.get(host_id)
        if place is not None and place.stand is Stand.INSIDE:
            self._give_back(place)
            place.stand = Stand.ASIDE
            self.wake()

    def leave(self, host_id: str) -> None:
        """The step is over."""
        place = self._at_work.pop(host_id, None)
        if place is None:
            return
        if place.stand is Stand.BESIDE:
            self._beside -= 1
        elif place.stand is Stand.INSIDE:
            self._give_back(place)
        if place.late < place.good or not place.late:
            self._slow.discard(host_id)

    def ear(self, host: Host) -> Ear:
        """What hears the exchanges of one connection to this host's BMC."""
        return Listening(self, host.id, host.host_type)

    def told(self) -> dict[str, Any]:
        """What holds now, for people: small, and without a host's name."""
        racks = [limit for limit in self._racks.values() if limit.value < limit.most]
        sites = {
            site: {
                "at_once": limit.at_once,
                "at_work": self._in_site[site],
                "refused": limit.refused,
                "most": limit.most,
                "narrowed": limit.narrowed,
            }
            for site, limit in self._sites.items()
        }
        narrow = sorted(
            ((limit.at_once, *rack) for rack, limit in self._racks.items() if limit.refused),
        )[:8]
        return {
            "sites": sites,
            "racks_limited": len(racks),
            "racks_refusing": [
                {"site": site, "rack": rack, "at_once": at_once} for at_once, site, rack in narrow
            ],
            "models": {model: width.value for model, width in self._widths.items()},
            "beside": self._beside,
            "beside_most": self.beside_most,
            "slow": len(self._slow),
            "most": self.most,
            "lag_s": round(self.own.lag_s, 1),
        }

    def forget_refusals(self) -> None:
        """They were told of."""
        for limit in (*self._sites.values(), *self._racks.values()):
            limit.refused = 0

    # What ears hear.

    def width(self, model: str) -> int:
        """Reads that one BMC of this model is asked at once."""
        return self._width(model).value

    def patience_s(self, host_id: str, model: str) -> float | None:
        """How long to wait for a read before it is asked once more; None: as long as may be.

        A BMC that never answered yet is expected to be one like the others of its model. Where our
        own loop is behind, an answer that came in time is read late: asking again adds to that.
        """
        longest_s = self._longest_s.get(host_id)
        if longest_s is not None:
            waits_s = PATIENCE_TIMES * longest_s
        else:
            usual = self._usual.get((model, "GET"))
            if usual is None or usual.s is None:
                return None
            waits_s = BESIDE_TIMES * usual.s
        return max(PATIENCE_LEAST_S, waits_s) * self.own.stretch

    def beside_after_s(self, model: str, method: str) -> float:
        """When an exchange without an answer no longer holds a place."""
        usual = self._usual.get((model, method))
        return max(BESIDE_AFTER_S, BESIDE_TIMES * (usual.s or 0.0) if usual else 0.0)

    def pardons(self, host_id: str) -> bool:
        """Whether an exchange that is late is given more: none before it was, and none beside."""
        if host_id in self._pardoned or host_id in self._slow:
            return False
        self._pardoned.add(host_id)
        return True

    def late(self, host_id: str) -> None:
        """No answer for so long that its place goes to somebody else."""
        self._slow.add(host_id)
        place = self._at_work.get(host_id)
        if place is None:
            return
        place.late += 1
        self._hear_of(host_id, troubled=True)
        if place.stand is Stand.INSIDE and self._beside < self.beside_most:
            self._give_back(place)
            place.stand = Stand.BESIDE
            self._beside += 1
            self.wake()

    def heard(self, host_id: str, model: str, heard: Heard) -> None:
        """An exchange ended.

        What is usual is learned by the clock, and what is slow is judged without our own lag: both
        err in favour of the BMC.
        """
        usual = self._usual.setdefault((model, heard.method), Usual())
        troubled = not heard.is_ours and (not heard.answered or usual.is_slow(heard.waited_s))
        if heard.answered:
            usual.hear(heard.took_s, at=self.time())
            known = self._longest_s.get(host_id, 0.0) * FADES_PER_ANSWER
            self._longest_s[host_id] = max(known, heard.waited_s)
        self._width(model).hear(together=heard.together, troubled=troubled)
        if heard.is_good:
            self._pardoned.discard(host_id)
            if (place := self._at_work.get(host_id)) is not None:
                place.good += 1
        if not heard.was_late:
            self._hear_of(host_id, troubled=troubled)

    def _hear_of(self, host_id: str, *, troubled: bool) -> None:
        """Who stands beside takes no place, and has no vote on how many there are."""
        place = self._at_work.get(host_id)
        if place is not None and place.stand is Stand.INSIDE:
            self._site(place.site).hear(host_id, troubled=troubled, behind=self.own.is_behind)
            self._rack(place.rack).hear(host_id, troubled=troubled)

    def _give_back(self, place: _Place) -> None:
        self._in_site[place.site] -= 1
        self._in_rack[place.rack] -= 1

    def _site(self, site: str) -> Limit:
        known = self._sites.get(site)
        if known is None:
            least = min(SITE_LEAST, self.most)
            known = self._sites[site] = Limit(least, self.most, float(self.first))
        return known

    def _rack(self, rack: tuple[str, str]) -> Limit:
        known = self._racks.get(rack)
        if known is None:
            first = float(max(RACK_FIRST, self.first))
            known = self._racks[rack] = Limit(min(RACK_LEAST, self.most), self.most, first)
        return known

    def _width(self, model: str) -> Width:
        return self._widths.setdefault(model, Width(WIDTH_MOST, WIDTH_MOST))
