"""What limits are now, told where people look: a note in the database, as no host's record.

Whoever serves pages and metrics may be another process than the controller. So the controller says
every few seconds what holds, if anything changed, and `inventory.pacing` reads it. Several
controllers each have their own limits and share the note; one that fell silent is left out.
"""

from __future__ import annotations

from datetime import datetime

from inventory.errors import StoreUnavailable
from inventory.pacing import said
from provisioning.pacing import Pacing
from provisioning.world import World

TELL_EVERY_S = 5.0


class Announcing:
    """One controller's voice."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._name = world.new_id()
        self._told_at: datetime | None = None
        self._told: dict[str, object] = {}

    async def tell(self, pacing: Pacing) -> None:
        """Now and then, and only news; a database that is away is told later."""
        now, last = self._world.clock.now(), self._told_at
        if last is not None and 0 <= (now - last).total_seconds() < TELL_EVERY_S:
            return
        self._told_at = now
        told = pacing.told()
        if told == self._told:
            return
        try:
            await self._world.in_thread(said, self._world.store, self._name, told, now=now)
        except StoreUnavailable:
            return
        self._told = told
        pacing.forget_refusals()
