"""What the feeds of one host carry now, read afresh: the only look that may grant watts.

It reads the hosts of those feeds and no others, from whatever pod they are: two pods may share a
feed, and its breaker adds up all that hangs on it. What was promised is held against what meters
say, and a feed that is dead is known here before anything is started on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inventory.model import Host, Pod
from inventory.store.reading import each_row, every
from pods.facts import HardwareFacts
from provisioning.admission import Ledger, Wiring, draw_ledger, held_watts, wiring_of
from provisioning.context import Context
from provisioning.podmaps import PodMaps
from provisioning.power.inputs import feeds_of
from provisioning.power.metering import Metered, metered
from provisioning.power.watching import FeedWatch
from provisioning.world import World


class Feeds:
    """Reads ledgers for grants."""

    def __init__(self, world: World, maps: PodMaps, watch: FeedWatch) -> None:
        self._world = world
        self._maps = maps
        self._watch = watch
        self._pods: frozenset[str] = frozenset()
        self._seen: dict[tuple[str, str], Mapping[str, Host]] = {}
        """Site and feed to its hosts as they were read last: who is as it was is not read again."""
        self._racks: Mapping[tuple[str, str], tuple[str, ...]] = {}
        """Site and feed to the racks in which some host has its second supply there."""

    async def ledger(self, host: Host, context: Context) -> Ledger:
        """The watts of every line that this host burdens, and whose turn it is there."""
        around, policy = context.around, context.spec.bring_up
        wiring = around.design.wiring if around is not None else wiring_of(context.spec)
        beside = around.beside(host) if around is not None else ()
        await self._follow_pods()
        hosts = await self._world.in_thread(self._on_feeds, host, beside)
        drawn = await self._world.in_thread(self._metered, hosts, policy.measured == "loosen")
        own = [one for one in hosts if one.pod == host.pod]
        ledger = draw_ledger(own, wiring, context.pod.plan)
        for pod in sorted({one.pod for one in hosts} - {host.pod}):
            design = self._maps.design(await self._maps.pod(pod))
            strangers = [one for one in hosts if one.pod == pod]
            _add_strangers(ledger, strangers, design.wiring, feeds=feeds_of(host), drawn=drawn)
        if drawn:
            ledger.weigh(drawn, may_loosen=policy.measured == "loosen")
        ledger.dead = await self._watch.dead(host, hosts)
        ledger.starts_on_one_feed = policy.feed_dead == "start"
        return ledger

    def _on_feeds(self, host: Host, beside: Sequence[str]) -> list[Host]:
        """`beside`: hosts of the same pod with their second supply on one of the feeds."""
        store = self._world.store
        feeds = feeds_of(host)
        found = {key: one for feed in feeds for key, one in self._hosts_on(host.site, feed).items()}
        for rack in {rack for feed in feeds for rack in self._racks.get((host.site, feed), ())}:
            found |= {
                one.id: one
                for one in every(store, Host, site=host.site, rack=rack)
                if one.feed_b in feeds
            }
        found |= store.get_many(Host, [key for key in beside if key not in found])
        return list(found.values())

    def _hosts_on(self, site: str, feed: str) -> Mapping[str, Host]:
        """The hosts of a feed as they are now, by id.

        Each grant looks at all of them, and most are as they were at the grant before.
        """
        store, known = self._world.store, self._seen.get((site, feed), {})
        rows = each_row(store, Host, site=site, feed=feed)
        versions = {row.key: row.version for row in rows}
        same = {
            key: known[key]
            for key, version in versions.items()
            if key in known and known[key].version == version
        }
        fresh = store.get_many(Host, [key for key in versions if key not in same])
        found = {**same, **{key: _weighed(one) for key, one in fresh.items()}}
        self._seen[site, feed] = found
        return found

    def _metered(self, hosts: Sequence[Host], may_loosen: bool) -> dict[str, Metered]:  # noqa: FBT001 - in_thread
        if self._world.readings is None:
            return {}
        now = self._world.clock.now()
        return metered(self._world.readings, hosts, now=now, may_loosen=may_loosen)

    async def _follow_pods(self) -> None:
        """Hosts are found by their first feed; by their second, through their racks."""
        names = await self._world.in_thread(self._names)
        if names == self._pods:
            return
        racks: dict[tuple[str, str], set[str]] = {}
        for name in sorted(names):
            pod = await self._maps.pod(name)
            for (rack, _), place in self._maps.design(pod).places.items():
                if place.slot.feed_b:
                    racks.setdefault((pod.site, place.slot.feed_b), set()).add(rack)
        self._racks = {key: tuple(sorted(found)) for key, found in racks.items()}
        self._pods = names

    def _names(self) -> frozenset[str]:
        return frozenset(str(key) for (key,) in self._world.store.tally(Pod, "key"))


def _weighed(host: Host) -> Host:
    """What a ledger asks of a host, its supplies among it; facts are large and many are kept."""
    facts = host.facts
    if facts is not None:
        facts = HardwareFacts(
            observed_at=facts.observed_at,
            source=facts.source,
            manufacturer="",
            model="",
            serial="",
            uuid="",
            power_supplies=facts.power_supplies,
        )
    return host.model_copy(update={"facts": facts, "mismatches": (), "conformance": None})


def _add_strangers(
    ledger: Ledger,
    hosts: Sequence[Host],
    wiring: Wiring,
    *,
    feeds: tuple[str, ...],
    drawn: Mapping[str, Metered],
) -> None:
    for one in hosts:
        ledger.note_stranger(feeds_of(one), held_watts(one, wiring), drawn.get(one.id))
    for feed in feeds:
        base = [watts for line, watts in wiring.base.items() if line.feed == feed]
        ledger.note_stranger((feed,), max(base, default=0.0))
