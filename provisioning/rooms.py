"""Where hosts wait for other hosts, so that they are woken instead of asking again and again.

A host that waits asks its BMC at each look, and ten thousand that look once a second are a load
that no BMC and no controller should have. So each waits long, and is woken when what it waits for
came: a pod's gate (canaries, trial, brake, approval), watts on its feeds, a free place for an act
that cannot be undone. Nothing rests on being woken: whoever is missed looks again by itself.

A woken host needs a while to ask, so what it will take counts as promised meanwhile: two are not
woken for one place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from inventory.model import Host
from provisioning.admission import Admitted, admit

if TYPE_CHECKING:
    from provisioning.livepod import LivePod

LOOK_AGAIN_S = 30.0
"""Bounds what a wake-up that got lost costs."""
PROMISED = timedelta(seconds=60)
"""How long a woken host may take to ask, before its watts are offered to the next."""


@dataclass(frozen=True, slots=True)
class _ForWatts:
    host: Host
    watts: int


@dataclass(slots=True)
class Rooms:
    """Everybody who waits. What is to be woken is collected until it is fetched."""

    _gates: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Pod to ids of hosts."""
    _last_gates: dict[str, tuple[bool, ...]] = field(default_factory=dict)
    _watts: defaultdict[str, dict[str, _ForWatts]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """Pod to who waits in it for how many watts, by host's name."""
    _promised: dict[str, tuple[datetime, _ForWatts]] = field(default_factory=dict)
    """By host's name."""
    _places: dict[str, None] = field(default_factory=dict)
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
            self._promised.pop(host.name, None)
            self._watts[host.pod][host.name] = _ForWatts(host, watts)
            self._offer(live, set(feeds), now)

    def wait_for_place(self, host: Host) -> None:
        """Until fewer hosts are in an act that cannot be undone."""
        self._places[host.id] = None

    def leave(self, host: Host) -> None:
        """It got what it waited for, or something else became of it."""
        self._watts[host.pod].pop(host.name, None)
        self._promised.pop(host.name, None)

    def open_gate(self, pod: str) -> None:
        """Let everybody who waits at a pod's gate look."""
        self._woken.update(dict.fromkeys(sorted(self._gates.pop(pod, ()))))

    def open_places(self) -> None:
        """One act that cannot be undone has ended: let the next host look."""
        for key in list(self._places)[:1]:
            del self._places[key]
            self._woken[key] = None

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
        if self._watts.get(pod):
            self._offer(live, set(feeds), now)

    def fetch(self) -> list[str]:
        """Ids of hosts that should look now; each is told once."""
        found, self._woken = list(self._woken), {}
        return found

    def _offer(self, live: LivePod, feeds: set[str], now: datetime) -> None:
        """Wake, in the order of waves, those whose watts fit beside all that was promised."""
        waiting = self._watts[live.pod.name]
        touched = [
            one for one in waiting.values() if feeds & set(live.design.wiring.feeds[one.host.slot])
        ]
        if not touched:
            return
        waves = live.ledger.waves
        with live.ledger.supposing(self._still_promised(live, now)):
            for one in sorted(touched, key=lambda each: waves.get(each.host.name, 0)):
                if not isinstance(admit(live.ledger, one.host, one.watts), Admitted):
                    continue
                live.ledger.suppose(one.host, one.watts)
                self._promised[one.host.name] = (now + PROMISED, one)
                del waiting[one.host.name]
                self._woken[one.host.id] = None

    def _still_promised(self, live: LivePod, now: datetime) -> Iterator[tuple[Host, int]]:
        for name, (until, one) in list(self._promised.items()):
            if until <= now:
                del self._promised[name]
            elif one.host.pod == live.pod.name:
                yield one.host, one.watts
