"""Whether somebody holds the whole fleet: a file and a note, either of which does.

It is asked once a tick for all hosts' decisions, and anew before each act, for a tick is long.
"""

from __future__ import annotations

from datetime import datetime

from inventory.errors import StoreUnavailable
from inventory.holding import held
from inventory.restored import watching_only
from provisioning.lifecycle.actions import Action
from provisioning.lifecycle.decision import Wanted
from provisioning.lifecycle.restraining import HARMLESS, was_begun
from provisioning.world import World


class FleetHold:
    """As one controller knows it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._looked: datetime | None = None
        self.reason = ""
        """As it was read last; empty: nobody holds it."""

    async def look(self) -> None:
        """Read it, where the last reading is a tick old."""
        now, last = self._world.clock.now(), self._looked
        if last is not None and 0 <= (now - last).total_seconds() < self._world.settings.tick_s:
            return
        self._looked = now
        try:
            found = await self._world.in_thread(held, self._world.store, self._world.hold_file)
        except StoreUnavailable:  # what was read last still counts
            return
        self.reason = str(found) if found else ""

    async def why_not(self, action: Action, wanted: Wanted) -> str:
        """Why nothing may be changed now; empty: it may."""
        if isinstance(action, HARMLESS):
            return ""
        return await self._world.in_thread(self._stopped, action, wanted)

    def _stopped(self, action: Action, wanted: Wanted) -> str:
        """The records may be older than the hardware; or somebody holds the whole fleet."""
        if why := watching_only(self._world.store):
            return why
        found = held(self._world.store, self._world.hold_file)
        return str(found) if found and not was_begun(action, wanted) else ""
