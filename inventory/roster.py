"""Who works on which host: the one controller on all of them, or several on what each has in hand.

With the embedded store there is one controller and nothing to share. On PostgreSQL any number may
run: each takes due hosts that nobody has, keeps one while it talks to its BMC, and lets go of it
when it rests. The hosts of a controller that died are free after its lease has ended *and* the
longest request that it may have sent has passed: nobody works on a host to which an answer is
still on its way.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Protocol

from inventory.model import Host
from inventory.states import HostState
from inventory.store.protocol import Fence, Store
from inventory.turns import Turns

log = logging.getLogger("podyard.lease")

LOOK_FOR_DEAD_EVERY = timedelta(seconds=1)
LIST_EVERY = timedelta(seconds=0.2)
"""Everybody who is due is listed so often at most; whose turn it is, is asked at every place."""
LISTED_EACH = 500
"""For so many on the list it is made anew that much more seldom: thousands who wait for room are
read for nothing, and take the time of those who have it."""
LIST_SELDOM = timedelta(seconds=1)
POWERED = frozenset({HostState.BOOTING, HostState.CONFIGURING, HostState.ACCEPTING})
"""They hold watts of their feeds, for which the next wave waits."""
LIST_MOST = 50_000


class Roster(Protocol):
    """Hands out due hosts."""

    def due(
        self,
        now: datetime,
        *,
        room: int,
        busy: Collection[str],
        rested: Collection[str],
        holding: Collection[str] = (),
    ) -> list[Host]:
        """At most `room` due hosts besides the `busy` ones; the `rested` may go to others.

        `holding`: those with an act under way, for whose place others wait.
        """


class Alone:
    """Every due host is ours; pods take turns."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turns = Turns()
        self._listed: datetime | None = None
        self._lasts = LIST_EVERY

    def due(
        self,
        now: datetime,
        *,
        room: int,
        busy: Collection[str],
        rested: Collection[str],  # noqa: ARG002 - there is nobody to let go of them for
        holding: Collection[str] = (),
    ) -> list[Host]:
        """Whose turn it is, as they are on record now. Hosts at work stay due until recorded."""
        listed = self._listed
        if listed is None or not timedelta() <= now - listed < self._lasts:
            self._list(now, holding)
        chosen = self._turns.pick(room, busy=busy)
        if not chosen and self._listed != now:  # what came since must not wait for the next list
            self._list(now, holding)
            chosen = self._turns.pick(room, busy=busy)
        return self._store.due_hosts(now, limit=len(chosen), among=chosen) if chosen else []

    def _list(self, now: datetime, holding: Collection[str]) -> None:
        listed = self._store.due_keys(now, limit=LIST_MOST)
        ahead = {key for key, _, state in listed if state in POWERED or key in holding}
        self._turns.waiting(((key, pod) for key, pod, _ in listed), ahead=ahead)
        self._listed = now
        self._lasts = min(LIST_SELDOM, LIST_EVERY * max(1.0, len(listed) / LISTED_EACH))


class SharedStore(Protocol):
    """What several workers need of a store beside records."""

    def take_due(
        self,
        fence: Fence,
        *,
        now: datetime,
        limit: int,
        busy: Collection[str],
        rested: Collection[str],
    ) -> list[Host]:
        """Due hosts that are in this worker's hands from now on."""

    def bury(self, role: str, *, now: datetime, grace: timedelta) -> list[str]:
        """End the leases of workers that are dead for longer than `grace`; which ones."""


class Shared:
    """Due hosts that no other worker has in hand."""

    def __init__(self, store: SharedStore, fence: Fence, *, grace: timedelta) -> None:
        self._store = store
        self._fence = fence
        self._grace = grace
        self._looked: datetime | None = None

    def due(
        self,
        now: datetime,
        *,
        room: int,
        busy: Collection[str],
        rested: Collection[str],
        holding: Collection[str] = (),  # noqa: ARG002 - the longest due goes first here
    ) -> list[Host]:
        """Free what the dead held, then take."""
        self._free_the_dead(now)
        return self._store.take_due(self._fence, now=now, limit=room, busy=busy, rested=rested)

    def _free_the_dead(self, now: datetime) -> None:
        if self._looked is not None and abs(now - self._looked) < LOOK_FOR_DEAD_EVERY:
            return
        role = self._fence.lease.partition("/")[0]
        for lease in self._store.bury(role, now=now, grace=self._grace):
            log.warning("a worker is dead; its hosts are free", extra={"lease": lease})
        self._looked = now
