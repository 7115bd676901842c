"""The loop: which hosts are due, and how many of them are worked on at once.

It is level-triggered. Everything is derived anew from records and observations, so nothing is
remembered that a restart could lose: hosts in the middle of anything go on where the hardware is.
An event (an API call, an agent's report) only makes a host due sooner; it carries nothing. What is
done with a host that is due is its step (`provisioning.stepping`): one slow BMC holds up one host.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from inventory.errors import FenceLost, StoreUnavailable
from inventory.roster import Alone, Roster
from inventory.store.protocol import Fence
from provisioning.alarm import Alarm
from provisioning.fleethold import FleetHold
from provisioning.pacing import Pacing
from provisioning.pacing_note import Announcing
from provisioning.podmaps import PodMaps
from provisioning.resting import Resting
from provisioning.stepping import Stepping
from provisioning.world import World

log = logging.getLogger("podyard.provisioning")

PAUSE_S = 0.05
"""Between two looks for due hosts, however many events call for one: each finds several then."""


class Controller:
    """Works on due hosts until it is stopped or its lease is lost."""

    def __init__(self, world: World, fence: Fence, roster: Roster | None = None) -> None:
        self._world = world
        self._roster = roster or Alone(world.store)
        self._rested: set[str] = set()
        most = world.settings.hosts_at_once
        self._pacing = world.pacing or Pacing(most=most, first=most)
        self._pacing.wake = self.wake
        self._maps = PodMaps(world, alone=isinstance(self._roster, Alone))
        self.resting = Resting(world, fence, self._maps)
        self.hold = FleetHold(world)
        self.stepping = Stepping(
            world,
            fence,
            maps=self._maps,
            resting=self.resting,
            hold=self.hold,
            pacing=self._pacing,
        )
        self._at_work: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._lost: BaseException | None = None
        self._alarm = Alarm(world.clock, self._wake.set, tick_s=world.settings.tick_s)
        self._maps.due = self._alarm.set
        self._short = True
        """Somebody may be due who found no room: every place that is given back counts."""
        self._announcing = Announcing(world)

    def wake(self) -> None:
        """Look for due hosts now."""
        self._wake.set()

    async def run(self) -> None:
        """Run until cancelled. Raises FenceLost when another controller took over."""
        try:
            while True:
                await self._start_due()
                self._raise_lost_fence()
                # Not `wait_for`: on Python 3.11 it loses a cancellation that meets a wake-up.
                await asyncio.sleep(PAUSE_S)
                if not self._wake.is_set():
                    self._alarm.arm()
                    await self._wake.wait()
                    self._alarm.disarm()
                self._wake.clear()
        finally:
            self._alarm.disarm()
            for task in self._at_work.values():
                task.cancel()
            await asyncio.gather(*self._at_work.values(), return_exceptions=True)
            await self._world.bmcs.close()

    async def _start_due(self) -> None:
        await self._announcing.tell(self._pacing)
        self._maps.look_anew()
        room = self._pacing.free()
        self._short = room <= 0
        if self._short:
            return
        await self.hold.look()
        try:
            await self.resting.tell()
            await self._wake_waiting()
            rested = frozenset(self._rested) - self.resting.ids  # still in hand: not told yet
            busy = frozenset(self._at_work)
            due = await self._world.in_thread(
                self._roster.due,
                self._world.clock.now(),
                room=room,
                busy=busy | self.resting.ids if self.resting.ids else busy,
                rested=rested,
                holding=self._maps.under_way.hosts(),
            )
            self._rested -= rested
        except StoreUnavailable as error:  # the database is away: wait, nothing fails for it
            log.warning("the store did not answer", extra={"cause": str(error)})
            return
        self._short |= len(due) >= room
        # Anew, and no await from here on: what a step under way read of a pod before these hosts
        # were woken may be older than what they were woken for.
        self._maps.look_anew()
        for host in due:
            if host.id in self._at_work:
                continue
            refusal = self._pacing.enter(host)
            self._short |= refusal is not None
            if refusal is None or refusal.is_its_own:
                task = asyncio.create_task(
                    self.stepping.guarded(host, refusal), name=f"step {host.name}"
                )
                self._at_work[host.id] = task
                task.add_done_callback(partial(self._ended, host.id))

    async def _wake_waiting(self) -> None:
        """Those for whom the way is free now."""
        for host_id in self._maps.rooms.fetch():
            await self._world.in_thread(
                self._world.store.wake_hosts, now=self._world.clock.now(), host_id=host_id
            )

    def _ended(self, host_id: str, task: asyncio.Task[None]) -> None:
        del self._at_work[host_id]
        self._pacing.leave(host_id)
        if not self._world.bmcs.is_open(host_id):
            self._rested.add(host_id)
        if not task.cancelled() and isinstance(task.exception(), FenceLost):
            self._lost = task.exception()
        self._alarm.ended(host_id)
        if self._short or self._lost is not None:
            self._wake.set()

    def _raise_lost_fence(self) -> None:
        if self._lost is not None:
            raise self._lost
