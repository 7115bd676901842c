"""What the feeds of one host carry now, read afresh: the only look that may grant watts.

It reads the hosts of those feeds and no others, from whatever pod they are: two pods may share a
feed, and its breaker adds up all that hangs on it.
"""

from __future__ import annotations

from collections.abc import Sequence

from inventory.model import Host
from inventory.store.reading import every
from provisioning.admission import Ledger, Wiring, draw_ledger, held_watts, wiring_of
from provisioning.context import Context
from provisioning.podmaps import PodMaps
from provisioning.world import World


class Feeds:
    """Reads ledgers for grants."""

    def __init__(self, world: World, maps: PodMaps) -> None:
        self._world = world
        self._maps = maps

    async def ledger(self, host: Host, context: Context) -> Ledger:
        """The watts of every line that this host burdens, and whose turn it is there."""
        around = context.around
        wiring = around.design.wiring if around is not None else wiring_of(context.spec)
        beside = around.beside(host) if around is not None else ()
        hosts = await self._world.in_thread(self._on_feeds, host, beside)
        own = [one for one in hosts if one.pod == host.pod]
        ledger = draw_ledger(own, wiring, context.pod.plan)
        for pod in sorted({one.pod for one in hosts} - {host.pod}):
            design = self._maps.design(await self._maps.pod(pod))
            strangers = [one for one in hosts if one.pod == pod]
            _add_strangers(ledger, strangers, design.wiring, feeds=_feeds_of(host))
        return ledger

    def _on_feeds(self, host: Host, beside: Sequence[str]) -> list[Host]:
        """`beside`: hosts of the same pod with their second supply on one of the feeds."""
        store = self._world.store
        found = {
            one.id: one
            for feed in _feeds_of(host)
            for one in every(store, Host, site=host.site, feed=feed)
        }
        found |= store.get_many(Host, [key for key in beside if key not in found])
        return list(found.values())


def _add_strangers(
    ledger: Ledger, hosts: Sequence[Host], wiring: Wiring, *, feeds: tuple[str, ...]
) -> None:
    for one in hosts:
        ledger.note_stranger(_feeds_of(one), held_watts(one, wiring))
    for feed in feeds:
        drawn = [watts for line, watts in wiring.base.items() if line.feed == feed]
        ledger.note_stranger((feed,), max(drawn, default=0.0))


def _feeds_of(host: Host) -> tuple[str, ...]:
    return tuple(dict.fromkeys(feed for feed in (host.feed, host.feed_b) if feed))
