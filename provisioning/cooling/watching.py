"""Watching the leak detectors of cooling units, and closing the loop of one that sees liquid.

Two looks that agree are a leak, as with a host's own detectors: it is written on the unit's
record, told as an event, and every host of its pod looks; what follows then is the matter of
`provisioning.lifecycle.leaking`.
Only a person opens the loop again. A unit that cannot be read closes nothing and opens nothing:
unknown is not wet, and it is said once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from inventory.clock import Clock
from inventory.errors import StaleWrite, StoreUnavailable
from inventory.model import Event
from inventory.places import Equipment
from inventory.store.protocol import Change, Fence, Store
from inventory.threads import InThread
from pods.facts import LeakDetectorFact
from provisioning.cooling.listed import CoolingUnit
from provisioning.errors import ProvisioningError

log = logging.getLogger("podyard.cooling")

AGREE_S = 5.0
"""Between two looks of which both must see liquid: one that misread once reads right then."""


class LeakReader(Protocol):
    """A unit's service."""

    async def leak_detectors(self) -> tuple[LeakDetectorFact, ...]:
        """Every detector now. Raises the errors of `provisioning.errors`."""

    async def close(self) -> None:
        """Log out."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside."""

    store: Store
    clock: Clock
    in_thread: InThread
    fence: Fence
    units: Sequence[CoolingUnit]
    opened: Callable[[CoolingUnit], LeakReader]
    every_s: float
    changed: MutableMapping[str, datetime]
    """Pod to when one of its loops closed, for controllers of this process."""


@dataclass(slots=True)
class CoolingWatch:
    """Reads every listed unit until it is cancelled."""

    world: World
    _silent: set[str] = field(default_factory=set)

    def wake(self) -> None:
        """Nothing that changes on record makes a detector wetter."""

    async def run(self) -> None:
        """Each unit on its own: one that hangs holds up no other. FenceLost by its own name."""
        try:
            async with asyncio.TaskGroup() as units:
                for unit in self.world.units:
                    units.create_task(self._watch(unit))
        except ExceptionGroup as several:
            raise several.exceptions[0] from None

    async def _watch(self, unit: CoolingUnit) -> None:
        reader = self.world.opened(unit)
        try:
            while True:
                await self.look(unit, reader)
                await self.world.clock.sleep(self.world.every_s)
        finally:
            await reader.close()

    async def look(self, unit: CoolingUnit, reader: LeakReader) -> None:
        """Once, and once more where there is liquid."""
        try:
            wet = _wet(await reader.leak_detectors())
            if wet:
                await self.world.clock.sleep(AGREE_S)
                wet &= _wet(await reader.leak_detectors())
        except ProvisioningError as error:
            if unit.name not in self._silent:
                log.warning(
                    "a cooling unit is not read", extra={"unit": unit.name, "cause": str(error)}
                )
            self._silent.add(unit.name)
            return
        self._silent.discard(unit.name)
        if wet:
            with contextlib.suppress(StaleWrite, StoreUnavailable):  # the next look finds it again
                await self.world.in_thread(self._close, unit.name, ", ".join(sorted(wet)))

    def _close(self, name: str, wet: str) -> None:
        store, now = self.world.store, self.world.clock.now()
        found = [one for one in store.find(Equipment, name=name) if one.kind == "cdu"]
        if not found:
            log.warning("a cooling unit leaks and is not on record", extra={"unit": name})
        for kept in found:
            if kept.leak:
                continue
            what = f"leak detector {wet} sees liquid"
            log.warning("a cooling unit leaks", extra={"unit": name, "cause": what})
            event = Event(
                at=now,
                actor="provisioning",
                kind="loop.leak",
                subject=f"cdu:{kept.id}",
                old=kept.name,
                why=what,
            )
            fresh = kept.model_copy(update={"leak": what, "leak_seen": now})
            store.apply(Change(replace=(fresh,), events=(event,)), now=now, fence=self.world.fence)
            done = self.world.clock.now()
            self.world.changed[kept.pod] = done  # a pod that was read amid the write is old
            store.wake_hosts(now=done, pod=kept.pod)


def _wet(detectors: Sequence[LeakDetectorFact]) -> set[str]:
    return {one.slot for one in detectors if one.state == "Critical"}
