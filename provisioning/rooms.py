"""Where hosts wait for other hosts, so that they are woken instead of asking again and again.

A host that waits asks its BMC at each look, and ten thousand that look once a second are a load
that no BMC and no controller should have. So each waits long, and is woken when what it waits for
came: a pod's gate (canaries, trial, brake, approval), watts on its feeds, a free place for an act
that cannot be undone. Nothing rests on being woken: whoever is missed looks again by itself.

A woken host needs a while to ask, so what it will take counts as promised meanwhile: two are not
woken for one place.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from inventory.model import Host
from provisioning.admission import Waits, admit
from provisioning.brakes import Limits
from provisioning.places import Places

if TYPE_CHECKING:
    from provisioning.livepod import LivePod

LOOK_AGAIN_S = 60.0
"""Bounds what a wake-up that got lost costs."""
UNSEEN_MAX = timedelta(minutes=5)
"""How long a host that waits for watts is believed to be as it was seen: off, and in its slot."""
PROMISED = timedelta(seconds=60)
"""How long a woken host may take to ask, before its watts are offered to the next."""


@dataclass(frozen=True, slots=True)
class _ForWatts:
    host: Host
    watts: int
    number: int
    """Who came first goes first, among those of one wave."""
    feeds: tuple[str, ...]
    seen_at: datetime
    """When its BMC was asked last."""
    until: datetime | None = None
    """Once woken: how long its watts stay promised."""


@dataclass(slots=True)
class _ByFeed:
    """Hosts by the feeds that they are on: a change on one feed concerns nobody on another."""

    _found: defaultdict[tuple[str, str], dict[str, _ForWatts]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """Pod and feed to who is there, by host's name."""
    _known: dict[tuple[str, str], _ForWatts] = field(default_factory=dict)
    """The same by pod and host's name."""

    def put(self, one: _ForWatts) -> None:
        """In place of what was said of this host before."""
        self.take(one.host)
        self._known[one.host.pod, one.host.name] = one
        for feed in one.feeds:
            self._found[one.host.pod, feed][one.host.name] = one

    def of(self, host: Host) -> _ForWatts | None:
        """What is known of this host."""
        return self._known.get((host.pod, host.name))

    def take(self, host: Host) -> None:
        """This host is there no more."""
        before = self._known.pop((host.pod, host.name), None)
        for feed in before.feeds if before is not None else ():
            del self._found[host.pod, feed][host.name]

    def on(self, pod: str, feeds: Iterable[str]) -> list[_ForWatts]:
        """Everybody on one of these feeds, in the order in which they came."""
        found = {
            one.number: one
            for feed in feeds
            if (there := self._found.get((pod, feed)))
            for one in there.values()
        }
        return [found[number] for number in sorted(found)]


@dataclass(slots=True)
class Rooms:
    """Everybody who waits. What is to be woken is collected until it is fetched."""

    _gates: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Pod to ids of hosts."""
    _last_gates: dict[str, tuple[bool, ...]] = field(default_factory=dict)
    _watts: _ByFeed = field(default_factory=_ByFeed)
    """Who waits, and for how many watts."""
    _promised: _ByFeed = field(default_factory=_ByFeed)
    """Who was woken for watts and has not asked yet."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _places: Places = field(default_factory=Places)
    _woken: dict[str, None] = field(default_factory=dict)

    def wait_for_gate(self, live: LivePod, host: Host, seen: tuple[bool, ...]) -> None:
        """Until its pod lets it begin; `seen`: the gates as they were when that was decided."""
        self._gates[host.pod].add(host.id)
        if live.gates != seen:
            self.open_gate(host.pod)

    def wait_for_watts(self, live: LivePod, host: Host, watts: int, *, now: datetime) -> None:
        """Until its feeds carry so many watts, and its wave's turn has come."""
        feeds = live.design.wiring.feeds.get(host.slot)
        if feeds is not None:
            self._promised.take(host)
            self._watts.put(_ForWatts(host, watts, next(self._numbers), feeds, now))
            self._offer(live, feeds, now)

    def waits_for_watts(self, host: Host, *, now: datetime) -> int | None:
        """For how many, while nobody woke it and its BMC was asked not long ago."""
        one = self._watts.of(host)
        return one.watts if one is not None and now - one.seen_at < UNSEEN_MAX else None

    def wait_for_place(self, host: Host) -> None:
        """Until fewer hosts are in an act that cannot be undone."""
        self._places.wait(host)

    def waits_for_place(self, host: Host) -> bool:
        """Whether nobody woke it yet."""
        return self._places.waits(host.id)

    def took_place(self, host_id: str) -> None:
        """An act that cannot be undone was begun on this host."""
        self._places.leave(host_id)

    def leave(self, host: Host) -> None:
        """It got what it waited for, or something else became of it."""
        self._watts.take(host)
        self._promised.take(host)

    def open_gate(self, pod: str) -> None:
        """Let everybody who waits at a pod's gate look."""
        self._woken.update(dict.fromkeys(sorted(self._gates.pop(pod, ()))))

    def open_places(self, taken: Mapping[str, int], limits: Limits, *, now: datetime) -> None:
        """An act that cannot be undone has ended: let those look for whom there is a place."""
        self._woken.update(dict.fromkeys(self._places.offer(taken, limits, now=now)))

    def noted(self, live: LivePod, feeds: Iterable[str], *, now: datetime) -> None:
        """Something of a host changed on these feeds: watts, or whose turn it is."""
        pod = live.pod.name
        feeds = tuple(feeds)
        if not feeds:
            return
        if self._gates.get(pod):
            gates = live.gates
            if self._last_gates.get(pod) != gates:
                self._last_gates[pod] = gates
                self.open_gate(pod)
        self._offer(live, feeds, now)

    def fetch(self) -> list[str]:
        """Ids of hosts that should look now; each is told once."""
        found, self._woken = list(self._woken), {}
        return found

    def _offer(self, live: LivePod, feeds: Iterable[str], now: datetime) -> None:
        """Wake, in the order of waves, those whose watts fit beside all that was promised."""
        touched = self._watts.on(live.pod.name, feeds)
        if not touched:
            return
        waves = live.ledger.waves
        drawn_from = dict.fromkeys(feed for one in touched for feed in one.feeds)
        behind: set[tuple[str, ...]] = set()
        """Feeds on which an earlier wave goes first: then before all that come later, too."""
        with live.ledger.supposing(self._still_promised(live, drawn_from, now)):
            for one in sorted(touched, key=lambda each: waves.get(each.host.name, 0)):
                if one.feeds in behind:
                    continue
                verdict = admit(live.ledger, one.host, one.watts)
                if isinstance(verdict, Waits):
                    if verdict.behind:
                        behind.add(one.feeds)
                    continue
                live.ledger.suppose(one.host, one.watts)
                self._watts.take(one.host)
                self._promised.put(replace(one, until=now + PROMISED))
                self._woken[one.host.id] = None

    def _still_promised(
        self, live: LivePod, feeds: Iterable[str], now: datetime
    ) -> Iterator[tuple[Host, int]]:
        for one in self._promised.on(live.pod.name, feeds):
            if one.until is None or one.until <= now:
                self._promised.take(one.host)
            else:
                yield one.host, one.watts
