"""How long hosts of one model may take in each state at this site, read when a host seems late.

The defaults are enough for nearly every host, so the past is only read when one has overstayed its
default, and then not again for an hour: learned times never shorten what is allowed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from inventory.model import Host, Pod
from inventory.past import HOSTS_MAX, past_of
from inventory.states import ALLOWED_TIME_S
from pods.expectation import Past
from provisioning.remedies import allowed_time_s
from provisioning.world import World

GOOD_FOR = timedelta(hours=1)  # a model's median does not move faster than bring-ups end


class AllowedTimes:
    """The allowed times of the hosts that a controller works on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._past: dict[str, tuple[datetime, Past]] = {}

    async def of(self, host: Host, pod: Pod, *, updates: int) -> float | None:
        """What this host's state may take, the past of its model read anew where it is old."""
        now = self._world.clock.now()
        known = self._past.get(pod.name)
        if known is None or now - known[0] > GOOD_FOR:
            past = await self._world.in_thread(self._read, pod)
            self._past[pod.name] = (now, past)
        return self.known(host, updates=updates)

    def known(self, host: Host, *, updates: int) -> float | None:
        """The same, by what was read last."""
        if host.state not in ALLOWED_TIME_S:
            return None
        _, past = self._past.get(host.pod, (None, {}))
        return allowed_time_s(host.state, past.get(host.host_type, {}), updates=updates)

    def _read(self, pod: Pod) -> Past:
        store = self._world.store
        return past_of(store, pod, store.find(Host, pod=pod.name, limit=HOSTS_MAX))
