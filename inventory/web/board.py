"""What stands where, read once for everybody who looks: the base of the overview and the floor.

At 10,000 hosts a whole read takes a good part of a second, so it is kept for a multiple of what it
took: watching costs at most a twentieth of one processor, however many watch. A small site is read
anew every quarter of a second and is as good as live. One reads, the others wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Request

from inventory.deps import ApiDeps
from inventory.model import Host, Pod
from inventory.places import Equipment, Location, PowerFeed, Rack, Site
from inventory.store.protocol import PAGE_MAX, Store
from inventory.store.reading import every, key_of
from inventory.web.views.hosts import HostLine, line

KEPT_AT_LEAST_S = 0.25
KEPT_TIMES = 20
"""Kept for so many times as long as it took to read: 5 % of one processor."""


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
        self._good_until_s = 0.0

    async def read(self, deps: ApiDeps) -> Board:
        """A board that is not older than it may be. `deps` is the app's own: it is kept for all."""
        clock = asyncio.get_running_loop().time
        async with self._reading:
            if self._board is None or clock() >= self._good_until_s:
                began_s = clock()
                self._board = await deps.in_thread(load, deps.store)
                took_s = clock() - began_s
                self._good_until_s = clock() + max(KEPT_AT_LEAST_S, KEPT_TIMES * took_s)
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


def load(store: Store) -> Board:
    """Read everything that has a place, page by page, keeping only what is shown."""
    return Board(
        hosts=tuple(_lines(store)),
        pods=tuple(every(store, Pod)),
        racks=tuple(every(store, Rack)),
        locations=tuple(every(store, Location)),
        feeds=tuple(every(store, PowerFeed)),
        equipment=tuple(every(store, Equipment)),
        titles={site.name: site.title or site.name for site in every(store, Site)},
    )


def _lines(store: Store) -> Iterable[HostLine]:
    after = ""
    while True:
        page = store.find(Host, after=after, limit=PAGE_MAX)
        yield from (line(host) for host in page)
        if len(page) < PAGE_MAX:
            return
        after = key_of(page[-1])
