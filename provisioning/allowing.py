"""How long hosts of one model may take in each state at this site, read when a host seems late.

The defaults are enough for nearly every host, so the past is only read when one has overstayed its
default (`inventory.allowed` says how it counts).
"""

from __future__ import annotations

from functools import partial

from inventory.allowed import LearnedTimes
from inventory.model import Host, Pod
from provisioning.world import World


class AllowedTimes:
    """The allowed times of the hosts that a controller works on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._learned = LearnedTimes()

    async def of(self, host: Host, pod: Pod, *, updates: int) -> float | None:
        """What this host's state may take, the past of its model read anew where it is old."""
        ask = partial(self._learned.of, updates=updates, now=self._world.clock.now())
        return await self._world.in_thread(ask, self._world.store, host, pod)

    def known(self, host: Host, *, updates: int) -> float | None:
        """The same, by what was read last."""
        return self._learned.known(host, updates=updates)
