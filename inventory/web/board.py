"""What stands where, read once for everybody who looks: the base of the overview and the floor.

Ten thousand hosts are a hundred megabytes of records, and most of them are as they were at the last
look. So only their keys and versions are read anew, and whole records where a version is another.
What was read is kept for a multiple of the time it took: watching costs at most a twentieth of one
processor, however many watch. A small site is read every quarter of a second and is as good as
live. One reads, the others wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Request

from inventory.deps import ApiDeps
from inventory.model import Host, Pod
from inventory.places import Equipment, Location, PowerFeed, Rack, Site
from inventory.store.protocol import PAGE_MAX, Store
from inventory.store.query import Query
from inventory.store.reading import every
from inventory.web.views.hosts import HostLine, line

KEPT_AT_LEAST_S = 0.25
KEPT_AT_MOST_S = 10.0  # older than this, nobody would call it live
KEPT_TIMES = 20
"""Kept for so many times as long as it took to read: 5 % of one processor."""
AT_ONCE = 500  # records that are in memory whole at one time

Known = dict[str, tuple[int, HostLine]]
"""Host's key to the version that was read, and what is shown of it."""


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that has a place."""

    hosts: tuple[HostLine, ...]
    pods: tuple[Pod, ...]
    racks: tuple[Rack, ...]
    locations: tuple[Location, ...]
    feeds: tuple[PowerFeed, ...]
    equipment: tuple[Equipment, ...]
    titles: dict[str, str]
    """Site to what people call it."""

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site that anything stands at."""
        named = {host.site for host in self.hosts} | {pod.site for pod in self.pods}
        return tuple(sorted(named | {rack.site for rack in self.racks} | set(self.titles)))

    def at(self, sites: frozenset[str] | None) -> Board:
        """What stands at these sites; None is all of them."""
        if sites is None:
            return self
        return replace(
            self,
            hosts=_at(self.hosts, sites),
            pods=_at(self.pods, sites),
            racks=_at(self.racks, sites),
            locations=_at(self.locations, sites),
            feeds=_at(self.feeds, sites),
            equipment=_at(self.equipment, sites),
            titles={site: title for site, title in self.titles.items() if site in sites},
        )


def _at(found: Iterable[Any], sites: frozenset[str]) -> tuple[Any, ...]:
    return tuple(one for one in found if one.site in sites)


class Boards:
    """Keeps the newest board for as long as it is worth. One per process."""

    def __init__(self) -> None:
        self._reading = asyncio.Lock()
        self._board: Board | None = None
        self._known: Known = {}
        self._good_until_s = 0.0

    async def read(self, deps: ApiDeps) -> Board:
        """A board that is not older than it may be. `deps` is the app's own: it is kept for all."""
        clock = asyncio.get_running_loop().time
        async with self._reading:
            if self._board is None or clock() >= self._good_until_s:
                began_s = clock()
                self._known = await deps.in_thread(hosts_now, deps.store, self._known)
                self._board = await deps.in_thread(load, deps.store, self._known)
                kept_s = max(KEPT_AT_LEAST_S, KEPT_TIMES * (clock() - began_s))
                self._good_until_s = clock() + min(kept_s, KEPT_AT_MOST_S)
            return self._board

    def forget(self) -> None:
        """Somebody changed something here: the next look reads anew."""
        self._good_until_s = 0.0


async def whole_board(request: Request) -> Board:
    """All sites. What one actor may see of it is for the caller to cut out."""
    return await boards_of(request).read(request.app.state.deps)


def boards_of(request: Request) -> Boards:
    """This app's keeper."""
    state = request.app.state
    if not hasattr(state, "boards"):
        state.boards = Boards()
    found: Boards = state.boards
    return found


def load(store: Store, hosts: Known) -> Board:
    """Everything that has a place; what is few is read whole."""
    return Board(
        hosts=tuple(shown for _, shown in hosts.values()),
        pods=tuple(every(store, Pod)),
        racks=tuple(every(store, Rack)),
        locations=tuple(every(store, Location)),
        feeds=tuple(every(store, PowerFeed)),
        equipment=tuple(every(store, Equipment)),
        titles={site.name: site.title or site.name for site in every(store, Site)},
    )


def hosts_now(store: Store, known: Known) -> Known:
    """Every host as it is now, reading those whole that changed since they were known."""
    versions = dict(_versions(store))
    changed = [key for key, version in versions.items() if known.get(key, (0,))[0] != version]
    found = {key: known[key] for key in versions if key in known}
    for begin in range(0, len(changed), AT_ONCE):
        read = store.get_many(Host, changed[begin : begin + AT_ONCE])
        found |= {key: (host.version, line(host)) for key, host in read.items()}
    return {key: found[key] for key in versions if key in found}


def _versions(store: Store) -> Iterator[tuple[str, int]]:
    after = ""
    while True:
        page = store.outline(Host, Query(after=after, limit=PAGE_MAX, counted=False))
        yield from ((row.key, row.version) for row in page.rows)
        after = page.next_cursor
        if not after:
            return
