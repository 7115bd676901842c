"""Keeping with each feed whether it is dead, as its hosts' supplies tell or a person said.

What a person said stays until a person takes it back. What podyard found it takes back itself when
hosts of the feed have seen power there again. The record and its event land together; of two
controllers that find the same, one writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from inventory.errors import StaleWrite
from inventory.model import Event, Host
from inventory.places import PowerFeed
from inventory.store.protocol import Change, Store
from inventory.store.reading import every
from provisioning.acts.recorder import Recorder
from provisioning.power.inputs import Verdict, feeds_of, verdict
from provisioning.world import World

NAMED_MAX = 5


class FeedWatch:
    """Says which feeds are dead, and writes down what changed."""

    def __init__(self, world: World, recorder: Recorder) -> None:
        self._world = world
        self._recorder = recorder

    async def dead(self, host: Host, hosts: Sequence[Host]) -> Mapping[str, str]:
        """Of this host's feeds those that are dead, with why; `hosts`: all that hang on them."""
        found: dict[str, str] = {}
        for kept in await self._world.in_thread(self._records, host):
            now = await self._agree(kept, hosts)
            if now.dead:
                found[now.name] = now.dead
        return found

    async def look(self, host: Host) -> None:
        """What this host's supplies just said may settle it."""
        hosts = await self._world.in_thread(_near, self._world.store, host)
        await self.dead(host, hosts)

    def _records(self, host: Host) -> list[PowerFeed]:
        store = self._world.store
        return [
            one
            for feed in feeds_of(host)
            for one in store.find(PowerFeed, site=host.site, name=feed, limit=1)
        ]

    async def _agree(self, kept: PowerFeed, hosts: Iterable[Host]) -> PowerFeed:
        said = verdict(kept.name, hosts)
        by_person = kept.dead and kept.dead_seen is None
        if said is None or by_person or said.dead is bool(kept.dead):
            return kept
        now = self._world.clock.now()
        what = _in_words(kept.name, said)
        fresh = kept.model_copy(
            update={"dead": what if said.dead else "", "dead_seen": now if said.dead else None}
        )
        event = Event(
            at=now,
            actor="provisioning",
            kind="feed.dead" if said.dead else "feed.back",
            subject=f"feed:{kept.id}",
            old=kept.name,
            why=what,
        )
        try:
            await self._recorder.apply(Change(replace=(fresh,), events=(event,)))
        except StaleWrite:  # another controller, or a person, said something of it just now
            return await self._world.in_thread(self._world.store.get, PowerFeed, kept.id) or kept
        await self._world.in_thread(self._wake, hosts)
        return fresh

    def _wake(self, hosts: Iterable[Host]) -> None:
        """Those who wait for this feed, or should hold back for it, look now."""
        now = self._world.clock.now()
        for pod in sorted({one.pod for one in hosts}):
            self._world.store.wake_hosts(now=now, pod=pod)


def _near(store: Store, host: Host) -> list[Host]:
    """The hosts whose first feed is one of this host's."""
    return [one for feed in feeds_of(host) for one in every(store, Host, site=host.site, feed=feed)]


def _in_words(feed: str, said: Verdict) -> str:
    names = ", ".join(said.hosts[:NAMED_MAX])
    more = f" and {len(said.hosts) - NAMED_MAX} more" if len(said.hosts) > NAMED_MAX else ""
    what = "have no input" if said.dead else "have input again"
    return f"the supplies of {names}{more} on feed {feed} {what}"
