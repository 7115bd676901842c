"""The maps of pods that a controller has drawn, with what is read once for a whole pod.

Nothing here is a second copy of the truth: a map that is lost is drawn again, and one that is old
only makes a host wait for the next.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass

from inventory.model import Host, Intent, Pod
from inventory.store.reading import every
from pods.cabling import Cabling, cabling_of
from pods.spec import PodSpec
from provisioning.admission import Wiring, draw_ledger, wiring_of
from provisioning.brakes import busy
from provisioning.podmap import PodMap, draw
from provisioning.wanted import brake_of, spec_of
from provisioning.world import World


@dataclass(frozen=True, slots=True)
class Design:
    """A spec as it was kept with a pod, read once, with its cables and the lines of its feeds."""

    digest: str
    spec: PodSpec
    cabling: Cabling | None
    wiring: Wiring


class PodMaps:
    """One map for each pod that has hosts to step."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._maps: dict[str, PodMap] = {}
        self._designs: dict[str, Design] = {}
        self._drawing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def design(self, pod: Pod) -> Design:
        """The pod's design. Validating a large one takes longer than a whole step."""
        known = self._designs.get(pod.name)
        if known is None or known.digest != pod.spec_digest:
            spec = spec_of(pod)
            cabling = cabling_of(spec) if spec.fabric is not None else None
            known = self._designs[pod.name] = Design(
                pod.spec_digest, spec, cabling, wiring_of(spec)
            )
        return known

    async def of(self, pod: Pod) -> PodMap:
        """A map that is fresh enough; many steps that want one at once share one drawing."""
        async with self._drawing[pod.name]:
            known = self._maps.get(pod.name)
            if known is None or not known.is_fresh(self._world.clock.now()):
                known = await self._world.in_thread(self._draw, pod)
                self._maps[pod.name] = known
            return known

    def _draw(self, pod: Pod) -> PodMap:
        now = self._world.clock.now()  # before reading: what changes meanwhile is younger
        hosts = every(self._world.store, Host, pod=pod.name)
        design = self.design(pod)
        brake = brake_of(pod, design.spec, hosts)
        ledger = draw_ledger(hosts, design.wiring, pod.plan)
        taken = busy(every(self._world.store, Intent, state="open"))
        return draw(hosts, design.cabling, brake=brake, now=now, ledger=ledger, busy=taken)
