"""What becomes of readings: a day that is over is rolled up, and what is too old goes.

A few hosts at a time, so that no reader waits: a site of ten thousand is through in a quarter of an
hour. A day is rolled up an hour after it ended, when nothing of it can still be waiting for the
database; no reading goes before its day was.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from inventory.errors import StoreUnavailable
from inventory.model import Host
from inventory.readings.packing import DAY_S
from provisioning.telemetry.world import World

log = logging.getLogger("podyard.telemetry")

EVERY_S = 300.0
SETTLED_S = 3600
HOSTS_AT_ONCE = 16
"""Rolled up in one go: some 15 ms of a processor each."""
ROWS_AT_ONCE = 2000
PAUSE_S = 0.5


@dataclass(slots=True)
class Aging:
    """Rolls up and removes, again and again."""

    world: World
    is_mine: Callable[[], bool] = lambda: True
    """One of several workers does it for all."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                if self.is_mine():
                    await self.sweep()
            except StoreUnavailable as error:  # nothing is urgent here
                log.warning("old readings stay for now", extra={"cause": str(error)})
            await self.world.clock.sleep(EVERY_S)

    async def sweep(self) -> None:
        """Everything that is due now."""
        now = int(self.world.clock.now().timestamp())
        today = (now - SETTLED_S) // DAY_S
        readings = self.world.readings
        call = self.world.in_thread
        for day in await call(partial(readings.days_to_roll_up, before=today)):
            hosts = await call(partial(readings.unrolled, day=day))
            for first in range(0, len(hosts), HOSTS_AT_ONCE):
                some = hosts[first : first + HOSTS_AT_ONCE]
                await call(partial(readings.roll_up, day=day, hosts=some))
                await self.world.clock.sleep(PAUSE_S)
        await self._forget(now, today)

    async def _forget(self, now: int, today: int) -> None:
        settings = self.world.settings
        forget = partial(
            self.world.readings.forget,
            windows_before=min(now - settings.raw_hours * 3600, today * DAY_S),
            days_before=now // DAY_S - settings.rollup_days,
            lines_before=now - settings.log_days * float(DAY_S),
            limit=ROWS_AT_ONCE,
        )
        while await self.world.in_thread(forget):
            await self.world.clock.sleep(PAUSE_S)
        known = await self.world.in_thread(self.world.store.tally, Host, "key")
        await self.world.in_thread(self.world.readings.forget_hosts, [key for (key,) in known])
