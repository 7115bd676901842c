"""The pods that a controller works in, each as it is now, with what their hosts wait for.

Nothing here is a second copy of the truth: a pod that is lost is read again, and what was missed
only makes a host wait for its next look. Where other controllers write too, pods are read whole
more often, for their writes are not heard of otherwise.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from inventory.errors import NotFound
from inventory.model import Host, Intent, Pod
from inventory.places import Equipment
from inventory.states import HostState
from inventory.store.protocol import Change
from inventory.store.reading import each_row, every
from provisioning.brakes import Limits, UnderWay, limits_of
from provisioning.livepod import LivePod
from provisioning.onboarding.policy import AdoptionPolicy
from provisioning.poddesign import Design, design_of
from provisioning.rooms import Rooms
from provisioning.world import World

ALONE_READ_EVERY_S = 30.0
"""Between two readings of a whole pod by its only controller: people write too, and seldom."""
SHARED_READ_EVERY_S = 1.0
SHARED_PER_HOST_S = 0.001
COMPARED = frozenset({HostState.MATCHING, HostState.ACCEPTING})
"""States in which a host is held against its neighbours: ports only hear them while it runs."""


class PodMaps:
    """Every pod that has hosts to step."""

    def __init__(self, world: World, *, alone: bool = True) -> None:
        self._world = world
        self._alone = alone
        self._pods: dict[str, Pod] = {}
        self._live: dict[str, LivePod] = {}
        self._designs: dict[str, Design] = {}
        self.under_way = UnderWay()
        self._reading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._looking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.rooms = Rooms()
        self._policies: dict[str, AdoptionPolicy] = {}
        self.due: Callable[[str, datetime], None] = lambda _host_id, _at: None
        """Told when each host is due that is written."""
        self._current: set[str] | None = None
        """Pods whose records are known to be as they are in this round; None: there are none."""

    def look_anew(self) -> None:
        """A round of steps begins: they share one look at whether a pod is another one."""
        self._current = set()

    async def of(self, host: Host) -> LivePod:
        """The host's pod; many steps that want it at once share one reading."""
        pod = await self.pod(host.pod)
        live = self._live.get(pod.name)
        if live is not None and live.pod is pod and not self._is_old(live):
            live.note(host)
            if self._is_compared(host, live):
                async with self._reading[pod.name]:
                    await self._draw(live, host)
            return live
        async with self._reading[pod.name]:
            live = self._live.get(pod.name)
            if live is None or live.design.digest != pod.spec_digest:
                live = LivePod(pod, self.design(pod), self.under_way.busy)
                self._live[pod.name] = live
            elif live.pod is not pod:
                live.change_pod(pod)
                self.rooms.open_gate(pod.name)
            if self._is_old(live):
                await self._read(live)
            live.note(host)
            await self._draw(live, host)
            return live

    async def pod(self, name: str) -> Pod:
        """A pod as it is on record. Its plan is large: it is only read where it changed, and once.

        When a plan is approved a thousand hosts want it in the same moment.
        """
        if (known := self._known(name)) is not None:
            return known
        async with self._looking[name]:
            if (known := self._known(name)) is not None:
                return known
            current = self._current  # of this round: what is read now is no news for the next
            pod = self._pods.get(name)
            if pod is None or await self._world.in_thread(self._version, name) != pod.version:
                pod = await self._world.in_thread(self._world.store.get, Pod, name)
            if pod is None:
                raise NotFound(f"there are hosts of pod {name}, which is not on record")
            self._pods[name] = pod
            if current is not None:
                current.add(name)
            return pod

    def _known(self, name: str) -> Pod | None:
        """What is known to be so in this round."""
        is_current = self._current is not None and name in self._current
        return self._pods.get(name) if is_current else None

    def limits(self) -> Limits:
        """How much may be done at once; of sites only the pods count that were read already."""
        hosts = Counter[str]()
        for live in self._live.values():
            hosts[live.pod.site] += live.size
        return limits_of(self._world.settings, hosts)

    def adoption_at(self, site: str) -> AdoptionPolicy:
        """What the site wants done at its BMCs; settings stay as they are while we run."""
        known = self._policies.get(site)
        if known is None:
            known = self._policies[site] = self._world.settings.adoption_at(site)
        return known

    def design(self, pod: Pod) -> Design:
        """The pod's design, read once."""
        known = self._designs.get(pod.name)
        if known is None or known.digest != pod.spec_digest:
            known = self._designs[pod.name] = design_of(pod)
        return known

    def written(self, change: Change) -> None:
        """This was written: keep up with it, and see who need not wait any more."""
        for intent in (*change.insert, *change.replace):
            if isinstance(intent, Intent):
                self._note_intent(intent)
        for host in change.replace:
            if not isinstance(host, Host):
                continue
            self.due(host.id, host.wake_at)
            if (live := self._live.get(host.pod)) is not None:
                feeds = live.note_written(host, host.version + 1)
                self.rooms.noted(live, feeds, now=self._world.clock.now())

    def _note_intent(self, intent: Intent) -> None:
        ended = self.under_way.note(intent)
        if intent.state == "open":
            self.rooms.took_place(intent.host_id)
        elif ended:
            now = self._world.clock.now()
            self.rooms.open_places(self.under_way.busy, self.limits(), now=now)

    def _version(self, name: str) -> int:
        found = self._world.store.states(Pod, (name,)).get(name)
        return found.version if found is not None else 0

    def _is_old(self, live: LivePod) -> bool:
        if live.read_at is None:
            return True
        if (news := self._world.loop_news.get(live.pod.name)) is not None and news >= live.read_at:
            return True
        every_s = ALONE_READ_EVERY_S
        if not self._alone:
            every_s = max(SHARED_READ_EVERY_S, SHARED_PER_HOST_S * len(list(live.ids)))
        return self._world.clock.now() - live.read_at >= timedelta(seconds=every_s)

    async def _read(self, live: LivePod) -> None:
        now = self._world.clock.now()  # before reading: what changes meanwhile is younger
        read = await self._world.in_thread(self._read_all, live.pod.name, live.versions)
        there, changed, intents, units = read
        live.read(changed, there=there, at=now)
        live.read_units(units)
        self.rooms.noted(live, live.design.wiring.budgets, now=now)
        self.under_way.read(intents)

    def _read_all(
        self, pod: str, known: Mapping[str, int]
    ) -> tuple[set[str], list[Host], list[Intent], list[Equipment]]:
        """Which hosts there are, and those of them that are not known as they are."""
        store = self._world.store
        rows = {row.key: row.version for row in each_row(store, Host, pod=pod)}
        news = [key for key, version in rows.items() if known.get(key) != version]
        units = [one for one in every(store, Equipment, pod=pod) if one.kind == "cdu"]
        found = list(store.get_many(Host, news).values())
        changed = [host for host in found if host.pod == pod]  # it may have moved since
        there = rows.keys() - (set(news) - {host.id for host in changed})
        return there, changed, every(store, Intent, state="open"), units

    async def _draw(self, live: LivePod, host: Host) -> None:
        """Only who is about to be compared needs to know who stands around it."""
        now = self._world.clock.now()
        if self._is_compared(host, live) and live.may_draw(now):
            await self._world.in_thread(live.draw, now)

    def _is_compared(self, host: Host, live: LivePod) -> bool:
        """Whether its facts are younger than what is known of those around it."""
        if host.state not in COMPARED or host.facts is None:
            return False
        seen: datetime | None = live.as_of
        return seen is None or seen < host.facts.observed_at
